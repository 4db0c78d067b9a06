"""Events on their way to the sessions: rendered once, shared by all that see the same, written in batches.

Sessions with the same read classes and no filters of their own form one *audience*: what it sees is kept as
bytes and joined once. With one client an event goes out at the end of the loop's pass in which it happened; the
more clients there are, the longer at least (two milliseconds each) lies between two rounds of writing, so that their
number of writes a second stays bounded however many events a call makes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from asterism.core.events import EventType
from asterism.interfaces.manager.filters import EventFilter, passes
from asterism.interfaces.manager.settings import named

if TYPE_CHECKING:
    from asterism.interfaces.manager.session import ManagerSession

MAX_ROUND_SECONDS = 0.1
"""The longest that an event waits for others to be written with it."""

_SECONDS_PER_SESSION = 0.002


class Audience:
    """Sessions that see the same events, and the events they have not been sent yet."""

    __slots__ = ("filters", "pending", "read", "sessions")

    def __init__(self, read: frozenset[str], filters: Sequence[EventFilter]) -> None:
        self.read = read
        self.filters = filters
        self.sessions: list[ManagerSession] = []
        self.pending: list[bytes] = []


class EventFeed:
    """Takes the events of the bus and deals them out to the sessions that want them."""

    def __init__(self, render: Callable[[EventType, tuple[Any, ...]], bytes]) -> None:
        self._render = render
        self._audiences: list[Audience] = []
        self._routes: dict[EventType, list[Audience]] = {}
        self._disabled: frozenset[str] = frozenset()
        self._timer: asyncio.Handle | None = None
        self._last_round = 0.0
        self._interval = 0.0

    @property
    def wanted(self) -> bool:
        """Whether any session wants any event."""
        return bool(self._audiences)

    def update(self, sessions: Iterable[ManagerSession], disabled: frozenset[str]) -> None:
        """Compute the audiences anew; called when a session, its mask, its filters or the settings change."""
        self.flush()
        audiences: dict[frozenset[str], Audience] = {}
        self._audiences, self._disabled = [], disabled
        count = 0
        for session in sessions:
            if not session.events_on or not session.read:
                continue
            count += 1
            audience = None if session.filters else audiences.get(session.read)
            if audience is None:
                audience = Audience(session.read, session.filters)
                self._audiences.append(audience)
                if not session.filters:
                    audiences[session.read] = audience
            audience.sessions.append(session)
        self._routes = {}
        self._interval = 0.0 if count < 2 else min(MAX_ROUND_SECONDS, _SECONDS_PER_SESSION * count)

    def has(self, event_type: EventType) -> bool:
        """Whether any session is to see this event."""
        return bool(self._route(event_type))

    def _route(self, event_type: EventType) -> list[Audience]:
        classes = frozenset((*event_type.privilege.split(","), "all"))
        if event_type.reader:
            classes = frozenset((named(event_type.reader),))
        found = [] if event_type.name.lower() in self._disabled else self._audiences
        route = self._routes[event_type] = [audience for audience in found if audience.read & classes]
        return route

    def publish(self, event_type: EventType, args: tuple[Any, ...]) -> None:
        """An event happened (a subscriber of the bus)."""
        route = self._routes.get(event_type)
        if route is None:
            route = self._route(event_type)
        if not route:
            return
        data = self._render(event_type, args)
        for audience in route:
            if not audience.filters or passes(audience.filters, event_type.name, data.decode("utf-8", "replace")):
                audience.pending.append(data)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            rest = self._last_round + self._interval - time.monotonic() if self._interval else 0.0
            self._timer = loop.call_later(rest, self._round) if rest > 0 else loop.call_soon(self._round)

    def _round(self) -> None:
        self._timer = None
        self._last_round = time.monotonic()
        self.flush()

    def flush(self) -> None:
        """Write what is pending: before a response, so that the order of things is kept."""
        for audience in self._audiences:
            pending = audience.pending
            if pending:
                audience.pending = []
                joined = pending[0] if len(pending) == 1 else b"".join(pending)
                for session in audience.sessions:
                    session.deliver(joined, pending)

    def stop(self) -> None:
        """Forget everything."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._audiences, self._routes = [], {}
