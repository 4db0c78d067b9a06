"""Waiting in tests: for a condition, with a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 10.0
"""Seconds that a wait lasts at most unless told otherwise."""


class PhoneError(AssertionError):
    """Something that a test expected of a call did not happen."""


async def until(condition: Callable[[], object], timeout: float = PATIENCE, what: str | Callable[[], str] = "") -> None:
    """Wait until ``condition()`` is true, looking a few hundred times a second.

    Raises:
        PhoneError: it was not within ``timeout`` seconds; ``what`` (or its result) says what was missed.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while not condition():
        if loop.time() >= end:
            raise PhoneError((what() if callable(what) else what) or "the condition never became true")
        await asyncio.sleep(0.003)
