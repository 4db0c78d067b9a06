"""What passes directions of channels is mixed in time, for whoever listens at the moment."""

from __future__ import annotations

import pytest
from fake_technology import set_audio
from spying_kit import Spied, spied, tone, values

from asterism.media.formats import LINEAR, SLIN, ULAW, Format
from asterism.media.g711 import linear_to_ulaw
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap
from asterism.pbx.calls.spying.tapped_mix import Place, TappedMix
from asterism.pbx.channels.channel import Channel


def mix_for(world: Spied, ended: list[Channel]) -> TappedMix:
    def listener() -> Place | None:
        stream = world.carol.stream
        return None if stream is None else (stream.format, stream)

    return TappedMix(world.carol, listener, ended.append)


def test_both_directions_are_heard_in_time_with_each_other() -> None:
    """What passed at the same time is in the same frame, though one comes in bursts and one in another order."""

    async def scenario(world: Spied) -> None:
        mix = mix_for(world, [])
        both = [(world.alice, direction) for direction in Direction]
        mix.hear(*both)
        assert mix.sources == tuple(both)
        for number in range(1, 9):
            if number % 2 == 0:  # two at a time
                for one in (number - 1, number):
                    world.says(world.alice, tone(100 * one)._replace(timestamp=160 * one))
            stamped = {3: 4, 4: 3}.get(number, number)
            world.hears(world.alice, tone(10 * stamped)._replace(timestamp=160 * stamped))
            world.turn()
        world.turn(2)
        heard = [value for value in values(world.heard(world.carol)) if value]
        whole = [value for value in heard if value >= 110]
        assert whole == [110 * number for number in range(whole[0] // 110, 9)]
        assert len(whole) >= 6
        mix.stop()
        mix.stop()
        assert world.turns == []
        assert mix.sources == ()

    spied(scenario)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_formats_and_rates_may_be_any(rate: int) -> None:
    async def scenario(world: Spied) -> None:
        mix = mix_for(world, [])
        mix.hear((world.alice, Direction.IN), (world.bob, Direction.OUT))
        for _ in range(12):
            world.says(world.alice, Frame(ULAW, linear_to_ulaw(tone(1000).payload)))
            world.hears(world.bob, tone(2000, LINEAR[16000]))
            world.turn()
        heard = world.heard(world.carol)
        assert {frame.format for frame in heard} == {LINEAR[rate]}
        assert values(heard)[-2] == pytest.approx(3000, abs=60)
        mix.stop()

    spied(scenario, {"carol": LINEAR[rate]})


def test_who_whispers_is_not_heard_by_those_who_listen_to_what_is_sent() -> None:
    async def scenario(world: Spied) -> None:
        mix = mix_for(world, [])
        mix.hear((world.alice, Direction.OUT))
        louder = _Louder()
        world.alice.attach(louder, Direction.OUT)
        for _ in range(6):
            assert values([world.hears(world.alice, tone(500))]) == [9500]
            world.turn()
        assert set(values(world.heard(world.carol))) == {0, 500}
        mix.stop()

    spied(scenario)


def test_the_listener_may_change_its_audio_and_one_whose_audio_there_is_no_way_to_is_told_once() -> None:
    strange = Format("strange", "STRANGE", 8000, 8000, 99)

    async def scenario(world: Spied) -> None:
        mix = mix_for(world, [])
        mix.hear((world.alice, Direction.IN))

        def some() -> set[int]:
            for _ in range(6):
                world.says(world.alice, tone(700))
                world.turn()
            return set(values(world.heard(world.carol)))

        assert some() == {0, 700}
        stream = world.carol.stream
        stream.format = strange  # type: ignore[misc]
        assert some() == set()
        assert some() == set()
        stream.format = SLIN  # type: ignore[misc]
        assert 700 in some()
        set_audio(world.carol, None)
        world.turn()
        set_audio(world.carol, stream)
        assert 700 in some()
        mix.stop()

    assert spied(scenario).count("hears nothing") == 1


def test_the_end_of_a_channel_is_told_and_the_others_are_heard_on() -> None:
    async def scenario(world: Spied) -> None:
        ended: list[Channel] = []
        mix = mix_for(world, ended)
        mix.hear((world.alice, Direction.IN), (world.alice, Direction.OUT), (world.bob, Direction.IN))
        world.alice.hang_up()
        assert set(ended) == {world.alice}
        assert mix.sources == ((world.bob, Direction.IN),)
        for _ in range(6):
            world.says(world.bob, tone(900))
            world.turn()
        assert 900 in values(world.heard(world.carol))
        mix.hear((world.bob, Direction.OUT))
        assert mix.sources == ((world.bob, Direction.OUT),)
        mix.stop()

    spied(scenario)


def test_a_turn_that_fails_is_logged_and_ends_it() -> None:
    async def scenario(world: Spied) -> None:
        ended: list[Channel] = []

        def wrong() -> Place | None:
            raise LookupError("nobody there")

        mix = TappedMix(world.carol, wrong, ended.append)
        mix.hear((world.alice, Direction.IN))
        world.turn()
        assert ended == [world.alice]
        assert world.alice.taps.taps == ()

    assert spied(scenario).count("is mixed no more") == 1


class _Louder(Tap):
    changes = True

    def change(self, frame: Frame) -> Frame:
        return tone(values([frame])[0] + 9000)
