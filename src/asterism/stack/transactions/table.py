"""Tables of transactions, live and finished, with one expiry wheel for the finished ones.

A finished transaction is an entry without an object: the bytes that answer a retransmission (``b""``
absorbs it), with the flow to send them on if that is not where the retransmission comes from. They are limited in
number and, as peers can make answers and keys long, in bytes; beyond that the oldest expiry goes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.timers import Timer, TimerQueue

T = TypeVar("T")

LARGE = 4_096
"""Bytes above which an answer (with its keys) counts as large."""

Finished = bytes | tuple[bytes, "Flow"]


class TransactionTable(Generic[T]):
    """Key to live transaction or finished entry.

    ``entries`` may be read directly: it is looked up once for every message. Expiry is counted in whole seconds,
    rounded up.
    """

    __slots__ = ("_buckets", "_finished", "_large", "_limit", "_most", "_timer", "_timers", "entries", "held", "merged")

    def __init__(self, timers: TimerQueue, limit: int, most: int) -> None:
        self.entries: dict[str, T | Finished] = {}
        self.merged: dict[str, str] = {}
        """Identity of an ongoing request apart from its branch (RFC 3261 8.2.2.2), to the key of its transaction."""
        self._timers = timers
        self._limit = limit
        self._finished = 0
        self._most = most
        self.held = 0
        """Bytes of the finished ones: answers and keys."""
        self._large = 0
        self._buckets: dict[int, list[tuple[str, str, int]]] = {}
        self._timer: Timer | None = None

    @property
    def live(self) -> int:
        """How many live transactions there are."""
        return len(self.entries) - self._finished

    @property
    def finished(self) -> int:
        """How many finished ones are remembered."""
        return self._finished

    def finish(self, key: str, merged_key: str, entry: Finished, lifetime: float) -> None:
        """Replace a live transaction by its finished entry for ``lifetime`` seconds.

        A large answer is kept only while there is room for such: without it a retransmission is a new request.
        """
        size = len(entry if isinstance(entry, bytes) else entry[0]) + len(key) + len(merged_key)
        if size > LARGE:
            if self._large + size > self._most // 4:
                self.remove(key, merged_key)
                return
            self._large += size
        self.entries[key] = entry
        self._finished += 1
        self.held += size
        second = int(self._timers.clock() + lifetime) + 1
        bucket = self._buckets.get(second)
        if bucket is None:
            self._buckets[second] = [(key, merged_key, size)]
            if self._timer is None or second < self._timer.when:
                self._arm(second)
        else:
            bucket.append((key, merged_key, size))
        if self._finished > self._limit or self.held > self._most:
            self._expire()

    def remove(self, key: str, merged_key: str) -> None:
        """Drop a live transaction without a trace."""
        self.entries.pop(key, None)
        if merged_key:
            self.merged.pop(merged_key, None)

    def release(self, merged_key: str) -> None:
        """A request has its final answer: what comes with the same identity from now on is a request of its own."""
        self.merged.pop(merged_key, None)

    def _arm(self, second: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._timers.call_at(second, self._expire)

    def _expire(self) -> None:
        """Empty the earliest bucket and wait for the next."""
        bucket = self._buckets.pop(min(self._buckets))
        entries, merged = self.entries, self.merged
        for key, merged_key, size in bucket:
            entries.pop(key, None)
            self.held -= size
            if size > LARGE:
                self._large -= size
            if merged_key:
                merged.pop(merged_key, None)
        self._finished -= len(bucket)
        if self._buckets:
            self._arm(min(self._buckets))
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None
