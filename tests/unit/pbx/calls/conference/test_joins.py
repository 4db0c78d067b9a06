"""Users as they come: kept for a slow reader, but not without end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from asterism.pbx.calls.conference.joins import MOST, Joins


def test_the_oldest_are_dropped() -> None:
    async def main() -> None:
        joins = Joins(lambda _: None)
        users: list[Any] = list(range(MOST + 3))
        for user in users:
            joins.put(user)
        joins.end()
        joins.end()
        assert [user async for user in joins] == users[3:]
        assert joins.dropped == 3

    asyncio.run(main())


def test_one_task_reads_and_may_leave_early() -> None:
    async def main() -> None:
        forgotten: list[Joins] = []
        with Joins(forgotten.append) as joins:
            reader = asyncio.ensure_future(anext(joins))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError):
                await anext(joins)
            joins.put("user")  # type: ignore[arg-type]
            assert await reader == "user"
        assert forgotten == [joins]
        with pytest.raises(StopAsyncIteration):
            await anext(joins)

    asyncio.run(main())
