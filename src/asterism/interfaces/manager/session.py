"""One manager connection: login, its actions one after the other, its events through a bounded queue."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import inspect
import secrets
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from asterism.core.containment import FAILURES, report_failure, task_ends
from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType
from asterism.core.events import Fields as EventFields
from asterism.core.restriction import DANGEROUS_APPLICATIONS, DANGEROUS_FUNCTIONS, restricted, restriction
from asterism.interfaces.admission import Ticket
from asterism.interfaces.manager.filters import EventFilter
from asterism.interfaces.manager.settings import ManagerUser, parse_classes
from asterism.interfaces.manager.wire import (
    BANNER,
    BEFORE_LOGIN,
    LOGGED_IN,
    Fields,
    MessageReader,
    OversizedError,
    encode,
)

if TYPE_CHECKING:
    from asterism.interfaces.manager.module import ManagerModule

MAX_QUEUED_EVENTS = 5_000
"""Events held for a client that does not read; beyond, the oldest are dropped and it is told so."""

MAX_QUEUED_BYTES = 4 * 1024 * 1024
"""Bytes of these events."""

MAX_STALLED_SECONDS = 30.0
"""How long a client may read nothing before it is disconnected, unless ``writetimeout`` says otherwise."""

_BURST = 32  # actions of one client that are run before others have their turn

_ID_LAST = frozenset(
    {"Status", "DBGetResponse", "DBGetTreeResponse", "BridgeTechnologyListItem", "ChannelHungup", "PeerStatus"}
)
"""List events whose ActionID stands at the end, as in Asterisk 22."""

_HIGH_WATER = 256 * 1024  # bytes written and not yet taken by the system, beyond which nothing more is written


EVENTS_DROPPED = EventType(
    "EventsDropped",
    "system",
    lambda count: [("Count", count)],
    Documentation(
        "This client did not read fast enough: its oldest events were dropped.",
        arguments=(Argument("Count", "How many."),),
    ),
)


def _bytes(text: str) -> bytes:
    """The bytes of a text, which a configuration file may have in any encoding."""
    return text.encode("utf-8", "surrogateescape")


class Call:
    """One action being served (:class:`asterism.core.commands.ActionCall`)."""

    __slots__ = ("_items", "_session", "action_id", "fields")

    def __init__(self, session: ManagerSession, fields: Fields) -> None:
        self._session = session
        self.fields = fields
        self.action_id = fields.get("actionid")
        self._items = 0

    def get(self, key: str, default: str = "") -> str:
        """The first value of a field."""
        return self.fields.get(key, default)

    def get_all(self, key: str) -> list[str]:
        """Every value of a repeated field."""
        return self.fields.get_all(key)

    def respond(self, response: str, pairs: Iterable[tuple[str, object]] = ()) -> None:
        """Send a response with the ActionID in its place."""
        head: list[tuple[str, object]] = [("Response", response)]
        if self.action_id:
            head.append(("ActionID", self.action_id))
        self._session.send([*head, *pairs])

    def success(self, message: str = "", fields: EventFields = ()) -> None:
        """Answer ``Response: Success``."""
        self.respond("Success", [*([("Message", message)] if message else []), *fields])

    def error(self, message: str) -> None:
        """Answer ``Response: Error``."""
        self.respond("Error", [("Message", message)])

    def begin_list(self, message: str) -> None:
        """Answer that a list follows."""
        self.respond("Success", [("EventList", "start"), ("Message", message)])

    def item(self, event: str, fields: EventFields) -> None:
        """Send one event of the list."""
        self._items += 1
        if event in _ID_LAST:
            self._session.send([("Event", event), *fields, *self._id()])
        else:
            self._session.send([("Event", event), *self._id(), *fields])

    def end_list(self, event: str, fields: EventFields = (), items: int | None = None) -> None:
        """Close the list."""
        closing = [("EventList", "Complete"), ("ListItems", self._items if items is None else items)]
        self._session.send([("Event", event), *self._id(), *closing, *fields])

    def may(self, privilege: str) -> bool:
        """Whether the user has one of the write classes."""
        user = self._session.user
        return user is not None and bool(user.write & set(privilege.split(",")))

    @property
    def session(self) -> ManagerSession:
        """The connection, for the manager's own actions."""
        return self._session

    def _id(self) -> list[tuple[str, object]]:
        return [("ActionID", self.action_id)] if self.action_id else []


