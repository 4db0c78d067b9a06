"""One timer for all that is mixed at one interval: a turn every 20 ms, say, by absolute deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from asterism.core.containment import attempt
from asterism.core.log import ServerLogger

INTERVAL = 0.02
"""Seconds between two turns unless chosen otherwise: one packet."""
_MOST_BEHIND = 0.2
"""Seconds that are made up for after a stall; what is missed beyond them is left out."""


_STALL = 0.05
"""Seconds that a turn is late when that counts as a stall."""


class Stall(NamedTuple):
    """The loop has stood still."""

    since: float
    """When the last turn before it was due, or a little earlier."""
    skipped: float
    """Seconds of turns that are left out."""


class MixClock:
    """Calls what is added to it at every turn; without anything it has no timer.

    After a stall of the loop the turns that were missed come at once, so that nothing is missing in what is sent.
    """

    def __init__(self, interval: float = INTERVAL) -> None:
        """``interval`` is in seconds."""
        self.interval = interval
        self.stall: Stall | None = None
        """Set during a turn that comes late."""
        self._turns: dict[Callable[[], None], ServerLogger] = {}
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._turns)

    def add(self, turn: Callable[[], None], log: ServerLogger) -> None:
        """Have ``turn`` called from now on; what it raises is logged there and ends it."""
        self._turns[turn] = log
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.time() + self.interval
            self._timer = loop.call_at(self._deadline, self._run, loop)

    def remove(self, turn: Callable[[], None]) -> None:
        """Stop calling it; may be done twice."""
        self._turns.pop(turn, None)
        if not self._turns and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        due, now = self._deadline, loop.time()
        following = due + self.interval
        self._deadline = max(following, now - _MOST_BEHIND)
        self.stall = Stall(due - 1.5 * self.interval, self._deadline - following) if now - due >= _STALL else None
        self._timer = loop.call_at(self._deadline, self._run, loop)
        for turn, log in list(self._turns.items()):
            if not attempt(log, "a mix", False, _done, turn):
                self.remove(turn)


def _done(turn: Callable[[], None]) -> bool:
    turn()
    return True
