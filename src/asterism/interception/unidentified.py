"""Requests that belong to no endpoint, counted by source: a few are reported, a flood is not repeated line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asterism.sources import source_of


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Requests counted for one source: an IPv4 address, or the /64 network of an IPv6 address."""

    host: str
    count: int
    began: float
    last: float


class UnidentifiedRequests:
    """Counts per source address in windows of time.

    Attributes:
        count: how many requests of a source are reported within a window (``unidentified_request_count``).
        period: the length of a window in seconds (``unidentified_request_period``).
        prune_interval: how long a source is remembered after its last request, in seconds
            (``unidentified_request_prune_interval``).
    """

    __slots__ = ("_limit", "_next_prune", "_sources", "count", "period", "prune_interval")

    def __init__(self, count: int = 5, period: float = 5.0, prune_interval: float = 30.0, limit: int = 10_000) -> None:
        self.count = count
        self.period = period
        self.prune_interval = prune_interval
        self._limit = limit
        self._next_prune = 0.0
        self._sources: dict[str, Source] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def __iter__(self) -> Iterator[Source]:
        """The sources that sent more than is reported."""
        return (source for source in tuple(self._sources.values()) if source.count > self.count)

    def seen(self, host: str, now: float) -> int:
        """Count a request; return how many there are in this window."""
        if now >= self._next_prune:
            self.prune(now)
        host = source_of(host)
        source = self._sources.get(host)
        if source is None or now >= source.began + self.period:
            if source is None and len(self._sources) >= self._limit:
                del self._sources[next(iter(self._sources))]
            self._sources[host] = Source(host, 1, now, now)
            return 1
        self._sources[host] = Source(host, source.count + 1, source.began, now)
        return source.count + 1

    def prune(self, now: float) -> None:
        """Forget the sources that have been quiet for long enough."""
        self._next_prune = now + self.prune_interval
        for host, source in list(self._sources.items()):
            if now >= source.last + max(self.prune_interval, self.period):
                del self._sources[host]
