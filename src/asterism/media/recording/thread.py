"""The thread that writes recordings: one for a server, with a queue that is bounded in octets."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

LIMIT = 64 * 1024 * 1024
"""Octets that may wait to be written: six minutes of a hundred calls while a disk does not answer."""

_REST = 0.0002
"""Seconds between two works in which the loop has the interpreter to itself: it would get it after 5 ms only
(``sys.getswitchinterval``), each time that it has waited for a packet."""


class RecordingThread:
    """Does what blocks, one thing after the other. Begins with the first, and ends with :meth:`close`."""

    def __init__(self, limit: int = LIMIT) -> None:
        """Let no more than ``limit`` octets wait."""
        self._limit = limit
        self._lock = Lock()
        self._waiting = 0
        self._executor: ThreadPoolExecutor | None = None

    @property
    def waiting(self) -> int:
        """Octets that wait."""
        return self._waiting

    def submit(self, work: Callable[[], None], size: int = 0) -> bool:
        """Have ``work`` done after what waits already; it must not raise.

        Args:
            work: what to do.
            size: octets that it keeps until then; something without any is always taken.

        Returns:
            Whether there was room for it.
        """
        with self._lock:
            if size and self._waiting + size > self._limit:
                return False
            self._waiting += size
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "recordings")
        self._executor.submit(self._run, work, size)
        return True

    def _run(self, work: Callable[[], None], size: int) -> None:
        try:
            work()
        finally:
            with self._lock:
                self._waiting -= size
        time.sleep(_REST)

    def close(self, wait: bool = False) -> None:
        """Take no more; what waits is still done. ``wait`` blocks until it is."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=wait)
