"""Changes reach all subscriptions in slices, each with its newest state."""

from __future__ import annotations

import asyncio
import logging

import pytest

from asterism.applications.pubsub import fanout
from asterism.applications.pubsub.fanout import FanOut

LOG = logging.getLogger("test")


class Told:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.states: list[object] = []

    def notify(self, state: object) -> None:
        self.states.append(state)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_only_the_newest_state_is_told() -> None:
    found, one, other = FanOut(LOG), Told(), Told()
    found.put(one, "a")
    found.put(other, "a")
    found.put(one, "b")
    found.discard(other)
    assert one.states == []
    await turns(2)
    assert (one.states, other.states) == (["b"], [])
    found.put(other, "c")
    await turns(2)
    assert other.states == ["c"]


async def test_others_get_their_turn_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "SLICE", 0.0)
    found, told = FanOut(LOG), [Told() for _ in range(5)]
    for number, one in enumerate(told):
        found.put(one, number)
    for count in range(1, 6):
        await turns(1)
        assert sum(len(one.states) for one in told) == count
    await turns(2)
    assert not len(found)


@pytest.mark.parametrize("raised", [KeyError, asyncio.CancelledError, SystemExit, RecursionError])
async def test_one_that_raises_does_not_stop_the_queue(raised: type[BaseException]) -> None:
    class Raises(Told):
        def notify(self, state: object) -> None:
            raise raised

    found, one, other = FanOut(LOG), Told(), Told()
    for each in (Raises(), one, Raises(), other):
        found.put(each, "a")
    await turns(4)
    assert (one.states, other.states, len(found)) == (["a"], ["a"], 0)
    found.put(one, "b")
    await turns(2)
    assert one.states == ["a", "b"]
