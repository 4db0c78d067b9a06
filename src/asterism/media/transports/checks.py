"""Connectivity checks between two ICE agents: which pair of addresses carries the media (RFC 8445 6 to 8).

The pair in use is the nominated one, and until there is one the best that succeeded. aioice's ``Connection`` is not
used for this: it reads and queues the media, makes one connection of one pair for good, and has neither restarts nor a
limit of what a peer may have it do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from aioice.stun import Class, Message

from asterism.media.transports import stun
from asterism.media.transports.candidates import Address, Base, RemoteCandidate, priority
from asterism.media.transports.consent import Consent
from asterism.media.transports.pairs import Pair, Pairs, State
from asterism.media.transports.stun import Transaction

_PACE = 0.02
"""Seconds between two new checks (Ta)."""
_MOST_CONFLICTS = 4
"""How often roles change by conflict; two agents that follow the RFC need one."""
_PATIENCE = 39.5
"""Seconds until it has failed: a peer may be found late, by its own checks (RFC 8863)."""
_BETTER = 0.2
"""Seconds that a better pair is waited for before one is nominated."""
_SETTLING = 3.0
"""Seconds in which the best of the pairs that the peer nominates counts; later it is the last (RFC 5245 8.1.1.2)."""


class Credentials(NamedTuple):
    """User fragments and passwords of both ends."""

    local_ufrag: str
    local_password: bytes
    remote_ufrag: str
    remote_password: bytes


class Check:
    """A request on a pair, and what becomes of its answer."""

    __slots__ = ("controlling", "done", "pair", "transaction")

    def __init__(self, pair: Pair, controlling: bool, done: Callable[[bool], None]) -> None:
        self.pair = pair
        self.controlling = controlling
        self.done = done
        self.transaction: Transaction


class CheckList:
    """The pairs of one pair of credentials, and which of them is used.

    Attributes:
        credentials: whose checks these are.
        controlling: whether we nominate.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        credentials: Credentials,
        bases: Sequence[Base],
        *,
        controlling: bool,
        lite: bool,
        peer_lite: bool,
        random: Callable[[int], bytes],
        on_used: Callable[[CheckList, Pair], None],
        on_failed: Callable[[CheckList, int, str], None],
    ) -> None:
        """Begin.

        Args:
            loop: its clock and timers.
            credentials: of both ends.
            bases: what is sent from.
            controlling: whether we nominate, unless the peer's role says otherwise.
            lite: whether we make no checks (RFC 8445 2.7).
            peer_lite: whether the peer makes none.
            random: gives so many bytes.
            on_used: hears which pair is to be used from now on, for its component.
            on_failed: hears which component has no pair, or no longer one, and why. One that is found later is told
                all the same.
        """
        self.credentials = credentials
        self.controlling = controlling
        self._loop = loop
        self._bases = bases
        self._lite = lite
        self._peer_lite = peer_lite
        self._random = random
        self._on_used = on_used
        self._on_failed = on_failed
        self._tie_breaker = int.from_bytes(random(8), "big")
        self._pairs = Pairs(controlling)
        self._triggered: deque[Pair] = deque()
        self._checks: dict[bytes, Check] = {}
        self._nominating: dict[int, Pair] = {}
        self._settled: dict[int, float] = {}
        self._waits_for_better: set[int] = set()
        self._conflicts = 0
        self._pace: asyncio.TimerHandle | None = None
        self._consent = Consent(loop, self._pairs, random, self._ask, self._replaced, self._lost)
        self._timers: set[asyncio.TimerHandle] = set()
        self._closed = False
        self._patience = loop.call_later(_PATIENCE, self._out_of_patience)

    def close(self) -> None:
        """Send nothing any more; harmless when done before."""
        self._closed = True
        for check in self._checks.values():
            check.transaction.end()
        self._checks.clear()
        self._consent.close()
        for timer in (self._pace, self._patience, *self._timers):
            if timer is not None:
                timer.cancel()
        self._timers.clear()

    @property
    def used(self) -> dict[int, Pair]:
        """The pair in use, by component."""
        return self._pairs.used

    # The pairs.

    def add(self, candidates: Iterable[RemoteCandidate]) -> None:
        """Pair the peer's candidates with our bases; those that are known already are left out."""
        for candidate in candidates:
            for base in self._bases:
                if base.component == candidate.component:
                    self._pairs.add(base, candidate)
        if self._lite and self._peer_lite:
            self._use_best_unchecked()
        self._pairs.unfreeze()
        self._wake()

    def _use_best_unchecked(self) -> None:
        """Nobody makes checks (RFC 8445 8.2.2): the best pair is taken as it is."""
        for number in {base.component for base in self._bases} - self.used.keys():
            for pair in self._pairs.of(number)[:1]:
                pair.state = State.SUCCEEDED
                pair.nominated = True
                self._use(pair)

    # Checks of ours.

    def _wake(self) -> None:
        """See whether something is to be checked."""
        if self._pace is None and not self._lite and not self._closed:
            self._turn()

    def _turn(self) -> None:
        """Begin one check (RFC 8445 6.1.4.2)."""
        self._pace = None
        pair = self._next()
        if pair is not None:
            self._pace = self._loop.call_later(_PACE, self._turn)
            self._check(pair)

    def _next(self) -> Pair | None:
        while self._triggered:
            pair = self._triggered.popleft()
            if pair.state is State.WAITING:
                return pair
        return self._pairs.next()

    def _check(self, pair: Pair) -> None:
        pair.state = State.IN_PROGRESS
        self._ask(pair, partial(self._checked, pair))

    def _ask(
        self, pair: Pair, done: Callable[[bool], None], *, nominate: bool = False,
        sends: int = stun.SENDS, wait: float = stun.RETRANSMISSION,
    ) -> None:  # fmt: skip
        """Send a request on a pair; ``done`` hears whether the peer has answered it."""
        if self._closed:
            return  # whoever was told of a path, or of its loss, has ended us
        credentials = self.credentials
        role = "ICE-CONTROLLING" if self.controlling else "ICE-CONTROLLED"
        message = stun.request(
            {
                "USERNAME": f"{credentials.remote_ufrag}:{credentials.local_ufrag}",
                "PRIORITY": priority("prflx", pair.component, pair.base.priority >> 8 & 0xFFFF),
                role: self._tie_breaker,
            }
        )
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        data = stun.signed(message, credentials.remote_password)
        check = Check(pair, self.controlling, done)
        self._checks[message.transaction_id] = check
        check.transaction = Transaction(
            self._loop, message, data, partial(self._send, pair), self._unanswered, sends=sends, wait=wait
        )

    def _send(self, pair: Pair, data: bytes) -> None:
        pair.base.send(data, pair.remote.address)

    def _unanswered(self, transaction: Transaction) -> None:
        check = self._checks.pop(transaction.identity, None)
        if check is not None:
            check.done(False)

    def owns(self, message: Message) -> bool:
        """Whether a response answers a request of ours."""
        return message.transaction_id in self._checks

    def response_received(self, message: Message, base: Base | None, address: Address) -> None:
        """Take an answer; one whose sender does not know the peer's password is ignored, and waited for further.

        ``base`` is what it came to, ``None`` for a socket's.
        """
        check = self._checks.get(message.transaction_id)
        if check is None or not stun.is_signed(message, self.credentials.remote_password):
            return
        del self._checks[message.transaction_id]
        check.transaction.end()
        pair = check.pair
        if message.message_class is Class.ERROR:
            if message.error_code == 487 and self._conflicts < _MOST_CONFLICTS:
                # Both had one role (RFC 8445 7.2.5.1): the pair is checked again in the other.
                if check.controlling is self.controlling:
                    self._take_role(not self.controlling)
                if pair.state is State.IN_PROGRESS:
                    pair.state = State.WAITING
                    self._trigger(pair)
                else:
                    check.done(True)
            else:
                check.done(False)
            return
        # What comes from elsewhere was sent elsewhere (RFC 8445 7.2.5.2.1).
        check.done(address == pair.remote.address and (base is None or base is pair.base))

    def _checked(self, pair: Pair, answered: bool) -> None:
        """A check of a pair has ended."""
        if not answered:
            pair.state = State.FAILED
            self._consider(pair.component)
            self._wake()
            return
        pair.state = State.SUCCEEDED
        self._consent.given(pair)
        self._pairs.unfreeze_like(pair)
        self._succeeded(pair)
        self._wake()

    def _succeeded(self, pair: Pair) -> None:
        """Both directions of a pair work: see what that changes."""
        component = pair.component
        used = self.used.get(component)
        if pair.wished and not self.controlling:
            self._nominated_by_peer(pair)
        elif used is None or (not used.nominated and pair.priority > used.priority):
            self._use(pair)
        elif used.nominated and pair.remote.kind == "prflx":
            # The peer is at a new address: perhaps no longer at the old one.
            self._consent.verify(used)
        self._consider(component)

    # Nomination.

    def _consider(self, component: int) -> None:
        """If we are controlling, nominate the best pair that works, once no better one may yet (RFC 8445 8.1.1)."""
        if not self.controlling or self._lite or self._pairs.decided(component) or component in self._nominating:
            return
        working = self._pairs.working(component)
        if not working:
            return
        best = working[0]
        better = any(pair.is_open and pair.priority > best.priority for pair in self._pairs.of(component))
        if better and component not in self._waits_for_better:
            self._waits_for_better.add(component)
            self._later(_BETTER, partial(self._nominate_best, component))
        elif not better:
            self._nominate(best)

    def _nominate_best(self, component: int) -> None:
        working = self._pairs.working(component)
        if working and self.controlling and not self._pairs.decided(component) and component not in self._nominating:
            self._nominate(working[0])
        elif not working:
            self._waits_for_better.discard(component)

    def _nominate(self, pair: Pair) -> None:
        self._nominating[pair.component] = pair
        self._ask(pair, partial(self._nomination_done, pair), nominate=True)

    def _nomination_done(self, pair: Pair, answered: bool) -> None:
        component = pair.component
        if self._nominating.get(component) is not pair:
            return  # It is no longer for us to nominate.
        del self._nominating[component]
        if answered:
            self._consent.given(pair)
            pair.nominated = True
            self._use(pair)
        else:
            pair.state = State.FAILED
            self._consider(component)

    def _nominated_by_peer(self, pair: Pair) -> None:
        """The controlling peer has chosen: by its last word, or of several at once (aggressive) by their priority."""
        component = pair.component
        pair.nominated = True
        used = self.used.get(component)
        if used is not None and used is not pair and used.nominated and pair.priority < used.priority:
            settled = self._settled.get(component, 0.0) + _SETTLING
            if self._loop.time() < settled:
                return
        self._use(pair)

    def _use(self, pair: Pair) -> None:
        """Media goes by this pair from now on."""
        component = pair.component
        if pair.nominated and component not in self._settled:
            self._settled[component] = self._loop.time()
        if self.used.get(component) is pair:
            return
        self.used[component] = pair
        if component == 1:
            self._patience.cancel()
        if not self._lite:
            self._consent.begin()
        self._on_used(self, pair)

    def _replaced(self, pair: Pair) -> None:
        """A pair takes the place of one that no longer works."""
        self._use(pair)
        if self.controlling:
            self._nominate(pair)

    def _lost(self, component: int) -> None:
        self._on_failed(self, component, "the peer no longer answers checks")

    def _out_of_patience(self) -> None:
        if 1 not in self.used and not self._lite:
            self._on_failed(self, 1, "no candidate of the peer could be reached")

    # Checks of the peer.

    def request_received(self, message: Message, base: Base, address: Address) -> None:
        """Answer a check of the peer, whose sender knows our password, and learn from it (RFC 8445 7.3)."""
        if self._closed:
            return
        password = self.credentials.local_password
        attributes = message.attributes
        if not self._lite:
            theirs = attributes.get("ICE-CONTROLLING" if self.controlling else "ICE-CONTROLLED")
            if theirs is not None:
                ours_is_larger = self._tie_breaker >= theirs
                if ours_is_larger is self.controlling or self._conflicts >= _MOST_CONFLICTS:
                    base.send(stun.role_conflict(message, password), address)
                    return
                self._take_role(not self.controlling)
        base.send(stun.success(message, address, password), address)
        self.learn(message, base, address)

    def learn(self, message: Message, base: Base, address: Address) -> None:
        """Learn from a check that was answered (RFC 8445 7.3.1.3 to 7.3.1.5)."""
        if base not in self._bases:
            return  # the port of RTCP, which goes with RTP
        liked = message.attributes.get("PRIORITY", priority("prflx", base.component))
        found = RemoteCandidate(base.component, "prflx", *address, f"{address[0]}:{address[1]}", liked)
        pair = self._pairs.add(base, found)
        if pair is None:
            return
        nominates = "USE-CANDIDATE" in message.attributes and not self.controlling
        if self._lite:
            # There is no check of ours that could succeed: that the peer nominates it must do.
            if nominates:
                pair.state = State.SUCCEEDED
                pair.nominated = True
                self._use(pair)
            return
        if nominates:
            pair.wished = True
        if pair.state is State.SUCCEEDED:
            if nominates:
                self._nominated_by_peer(pair)
        else:
            self._trigger(pair)

    def _trigger(self, pair: Pair) -> None:
        """Check a pair before all others (RFC 8445 7.3.1.4)."""
        if pair.state is State.IN_PROGRESS:
            # What was sent until now may have been lost at the peer's door, which its own check has opened.
            for check in self._checks.values():
                if check.pair is pair:
                    check.transaction.hurry()
            return
        pair.state = State.WAITING
        if pair not in self._triggered:
            self._triggered.append(pair)
        self._wake()

    def _take_role(self, controlling: bool) -> None:
        self._conflicts += 1
        self.controlling = controlling
        self._nominating.clear()
        self._pairs.rank(controlling)

    # Helpers.

    def _later(self, wait: float, call: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(timer)
            call()

        timer = self._loop.call_later(wait, run)
        self._timers.add(timer)
