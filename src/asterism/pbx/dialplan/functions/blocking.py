"""Work that blocks, such as files, in a few threads of its own: nothing of it holds up the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from asterism.pbx.vocabulary.flow import FunctionError

Result = TypeVar("Result")

THREADS = 4
MOST_WAITING = 200
"""Calls that may wait for a thread; more are refused."""
TIMEOUT = 10.0
"""Seconds after which nobody waits any longer: a file on a server that is away may take for ever."""


class Blocking:
    """A few threads, and a bounded number of calls that wait for them."""

    def __init__(self, name: str, timeout: float = TIMEOUT) -> None:
        self._pool = ThreadPoolExecutor(THREADS, name)
        self._timeout = timeout
        self._waiting = 0

    async def run(self, work: Callable[..., Result], *args: Any) -> Result:
        """``work(*args)``, run in a thread.

        Raises :class:`FunctionError` for an :class:`OSError` of it, where it takes too long, and where too much waits.
        """
        if self._waiting >= MOST_WAITING:
            raise FunctionError("too many of its kind wait already")
        self._waiting += 1
        try:
            future = asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
            done, _ = await asyncio.wait({future}, timeout=self._timeout)
            if not done:
                future.add_done_callback(_forget)
                future.cancel()
                raise FunctionError(f"no answer within {self._timeout:g} s")
            return future.result()
        except OSError as error:
            raise FunctionError(error.strerror or str(error)) from None
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Take no more work; what runs is left to end."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _forget(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()  # nobody else asks for it
