"""Tables of transactions, live and finished, with one expiry wheel for the finished ones.

A finished transaction is an entry without an object: the bytes that answer a retransmission (``b""``
absorbs it), with the flow to send them on if that is not where the retransmission comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.timers import Timer, TimerQueue

T = TypeVar("T")

Finished = bytes | tuple[bytes, "Flow"]


class TransactionTable(Generic[T]):
    """Key to live transaction or finished entry.

    ``entries`` may be read directly: it is looked up once for every message. Expiry is counted in whole seconds,
    rounded up.
    """

    __slots__ = ("_buckets", "_finished", "_limit", "_timer", "_timers", "entries", "merged")

    def __init__(self, timers: TimerQueue, limit: int) -> None:
        self.entries: dict[str, T | Finished] = {}
        self.merged: dict[str, str] = {}
        """Identity of an ongoing request apart from its branch (RFC 3261 8.2.2.2), to the key of its transaction."""
        self._timers = timers
        self._limit = limit
        self._finished = 0
        self._buckets: dict[int, list[tuple[str, str]]] = {}
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
        """Replace a live transaction by its finished entry for ``lifetime`` seconds."""
        self.entries[key] = entry
        self._finished += 1
        second = int(self._timers.clock() + lifetime) + 1
        bucket = self._buckets.get(second)
        if bucket is None:
            self._buckets[second] = [(key, merged_key)]
            if self._timer is None or second < self._timer.when:
                self._arm(second)
        else:
            bucket.append((key, merged_key))
        if self._finished > self._limit:
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
        for key, merged_key in bucket:
            entries.pop(key, None)
            if merged_key:
                merged.pop(merged_key, None)
        self._finished -= len(bucket)
        if self._buckets:
            self._arm(min(self._buckets))
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None
