"""Per-source limits on failures: bad credentials, unknown users, unidentified and malformed requests.

A first challenge is never counted, so that a crowd of phones behind one address can register at once. The source of a
datagram is anybody's word: only failures whose source has *proved* to be where it says (by a connection, or by a nonce
that was sent there) block it; the others are counted to thin the log. Guesses with credentials from sources that have
not proved it are counted all together: when there are many, such a source is challenged again before it is believed.
An IPv6 source is a /64 network (see :func:`asterism.sources.source_of`).
"""

from __future__ import annotations

from asterism.sources import source_of


class FailureLimits:
    """Counts failures per source in windows of time.

    Above ``count`` proved failures within ``period`` seconds a source is blocked until the period is over. At most
    ``table_limit`` sources of each kind are remembered.

    Attributes:
        strict_until: until when, on the clock of the requests, credentials count only from where their nonce was sent.
    """

    __slots__ = ("_guesses", "_guesses_since", "_unproved", "count", "dropped", "period", "sources", "strict_until",
                 "table_limit")  # fmt: skip

    def __init__(self, count: int = 500, period: float = 10.0, table_limit: int = 10_000) -> None:
        self.count = count
        self.period = period
        self.table_limit = table_limit
        self.dropped = 0
        self.sources: dict[str, tuple[int, float]] = {}
        """Proved failures and the beginning of the window, by source."""
        self._unproved: dict[str, tuple[int, float]] = {}
        self._guesses = 0
        self._guesses_since = 0.0
        self.strict_until = 0.0

    def __len__(self) -> int:
        return len(self.sources) + len(self._unproved)

    def blocked(self, host: str, now: float) -> bool:
        """Whether requests from ``host`` are to be dropped. Changes nothing."""
        entry = self.sources.get(source_of(host))
        return entry is not None and entry[0] > self.count and now < entry[1] + self.period

    def failed(self, host: str, now: float, *, proved: bool) -> int:
        """Count one failure; return how many of its kind there are in this window.

        ``proved`` tells whether the request surely came from ``host``.
        """
        if not self.count:
            return 0
        sources = self.sources if proved else self._unproved
        host = source_of(host)
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

    def guessed(self, now: float) -> None:
        """Count wrong credentials of a source that has not proved itself."""
        if now >= self._guesses_since + self.period:
            self._guesses, self._guesses_since = 0, now
        self._guesses += 1
        if self.count and self._guesses > self.count:
            self.strict_until = now + self.period

    def prune(self, now: float) -> None:
        """Forget windows that are over."""
        for sources in (self.sources, self._unproved):
            for host, (_, began) in list(sources.items()):
                if now < began + self.period:
                    break
                del sources[host]
