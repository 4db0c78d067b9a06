"""The pairs of a check list: bases of ours with candidates of the peer, by their priority (RFC 8445 6.1.2).

A pair goes through the states of RFC 8445 6.1.2.6::

    FROZEN --(a pair of its foundation succeeded, or nothing else is to do)--> WAITING
    WAITING --(a check is sent)--> IN_PROGRESS --(answered)--> SUCCEEDED
                                              --(not answered)--> FAILED
    any but SUCCEEDED --(the peer checks it)--> WAITING, to be checked before the others
    SUCCEEDED --(the peer no longer consents)--> FAILED
"""

from __future__ import annotations

import enum

from asterism.media.transports.candidates import Base, RemoteCandidate

_MOST_PAIRS = 100
"""Pairs of one list (RFC 8445 6.1.2.5): what a peer tells makes us send no more than that."""


class State(enum.Enum):
    """State of a pair."""

    FROZEN = "frozen"
    WAITING = "waiting"
    IN_PROGRESS = "in progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Pair:
    """A base of ours and a candidate of the peer.

    Attributes:
        state: see the module.
        nominated: whether it was chosen, by whoever is controlling.
        wished: the peer has nominated it before a check of ours has succeeded.
        priority: the larger, the better (RFC 8445 6.1.2.3).
        consent: until when it may be sent to without another answer, by the loop's clock (RFC 7675).
    """

    __slots__ = ("base", "consent", "nominated", "priority", "remote", "state", "wished")

    def __init__(self, base: Base, remote: RemoteCandidate) -> None:
        self.base = base
        self.remote = remote
        self.state = State.FROZEN
        self.nominated = False
        self.wished = False
        self.priority = 0
        self.consent = 0.0

    @property
    def component(self) -> int:
        """1: RTP; 2: RTCP on a port of its own."""
        return self.base.component

    @property
    def foundation(self) -> tuple[str, str]:
        """Pairs of one foundation are likely to succeed or fail together."""
        return self.base.foundation, self.remote.foundation

    @property
    def is_open(self) -> bool:
        """Whether it is not known yet if it works."""
        return self.state in (State.FROZEN, State.WAITING, State.IN_PROGRESS)

    def rank(self, controlling: bool) -> None:
        """Compute its priority, which both ends see alike (RFC 8445 6.1.2.3)."""
        ours, theirs = self.base.priority, self.remote.priority
        first, second = (ours, theirs) if controlling else (theirs, ours)
        self.priority = (min(first, second) << 32) + 2 * max(first, second) + (first > second)

    def fail(self) -> None:
        """It does not work, or no longer."""
        self.state = State.FAILED
        self.nominated = self.wished = False

    def __repr__(self) -> str:
        return f"<{self.base.kind} {self.base.address} -> {self.remote}: {self.state.value}>"


class Pairs:
    """All pairs of one list, the best first.

    Attributes:
        used: the pair that media goes by, by component; it is never dropped.
    """

    __slots__ = ("_controlling", "_pairs", "used")

    def __init__(self, controlling: bool) -> None:
        self._controlling = controlling
        self._pairs: list[Pair] = []
        self.used: dict[int, Pair] = {}

    def __len__(self) -> int:
        return len(self._pairs)

    def add(self, base: Base, remote: RemoteCandidate) -> Pair | None:
        """The pair of both, which may be there already; ``None`` where there can be none, or there are too many."""
        if (":" in base.address[0]) != (":" in remote.host):
            return None
        for pair in self._pairs:
            if pair.base is base and pair.remote.address == remote.address:
                if pair.remote.kind == "prflx" and remote.kind != "prflx":
                    pair.remote = remote  # What was learned from its checks is told now (RFC 8445 7.3.1.3).
                    self._sort()
                return pair
        if len(self._pairs) >= _MOST_PAIRS and not self._drop_one():
            return None
        pair = Pair(base, remote)
        self._pairs.append(pair)
        self._sort()
        return pair

    def _drop_one(self) -> bool:
        """Make room for another pair: the least of those that have failed goes."""
        for pair in reversed(self._pairs):
            if pair.state is State.FAILED and self.used.get(pair.component) is not pair:
                self._pairs.remove(pair)
                return True
        return False

    def rank(self, controlling: bool) -> None:
        """Have the order of this role."""
        self._controlling = controlling
        self._sort()

    def _sort(self) -> None:
        for pair in self._pairs:
            pair.rank(self._controlling)
        self._pairs.sort(key=lambda pair: pair.priority, reverse=True)

    def unfreeze(self) -> None:
        """Have the best frozen pair of each foundation wait, of which none is waiting or being checked (6.1.2.6)."""
        busy = {pair.foundation for pair in self._pairs if pair.state in (State.WAITING, State.IN_PROGRESS)}
        for pair in sorted(self._pairs, key=lambda pair: pair.component):
            if pair.state is State.FROZEN and pair.foundation not in busy:
                pair.state = State.WAITING
                busy.add(pair.foundation)

    def unfreeze_like(self, succeeded: Pair) -> None:
        """Have the pairs wait that are likely to work too (RFC 8445 7.2.5.3.3)."""
        for pair in self._pairs:
            if pair.state is State.FROZEN and pair.foundation == succeeded.foundation:
                pair.state = State.WAITING

    def next(self) -> Pair | None:
        """The best that is to be checked, of the components that have no nominated pair yet (RFC 8445 8.1.2)."""
        for state in (State.WAITING, State.FROZEN):
            for pair in self._pairs:
                if pair.state is state and not self.decided(pair.component):
                    return pair
        return None

    def decided(self, component: int) -> bool:
        """Whether the pair in use is a nominated one."""
        used = self.used.get(component)
        return used is not None and used.nominated

    def of(self, component: int) -> list[Pair]:
        """The pairs of a component, the best first."""
        return [pair for pair in self._pairs if pair.component == component]

    def working(self, component: int) -> list[Pair]:
        """The pairs that have succeeded, the best first."""
        return [pair for pair in self.of(component) if pair.state is State.SUCCEEDED]
