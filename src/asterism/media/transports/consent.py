"""Whether the peer still answers on the pairs in use, and what takes the place of one that it does not (RFC 7675).

Each five seconds a pair in use is asked on, once. The first time that there is no answer, all pairs that have worked
are asked within one and a half seconds; one that answers takes its place at once. Without any, a pair stays in use
until there was no answer for half a minute: then nothing may be sent to it any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from asterism.media.transports.pairs import Pair, Pairs

_LASTS = 30.0
"""Seconds without an answer after which the peer no longer consents to be sent to (RFC 7675 5.1)."""
_INTERVAL = 5.0
_VERIFYING = 2.0
"""Seconds; what has answered within that time was asked for the same reason."""
_MOST_ASKED = 8
"""Pairs that are asked on at one time, those that answered last."""


class Ask(Protocol):
    """Sends a request on a pair."""

    def __call__(self, pair: Pair, done: Callable[[bool], None], *, sends: int = ..., wait: float = ...) -> None:
        """``done`` hears whether it was answered."""


class Consent:
    """Watches over the pairs in use of one check list."""

    __slots__ = ("_ask", "_loop", "_lost", "_pairs", "_random", "_replaced", "_timer", "_verifying")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pairs: Pairs,
        random: Callable[[int], bytes],
        ask: Ask,
        replaced: Callable[[Pair], None],
        lost: Callable[[int], None],
    ) -> None:
        """Watch nothing yet.

        Args:
            loop: its clock and timers.
            pairs: whose ``used`` are watched.
            random: gives so many bytes.
            ask: sends a request on a pair.
            replaced: hears which pair takes the place of one that no longer works.
            lost: hears the component whose pair no longer works, where no other does.
        """
        self._loop = loop
        self._pairs = pairs
        self._ask = ask
        self._replaced = replaced
        self._lost = lost
        self._random = random
        self._verifying: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A pair is in use: watch it, if that is not done already."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._interval(), self._ask_all)

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()

    def given(self, pair: Pair) -> None:
        """The peer has answered on a pair: it may be sent to."""
        pair.consent = self._loop.time() + _LASTS

    def _interval(self) -> float:
        """Randomized, so that the checks of many calls do not come together (RFC 7675 5.1)."""
        return _INTERVAL * (0.8 + 0.4 * self._random(1)[0] / 255)

    def _ask_all(self) -> None:
        """Ask the peer on each pair in use whether it still wants to be sent to."""
        now, wait = self._loop.time(), self._interval()
        self._timer = self._loop.call_later(wait, self._ask_all)
        for component, pair in list(self._pairs.used.items()):
            if now < pair.consent:
                self._ask(pair, partial(self._asked, pair), sends=1, wait=wait)
            elif not self._replace(pair, now):
                pair.fail()
                del self._pairs.used[component]
                self._lost(component)

    def _asked(self, pair: Pair, answered: bool) -> None:
        if answered:
            self.given(pair)
        elif self._pairs.used.get(pair.component) is pair and len(self._pairs.working(pair.component)) > 1:
            self.verify(pair)

    def verify(self, used: Pair) -> None:
        """See within one and a half seconds whether a pair still works, and which other could take its place."""
        component = used.component
        if component in self._verifying:
            return
        self._verifying.add(component)
        others = [pair for pair in self._pairs.working(component) if pair is not used]
        others.sort(key=lambda pair: pair.consent, reverse=True)
        for pair in (*others[: _MOST_ASKED - 1], used):
            done = partial(self._verified if pair is used else self._asked, pair)
            self._ask(pair, done, sends=3, wait=0.2)

    def _verified(self, used: Pair, answered: bool) -> None:
        self._verifying.discard(used.component)
        if answered:
            self.given(used)
        elif self._pairs.used.get(used.component) is used:
            self._replace(used, self._loop.time() + _LASTS - _VERIFYING)

    def _replace(self, lost: Pair, after: float) -> bool:
        """Use the best of the other pairs whose consent lasts until ``after``; ``False``: there is none."""
        for pair in self._pairs.working(lost.component):
            if pair is not lost and pair.consent > after:
                lost.fail()
                self._replaced(pair)
                return True
        return False
