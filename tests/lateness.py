"""How late the event loop comes: what a busy machine adds to the times that a test measures."""

from __future__ import annotations

import asyncio
from typing import Self

_INTERVAL = 0.005


class Lateness:
    """Measures the loop while it is open: ``async with Lateness() as late: ...``.

    A limit of time is then ``limit + late.total``. Not for tests of what keeps the loop busy.

    Attributes:
        worst: seconds by which it came late at most.
        total: seconds by which it came late in all, as far as that was more than a few milliseconds at once.
    """

    def __init__(self) -> None:
        self.worst = 0.0
        self.total = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._due = 0.0

    async def __aenter__(self) -> Self:
        self._again(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + _INTERVAL
        self._handle = loop.call_at(self._due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        late = loop.time() - self._due
        self.worst = max(self.worst, late)
        if late > _INTERVAL:
            self.total += late
        self._again(loop)
