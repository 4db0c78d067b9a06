"""Long listings in turns of the loop, so that SIP goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
ROWS = 200
"""Rows that are written in one turn."""


async def in_turns(items: Iterable[Item], row: Callable[[Item], str]) -> list[str]:
    """A row for each of ``items``, which are those that there were at the beginning."""
    rows: list[str] = []
    for number, item in enumerate(list(items), 1):
        rows.append(row(item))
        if number % ROWS == 0:
            await asyncio.sleep(0)
    return rows
