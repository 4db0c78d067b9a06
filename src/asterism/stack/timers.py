"""Timers without a clock: a heap that somebody else drives.

The owner of the queue says what time it is (``clock``), asks :meth:`TimerQueue.next_timer` when to come
back, and calls :meth:`TimerQueue.handle_timers`. Cancelling is O(1): the entry stays in the heap and is
dropped when it comes up, or all at once when dead entries are the majority.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

_COMPACT_MINIMUM = 64
"""Heaps with fewer dead entries than this are never compacted: the work would outweigh the gain."""


class Timer:
    """One appointment: ``fn(*args)`` is called at ``when`` (seconds on the queue's clock).

    It stands once it is made; :meth:`TimerQueue.call_at` and :meth:`TimerQueue.call_later` make one too. Equal times
    fire in order of creation.
    """

    __slots__ = ("_args", "_fn", "_queue", "when")

    def __init__(self, queue: TimerQueue, when: float, fn: Callable[..., object], args: tuple[Any, ...] = ()) -> None:
        self.when = when
        self._queue = queue
        self._fn: Callable[..., object] | None = fn
        self._args = args
        queue._sequence = sequence = queue._sequence + 1
        heap = queue._heap
        heappush(heap, (when, sequence, self))
        if queue.on_earliest is not None and heap[0][2] is self:
            queue.on_earliest(when)

    @property
    def active(self) -> bool:
        """Whether it has neither fired nor been cancelled."""
        return self._fn is not None

    def cancel(self) -> None:
        """Forget the appointment; harmless when it has fired or was cancelled before."""
        if self._fn is not None:
            self._fn = None
            self._args = ()
            queue = self._queue
            queue._dead = dead = queue._dead + 1
            if dead > _COMPACT_MINIMUM and dead * 2 > len(queue._heap):
                queue._compact()


class TimerQueue:
    """A heap of timers.

    Args:
        clock: returns the present time in seconds (monotonic), the same scale as ``now`` everywhere in the stack.

    ``on_earliest`` is called with the new time when a timer becomes the first to fire, so that whoever
    drives the queue can arm its own alarm earlier.
    """

    __slots__ = ("_dead", "_heap", "_sequence", "clock", "on_earliest")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.on_earliest: Callable[[float], object] | None = None
        self._heap: list[tuple[float, int, Timer]] = []
        self._sequence = 0
        self._dead = 0

    def __len__(self) -> int:
        """How many timers are waiting."""
        return len(self._heap) - self._dead

    def call_at(self, when: float, fn: Callable[..., object], *args: Any) -> Timer:
        """Call ``fn(*args)`` at ``when`` (seconds on the queue's clock)."""
        return Timer(self, when, fn, args)

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> Timer:
        """Call ``fn(*args)`` after ``delay`` seconds."""
        return Timer(self, self.clock() + delay, fn, args)

    def next_timer(self) -> float | None:
        """The time at which :meth:`handle_timers` wants to be called, ``None`` when nothing waits."""
        heap = self._heap
        while heap:
            if heap[0][2]._fn is not None:
                return heap[0][0]
            heappop(heap)
            self._dead -= 1
        return None

    def handle_timers(self, now: float) -> None:
        """Fire everything due at ``now``.

        An exception of a timer's function goes through to the caller; the queue stays sound, and calling again
        goes on with the timers that are still due.
        """
        heap = self._heap
        while heap and heap[0][0] <= now:
            timer = heappop(heap)[2]
            fn = timer._fn
            if fn is None:
                self._dead -= 1
                continue
            args = timer._args
            timer._fn = None
            timer._args = ()
            fn(*args)

    def _compact(self) -> None:
        """Drop the dead entries. In place: handle_timers may be walking this very list."""
        heap = self._heap
        heap[:] = [entry for entry in heap if entry[2]._fn is not None]
        heapify(heap)
        self._dead = 0
