"""Per-source limits on failures: bad credentials, unknown users, unidentified and malformed requests.

A first challenge is never counted, so that a crowd of phones behind one address can register at once.
"""

from __future__ import annotations


class FailureLimits:
    """Counts failures per source address in windows of time.

    Above ``count`` failures within ``period`` seconds a source is blocked until the period is over. At most
    ``table_limit`` sources are remembered.
    """

    __slots__ = ("count", "dropped", "period", "sources", "table_limit")

    def __init__(self, count: int = 500, period: float = 10.0, table_limit: int = 10_000) -> None:
        self.count = count
        self.period = period
        self.table_limit = table_limit
        self.dropped = 0
        self.sources: dict[str, tuple[int, float]] = {}
        """Failures and the beginning of the window, by address."""

    def __len__(self) -> int:
        return len(self.sources)

    def blocked(self, host: str, now: float) -> bool:
        """Whether requests from ``host`` are to be dropped. Changes nothing."""
        entry = self.sources.get(host)
        return entry is not None and entry[0] > self.count and now < entry[1] + self.period

    def failed(self, host: str, now: float) -> int:
        """Count one failure; return how many there are in this window."""
        if not self.count:
            return 0
        sources = self.sources
        entry = sources.get(host)
        if entry is None or now >= entry[1] + self.period:
            if entry is not None:
                del sources[host]
            elif len(sources) >= self.table_limit:
                # The first entry is the one whose window began first.
                del sources[next(iter(sources))]
            sources[host] = (1, now)
            return 1
        sources[host] = (entry[0] + 1, entry[1])
        return entry[0] + 1

    def prune(self, now: float) -> None:
        """Forget windows that are over."""
        for host, (_, began) in list(self.sources.items()):
            if now < began + self.period:
                break
            del self.sources[host]