class ManagerSession(asyncio.Protocol):
    """A client of the manager; ``user`` is ``None`` until it has logged in."""

    def __init__(self, manager: ManagerModule) -> None:
        self.manager = manager
        self.user: ManagerUser | None = None
        self.read: frozenset[str] = frozenset()
        self.events_on = False
        self.filters: list[EventFilter] = []
        self.challenge = ""
        self.remote: tuple[str, int] = ("", 0)
        self.local: tuple[str, int] = ("", 0)
        self.started = time.time()
        self.transport: asyncio.Transport | None = None
        self.waiter: asyncio.Future[None] | None = None
        self._reader = MessageReader(BEFORE_LOGIN)
        self._ticket: Ticket | None = None
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._dropped = 0
        self._paused = False
        self._held = False
        self._more = False
        self._stall_timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._login_timer: asyncio.TimerHandle | None = None

    @property
    def id(self) -> str:
        """A word that tells this session from the others in security events."""
        return f"0x{id(self):x}"

    # -- connection --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or hang up when too many wait to log in or no user may come from there."""
        transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods, not by its class
        self.transport = transport
        self.remote = transport.get_extra_info("peername")[:2]
        self.local = transport.get_extra_info("sockname")[:2]
        self._ticket = self.manager.waiting.enter(self.remote[0], transport.abort)
        if self._ticket is None:
            transport.abort()
            return
        self.manager.sessions.add(self)
        self._login_timer = asyncio.get_running_loop().call_later(
            self.manager.settings.authtimeout, self._login_expired
        )
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        transport.write(BANNER.encode())

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget the session and what it was doing."""
        self._leave_waiting()
        self.manager.forget(self)
        if self._stall_timer is not None:
            self._stall_timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._queue.clear()
        self._queued_bytes = 0

    def _leave_waiting(self) -> None:
        """Give up the session's place among the connections that have not logged in."""
        if self._ticket is not None:
            self._ticket.leave()
            self._ticket = None
        if self._login_timer is not None:
            self._login_timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Take bytes; run the actions they complete, in order."""
        self._reader.receive(data)
        self._run_pending()

    def pause_writing(self) -> None:
        """The client does not read: hold its events, take no more actions, and give it some time."""
        self._paused = True
        self._hold_reading()
        if self._stall_timer is None:
            seconds = MAX_STALLED_SECONDS
            if self.user is not None and self.user.writetimeout:
                seconds = self.user.writetimeout / 1000
            self._stall_timer = asyncio.get_running_loop().call_later(seconds, self._stalled)

    def resume_writing(self) -> None:
        """The client reads again: report the events it missed, then send those held."""
        self._paused = False
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._write(self.manager.render(EVENTS_DROPPED, (dropped,)))
        while self._queue and not self._paused:
            event = self._queue.popleft()
            self._queued_bytes -= len(event)
            self._write(event)
        self._run_pending()

    def _stalled(self) -> None:
        self._stall_timer = None
        if self.transport is not None:
            self.manager.server.log.warning("manager user %s reads nothing: disconnected", self.name)
            self.transport.abort()

    @property
    def queued(self) -> int:
        """How many events wait for the client to read."""
        return len(self._queue)

    @property
    def dropped(self) -> int:
        """How many events were dropped since it last read."""
        return self._dropped

    def close(self) -> None:
        """Hang up once what was written is sent."""
        if self.transport is not None:
            self.transport.close()

    def _login_expired(self) -> None:
        if self.user is None:
            self.close()

    # -- out ---------------------------------------------------------------------------------

    def send(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Send one message of our own (a response or a list item), after the events that came before it."""
        self.manager.feed.flush()
        self._write(encode(pairs).encode("utf-8", "replace"))

    def deliver(self, joined: bytes, events: Sequence[bytes]) -> None:
        """Send events that this session is to see: ``joined`` is all of ``events``."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)
        if not self._paused:
            self._write(joined)
            return
        queue = self._queue
        queue.extend(events)
        self._queued_bytes += len(joined)
        while len(queue) > MAX_QUEUED_EVENTS or self._queued_bytes > MAX_QUEUED_BYTES:
            if not self._dropped:
                self.manager.server.log.warning("manager user %s does not read its events: the oldest go", self.name)
            self._dropped += 1
            self._queued_bytes -= len(queue.popleft())

    def _write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    # -- in ----------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The user's name, or where the connection came from."""
        return self.user.name if self.user is not None else f"{self.remote[0]}:{self.remote[1]}"

    def _run_pending(self) -> None:
        # An action that takes time (a synchronous Originate) holds up the ones behind it, as in Asterisk.
        for _ in range(_BURST):
            if self._task is not None or self._paused or self.transport is None or self.transport.is_closing():
                break
            try:
                fields = self._reader.next()
            except OversizedError:
                self.manager.server.log.warning("manager: %s sent too long a message: disconnected", self.name)
                self.close()
                return
            if fields is None:
                break
            call = Call(self, fields)
            result = self._dispatch(call)
            if inspect.isawaitable(result):
                self._task = self.manager.server.spawn(self._finish(call, result), f"manager action of {self.name}")
        else:
            self._more = True
            asyncio.get_running_loop().call_soon(self._run_more)
        self._hold_reading()

    def _run_more(self) -> None:
        self._more = False
        self._run_pending()

    def _hold_reading(self) -> None:
        """Read no more while there is something left to do: a client that asks faster than it reads waits itself."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        hold = self._paused or self._more or (self._task is not None and self._reader.buffered > 0)
        if hold and not self._held:
            transport.pause_reading()
        elif self._held and not hold:
            transport.resume_reading()
        self._held = hold

    async def _finish(self, call: Call, result: object) -> None:
        try:
            assert inspect.isawaitable(result)
            restriction.set(self._rules())
            await result
        except FAILURES as error:
            if task_ends(error):
                raise
            self._failed(call)
        finally:
            self._task = None
        self._run_pending()

    def _dispatch(self, call: Call) -> object:
        action = call.get("action")
        if self.manager.settings.debug:
            self.manager.server.log.verbose(1, "Manager action '%s' from %s", action, self.name)
        if not action:
            call.error("Missing action in request")
            return None
        own = {"login": self._login, "challenge": self._challenge, "logoff": self._logoff}.get(action.lower())
        if own is not None:
            own(call)
            return None
        if self.user is None:
            call.error("Permission denied")
            return None
        found = self.manager.server.actions.get(action)
        if found is None:
            call.error(f"Invalid/unknown command: {action}. Use Action: ListCommands to show available commands.")
            return None
        if found.privilege and not call.may(found.privilege):
            call.error("Permission denied")
            self.manager.security.request_not_allowed(self, action)
            return None
        try:
            with restricted(self._rules()):
                return found.run(call)
        except FAILURES:
            self._failed(call)
            return None

    def _rules(self) -> int:
        """The restrictions on the user's actions, however indirectly they reach an application or function."""
        dangerous = 0 if self.manager.server.options.live_dangerously else DANGEROUS_FUNCTIONS
        if self.user is None or "system" not in self.user.write:
            dangerous |= DANGEROUS_APPLICATIONS
        return dangerous

    def _failed(self, call: Call) -> None:
        report_failure(self.manager.server.log, f"manager action '{call.get('action')}'")
        call.error("Internal error")

    # -- the session's own actions -------------------------------------------------------------

    def _challenge(self, call: Call) -> None:
        if call.get("authtype").lower() != "md5":
            call.error("Must specify AuthType")
            return
        if not self.challenge:
            self.challenge = str(secrets.randbelow(900_000_000) + 100_000_000)
        call.success(fields=[("Challenge", self.challenge)])

    def _login(self, call: Call) -> None:
        name = call.get("username")
        user = self.manager.settings.users.get(name)
        if user is None:
            hmac.compare_digest(b"0" * 32, hashlib.md5(_bytes(name)).hexdigest().encode())
            self.manager.security.invalid_account(self, name)
            self._refuse(call)
            return
        if not user.allows(self.remote[0]):
            self.manager.security.failed_acl(self, name)
            self._refuse(call)
            return
        if not self._proved(user, call):
            self._refuse(call)
            return
        several = user.allowmultiplelogin
        if not (self.manager.settings.allowmultiplelogin if several is None else several) and any(
            other.user is not None and other.user.name == name for other in self.manager.sessions
        ):
            self.manager.security.session_limit(self, name)
            self._refuse(call)
            return
        self.user = user
        self.read, self.filters = user.read, list(user.filters)
        self._reader.limits = LOGGED_IN
        self._leave_waiting()
        call.success("Authentication accepted")
        self.set_mask(call.get("events") or "on")
        self.manager.logged_in(self)

    def _proved(self, user: ManagerUser, call: Call) -> bool:
        # An address that failed too often of late is refused unseen, so that guessing tells nothing.
        open_ = bool(user.secret) and not self.manager.is_throttled(self.remote[0])
        security = self.manager.security
        if call.get("authtype").lower() == "md5":
            key = call.get("key")
            if open_ and self.challenge:
                expected = hashlib.md5(_bytes(self.challenge + user.secret)).hexdigest()
                if hmac.compare_digest(expected.encode(), _bytes(key.lower())):
                    return True
            security.challenge_response_failed(self, key)
            return False
        if open_ and hmac.compare_digest(_bytes(user.secret), _bytes(call.get("secret"))):
            return True
        security.invalid_password(self, user.name)
        return False

    def _refuse(self, call: Call) -> None:
        self.manager.login_failed(self)
        call.error("Authentication failed")
        self.close()

    def _logoff(self, call: Call) -> None:
        if self.user is None:
            call.error("Permission denied")
            return
        call.respond("Goodbye", [("Message", "Thanks for all the fish.")])
        self.close()

    def set_mask(self, mask: str) -> bool:
        """Apply an event mask (``on``, ``off``, or classes); ``False`` when it is none of these."""
        word = mask.strip().lower()
        assert self.user is not None
        if word in ("on", "yes", "true", "1", "all"):
            self.events_on, self.read = True, self.user.read
        elif word in ("off", "no", "false", "0"):
            self.events_on = False
        else:
            classes = parse_classes(mask)
            if not classes:
                return False
            self.events_on, self.read = True, self.user.read & classes
        self.manager.update_feed()
        return True
