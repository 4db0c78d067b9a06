"""The timer of all mixes: deadlines that do not drift, and turns that fail."""

from __future__ import annotations

import asyncio
import time

import pytest

from asterism.core.log import ServerLogger
from asterism.pbx.bridges.clock import INTERVAL, MixClock

LOG = ServerLogger("test-clock")


def test_what_a_stall_missed_comes_at_once() -> None:
    async def main() -> None:
        clock, turns, enough = MixClock(), 0, asyncio.Event()

        def turn() -> None:
            nonlocal turns
            turns += 1
            if turns == 2:
                time.sleep(3 * INTERVAL)
            if turns == 10:
                enough.set()

        loop = asyncio.get_running_loop()
        started = loop.time()
        clock.add(turn, LOG)
        await asyncio.wait_for(enough.wait(), 5)
        # Ten turns take ten intervals, a stall in between or not: what it missed is made up for.
        assert 10 * INTERVAL - 0.005 <= loop.time() - started < 13 * INTERVAL
        clock.remove(turn)
        clock.remove(turn)
        assert clock._timer is None

    asyncio.run(main())


def test_a_turn_that_raises_ends_itself_only(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        clock, fine, enough = MixClock(), 0, asyncio.Event()

        def fails() -> None:
            raise ValueError("broken mix")

        def works() -> None:
            nonlocal fine
            fine += 1
            if fine == 3:
                enough.set()

        clock.add(fails, LOG)
        clock.add(works, LOG)
        await asyncio.wait_for(enough.wait(), 5)
        assert len(clock) == 1
        assert capsys.readouterr().err.count("a mix failed") == 1
        clock.remove(works)

    asyncio.run(main())


@pytest.mark.parametrize("seconds", [0.02, 0.15, 0.4])
def test_a_stall_is_told_with_what_is_left_out(seconds: float) -> None:
    async def main() -> None:
        clock, enough = MixClock(), asyncio.Event()
        stalls: list[tuple[float, float]] = []
        begun: list[float] = []

        def turn() -> None:
            begun.append(asyncio.get_running_loop().time())
            if clock.stall is not None and len(begun) > 2:
                stalls.append(clock.stall)
            if len(begun) == 2:
                time.sleep(seconds)
            if len(begun) == 40:
                enough.set()

        clock.add(turn, LOG)
        await asyncio.wait_for(enough.wait(), 10)
        clock.remove(turn)
        if seconds < 0.1:
            return
        since, skipped = stalls[0]
        assert begun[1] - 2 * INTERVAL <= since <= begun[1]
        assert skipped >= 0.15 if seconds > 0.2 else skipped < 0.05
        assert skipped < seconds

    asyncio.run(main())
