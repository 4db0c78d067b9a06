"""One channel that speaks to many, or hears many."""

from __future__ import annotations

import pytest
from fake_technology import settle
from spying_kit import Spied, spied, tone, values

from asterism.pbx.calls.spying.broadcasting import Broadcasting, Way


@pytest.mark.parametrize(
    ("way", "carol", "alice", "call"),
    [
        (Way(speaks=True), set(), 11, 100),
        (Way(speaks=True, to_peers=True), set(), 11, 101),
        (Way(hears=True), {300}, 10, 100),
        (Way(hears=True, from_peers=True), {330}, 10, 100),
        (Way(speaks=True, to_peers=True, hears=True), {300}, 11, 101),
    ],
)
def test_who_hears_whom(way: Way, carol: set[int], alice: int, call: int) -> None:
    async def scenario(world: Spied) -> None:
        async with Broadcasting(world.carol, [world.alice, world.carol, world.bob, world.alice], way) as found:
            assert found.targets == (world.alice, world.bob)
            for _ in range(2):
                world.heard(world.carol)
                for _ in range(8):
                    world.says(world.carol, tone(1))
                    last = [
                        values([world.says(one, tone(100 * by)), world.hears(one, tone(10 * by))])
                        for one, by in ((world.alice, 1), (world.bob, 2))
                    ]
                    world.turn()
            assert set(values(world.heard(world.carol))) - {0} == carol
            assert last[0] == [call, alice]
        assert world.alice.taps.taps == ()

    spied(scenario)


def test_it_is_over_with_the_last_of_them_or_with_the_speaker() -> None:
    async def scenario(world: Spied) -> None:
        carol = world.carol
        both = [world.alice, world.bob]
        found = Broadcasting(carol, both, Way(speaks=True, to_peers=True, hears=True, from_peers=True))
        found.begin()
        waits = world.server.pbx.loop.create_task(found.wait())
        world.alice.hang_up()
        await settle()
        assert found.targets == (world.bob,)
        assert not waits.done()
        world.bob.hang_up()
        await waits
        assert not found.active
        late = Broadcasting(carol, both, Way(hears=True))
        late.begin()
        assert not late.active
        dave = world.channel("dave")
        last = Broadcasting(carol, [dave], Way(speaks=True))
        last.begin()
        carol.hang_up()
        assert not last.active
        assert dave.taps.taps == ()

    spied(scenario)
