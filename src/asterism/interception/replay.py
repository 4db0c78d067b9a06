"""Nonces that were used, with the highest nonce count of each (RFC 7616 section 3.4.6).

Only a successful use enters the table, so that strangers cannot fill it. It is bounded: when it
is full the oldest entry goes, and every nonce issued up to then that is not in the table counts as used.
"""

from __future__ import annotations

from collections import deque


class ReplayTable:
    """The highest ``nc`` of each nonce in use. Times are seconds on the nonces' clock."""

    __slots__ = ("_floor", "_order", "_used", "limit")

    def __init__(self, limit: int = 100_000) -> None:
        self.limit = limit
        self._used: dict[str, tuple[int, float, float, str]] = {}
        # Oldest first. The dict's own order would do, but finding its first key again and again is slow.
        self._order: deque[str] = deque()
        self._floor = float("-inf")

    def __len__(self) -> int:
        return len(self._used)

    def fresh(self, nonce: str, count: int, issued: float, retransmission: str = "") -> bool:
        """Whether this use is no replay: a count above the highest seen.

        ``retransmission`` identifies the request (its branch): the very same request again is no replay. Changes
        nothing.
        """
        used = self._used.get(nonce)
        if used is None:
            return issued > self._floor
        return count > used[0] or (count == used[0] and bool(retransmission) and retransmission == used[3])

    def use(self, nonce: str, count: int, issued: float, expires: float, now: float, retransmission: str = "") -> None:
        """Note a successful use."""
        used = self._used
        if nonce not in used:
            order = self._order
            while order:
                entry = used[order[0]]
                if entry[2] > now:
                    if len(used) < self.limit:
                        break
                    self._floor = max(self._floor, entry[1])
                del used[order.popleft()]
            order.append(nonce)
        used[nonce] = (count, issued, expires, retransmission)
