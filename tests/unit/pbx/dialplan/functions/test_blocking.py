"""Work in threads: bounded in time and number."""

from __future__ import annotations

import asyncio
import threading

import pytest

from asterism.pbx.dialplan.functions import blocking
from asterism.pbx.dialplan.functions.blocking import Blocking
from asterism.pbx.vocabulary.flow import FunctionError


async def test_work_that_never_ends_is_not_waited_for_and_holds_up_nobody() -> None:
    stuck = threading.Event()
    pool = Blocking("test", timeout=0.1)
    try:
        with pytest.raises(FunctionError, match="no answer within"):
            await pool.run(stuck.wait)
        assert await pool.run(lambda: 7) == 7
    finally:
        stuck.set()
        pool.close()


async def test_more_than_a_number_of_calls_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "MOST_WAITING", 5)
    stuck = threading.Event()
    pool = Blocking("test", timeout=5)
    waiting = [asyncio.create_task(pool.run(stuck.wait)) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(FunctionError, match="too many"):
        await pool.run(stuck.wait)
    stuck.set()
    assert await asyncio.gather(*waiting) == [True] * 5
    pool.close()


async def test_errors_of_the_system_are_those_of_the_function() -> None:
    pool = Blocking("test")
    with pytest.raises(FunctionError, match="No such file"):
        await pool.run(open, "/nowhere/at/all")
    pool.close()
