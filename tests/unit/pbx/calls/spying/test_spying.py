"""One channel that spies on another: its modes, its volume, its end."""

from __future__ import annotations

import pytest
from fake_technology import settle
from spying_kit import Spied, spied, tone, values

from asterism.media.volume import gain_of
from asterism.pbx.calls.spying.spying import Mode, Spying
from asterism.pbx.vocabulary.errors import ChannelHangup


def talk(world: Spied, count: int = 8) -> tuple[set[int], set[int], set[int]]:
    """Alice says 100 and hears 10, carol says 1: what carol hears, what alice hears, what her call hears."""
    alice, call = set(), set()
    for _ in range(count):
        world.says(world.carol, tone(1))
        call |= set(values([world.says(world.alice, tone(100))]))
        alice |= set(values([world.hears(world.alice, tone(10))]))
        world.turn()
    return set(values(world.heard(world.carol))) - {0}, alice, call


@pytest.mark.parametrize(
    ("mode", "spy", "alice", "call"),
    [
        (Mode.LISTEN, {110}, {10}, {100}),
        (Mode.WHISPER, {110}, {10, 11}, {100}),
        (Mode.PRIVATE, set(), {10, 11}, {100}),
        (Mode.BARGE, {110}, {10, 11}, {100, 101}),
    ],
)
def test_each_mode_is_heard_by_those_that_it_says(mode: Mode, spy: set[int], alice: set[int], call: set[int]) -> None:
    async def scenario(world: Spied) -> None:
        first = Mode.BARGE if mode is Mode.LISTEN else Mode.LISTEN
        spying = Spying(world.carol, world.alice, first)
        spying.begin()
        spying.mode = mode
        assert spying.mode is mode
        talk(world)
        heard = talk(world)
        # A turn that the machine was late for may be without the spy's voice.
        assert (heard[0], heard[1] | {10}, heard[2] | {100}) == (spy, alice, call)
        spying.stop()
        assert world.alice.taps.taps == ()

    spied(scenario)


def test_only_what_the_channel_says() -> None:
    async def scenario(world: Spied) -> None:
        async with Spying(world.carol, world.alice, only_says=True):
            assert talk(world)[0] == {100}

    spied(scenario)


def test_the_volume_is_a_factor_of_what_is_heard_and_may_change() -> None:
    assert [gain_of(one) for one in (0, 1, 4, -1, -4)] == [1.0, 1.0, 4.0, 1.0, 0.25]

    async def scenario(world: Spied) -> None:
        spying = Spying(world.carol, world.alice, volume=3)
        spying.begin()
        taps = world.carol.taps
        assert spying.volume == 3
        assert values([world.hears(world.carol, tone(100))]) == [300]
        spying.volume = -4
        assert values([world.hears(world.carol, tone(100))]) == [25]
        spying.volume = 9
        assert spying.volume == 4
        spying.volume = 0
        assert taps.taps == ()
        spying.volume = 2
        spying.stop()
        assert taps.taps == ()
        assert spying.volume == 2

    spied(scenario)


@pytest.mark.parametrize("who", ["alice", "carol"])
@pytest.mark.parametrize("mode", Mode)
def test_it_ends_once_with_either_of_the_two(who: str, mode: Mode) -> None:
    async def scenario(world: Spied) -> None:
        ended: list[Spying] = []
        spying = Spying(world.carol, world.alice, mode, on_end=ended.append)
        spying.begin()
        assert spying.active
        {"alice": world.alice, "carol": world.carol}[who].hang_up()
        assert not spying.active
        spying.stop()
        assert ended == [spying]
        names = [name for name in world.server.names() if name.startswith("ChanSpy")]
        assert names == ["ChanSpyStart", "ChanSpyStop"]
        (told,) = world.server.fields("ChanSpyStop")
        assert (told["SpyerChannel"], told["SpyeeChannel"]) == (world.carol.name, world.alice.name)

    spied(scenario)


def test_what_it_waits_for_is_a_digit_its_end_or_the_spys() -> None:
    async def scenario(world: Spied) -> None:
        carol = world.carol
        spying = Spying(carol, world.alice)
        spying.begin()
        digit = world.server.pbx.loop.create_task(spying.next_digit())
        await settle()
        carol.keep_digit("5", 100)
        assert await digit == "5"
        waits = world.server.pbx.loop.create_task(spying.wait())
        await settle()
        assert not waits.done()
        world.alice.hang_up()
        await waits
        assert await spying.next_digit() == ""
        spying = Spying(carol, world.bob)
        spying.begin()
        waits = world.server.pbx.loop.create_task(spying.wait())
        await settle()
        carol.queue_hangup()
        with pytest.raises(ChannelHangup):
            await waits
        assert not spying.active

    spied(scenario)


def test_what_is_not_possible_is_refused_and_changes_nothing() -> None:
    async def scenario(world: Spied) -> None:
        carol = world.carol
        with pytest.raises(ValueError, match="itself"):
            Spying(carol, carol).begin()
        async with Spying(carol, world.alice):
            with pytest.raises(RuntimeError):
                Spying(carol, world.bob).begin()
        world.alice.hang_up()
        late = Spying(carol, world.alice)
        late.begin()
        assert not late.active
        assert carol.speaks is None
        carol.soft_hangup()
        with pytest.raises(ChannelHangup):
            Spying(carol, world.bob).begin()

    spied(scenario)


def test_the_volume_is_what_it_was_set_to_before_it_begins() -> None:
    async def scenario(world: Spied) -> None:
        spying = Spying(world.carol, world.alice, volume=9)
        assert spying.volume == 4
        spying.volume = -2
        spying.begin()
        assert spying.volume == -2
        spying.stop()

    spied(scenario)
