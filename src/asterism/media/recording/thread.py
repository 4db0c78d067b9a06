"""The thread that writes recordings: one for a server, with a queue that is bounded in octets."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

LIMIT = 64 * 1024 * 1024
"""Octets that may wait to be written: six minutes of a hundred calls while a disk does not answer."""
_REST = 0.0002
"""Seconds between two works in which the loop has the interpreter to itself: it would get it after 5 ms only
(``sys.getswitchinterval``), each time that it has waited for a packet."""

_Queue = SimpleQueue["tuple[Callable[[], None], int] | None"]


class RecordingThread:
    """Does what blocks, one thing after the other. Begins with the first, and ends with :meth:`close`.

    A disk that never answers does not keep the process from ending.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        """Let no more than ``limit`` octets wait."""
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting = 0
        self._running: tuple[threading.Thread, _Queue] | None = None

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
        if self._running is None:
            queue: _Queue = SimpleQueue()
            thread = threading.Thread(target=self._run, args=(queue,), name="recordings", daemon=True)
            thread.start()
            self._running = thread, queue
        self._running[1].put((work, size))
        return True

    def _run(self, queue: _Queue) -> None:
        while (found := queue.get()) is not None:
            work, size = found
            try:
                work()
            except Exception:
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
            finally:
                with self._lock:
                    self._waiting -= size
            del found, work  # and what it keeps
            time.sleep(_REST)

    def close(self, wait: bool = False) -> None:
        """Take no more; what waits is still done. ``wait`` blocks until it is."""
        running, self._running = self._running, None
        if running is not None:
            thread, queue = running
            queue.put(None)
            if wait:
                thread.join()
