"""Records for Python: ``async for record in server.records()``."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Generic, Self

from asterism.pbx.records.encoding import Record

if TYPE_CHECKING:
    from asterism.core.log import ServerLogger

MOST = 1000
"""Records that wait for one reader."""


class Reader(AsyncIterator[Record], Generic[Record]):
    """The records of a line from now on; ends when the server stops.

    A reader that does not keep up loses the oldest. ``close()``, or the end of an ``async with``, ends it; so does
    forgetting it.
    """

    def __init__(self, name: str, log: ServerLogger, closed: Callable[[Reader[Record]], object]) -> None:
        """Begin; ``closed`` is called at the end."""
        self._name = name
        self._log = log
        self._closed: Callable[[Reader[Record]], object] | None = closed
        self._records: deque[Record] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self.lost = 0
        """Records that this reader was too slow for."""
        self._slow = False

    def put(self, record: Record) -> None:
        """Keep a record for the reader."""
        if len(self._records) >= MOST:
            self._records.popleft()
            self.lost += 1
            if not self._slow:
                self._slow = True
                self._log.warning("a reader of the records of %s is too slow: it loses the oldest", self._name)
        self._records.append(record)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """End: what waits can still be read."""
        closed, self._closed = self._closed, None
        if closed is not None:
            closed(self)
        self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Record:
        """The next record; raises ``RuntimeError`` where another task waits for it."""
        if self._waiter is not None:
            raise RuntimeError("another task waits for the next record of this reader")
        while not self._records:
            if self._closed is None:
                raise StopAsyncIteration
            self._slow = False
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._records.popleft()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()
