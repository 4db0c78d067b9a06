"""The manager's listeners and the table of its sessions."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any

from asterism.config.file import ConfigFile
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import ConfigError, ModuleError
from asterism.core.events import EventType, Fields
from asterism.core.module import CoreServer, Module
from asterism.core.test_events import TEST_EVENT
from asterism.interfaces.admission import TlsListener, WaitingRoom
from asterism.interfaces.manager.actions import ManagerActions
from asterism.interfaces.manager.blocks import ChannelBlocks
from asterism.interfaces.manager.commands import ManagerCommands
from asterism.interfaces.manager.feed import EventFeed
from asterism.interfaces.manager.security import ManagerSecurity
from asterism.interfaces.manager.session import EVENTS_DROPPED, ManagerSession
from asterism.interfaces.manager.settings import (
    ManagerSettings,
    ManagerUser,
    make_context,
    read_access_lists,
    read_settings,
    split_address,
)
from asterism.interfaces.manager.wire import encode_fields
from asterism.listening import open_listeners
from asterism.sources import source_of

FULLY_BOOTED = EventType(
    "FullyBooted",
    "system",
    lambda uptime, reloaded: [("Uptime", uptime), ("LastReload", reloaded), ("Status", "Fully Booted")],
    Documentation(
        "Sent after login: the server has finished its start-up.",
        arguments=(
            Argument("Uptime", "Seconds since the start."),
            Argument("LastReload", "Seconds since the configuration was last read."),
            Argument("Status", "Fully Booted."),
        ),
    ),
)

_SYSTEM = frozenset(("system", "all"))
_THROTTLE_FAILURES = 10
_THROTTLE_SECONDS = 10.0
_THROTTLE_ADDRESSES = 1_000


class ManagerModule(Module):
    """Serves the manager protocol on the addresses of ``manager.conf``."""

    name = "manager"
    core = True
    description = "Manager interface (AMI)"

    server: CoreServer
    security: ManagerSecurity

    def __init__(self) -> None:
        self.settings = ManagerSettings()
        self.sessions: set[ManagerSession] = set()
        self.address: tuple[str, int] | None = None
        self.tls_address: tuple[str, int] | None = None
        self._failed: list[str] = []
        self.waiting = WaitingRoom(lambda: self.settings.authlimit)
        """Connections that have not logged in."""
        self._handshakes = WaitingRoom(lambda: self.settings.authlimit)
        self._listeners: list[asyncio.Server | TlsListener] = []
        self.feed = EventFeed(self.render)
        self._heads: dict[EventType, str] = {}
        self._blocks = ChannelBlocks()
        self._unsubscribe: Callable[[], None] | None = None
        self._failures: dict[str, tuple[int, float]] = {}

    # -- life ------------------------------------------------------------------------------------

    def load(self, server: CoreServer) -> None:
        """Read ``manager.conf`` and register the actions and commands about the manager itself."""
        self.server = server
        self.security = ManagerSecurity(server.security)
        self._read()
        server.register_events(FULLY_BOOTED, EVENTS_DROPPED)
        server.register_marked(ManagerActions(self))
        server.register_marked(ManagerCommands(self))

    async def start(self) -> None:
        """Listen, when ``enabled``.

        Raises:
            ModuleError: A listener could not be opened; the other one serves all the same.
        """
        settings = self.settings
        self._failed.clear()
        if not settings.enabled:
            return
        self.address = await self._try(settings.bindaddr, settings.port, tls=False)
        if settings.tlsenable:
            host, port = split_address(settings.tlsbindaddr, settings.bindaddr, 5039)
            self.tls_address = await self._try(host, port, tls=True)
        if self._failed:
            raise ModuleError("; ".join(self._failed))

    async def _try(self, host: str, port: int, *, tls: bool) -> tuple[str, int] | None:
        try:
            return await self._listen(host, port, self._tls_context() if tls else None)
        except ModuleError as error:
            self._failed.append(str(error))
            return None

    async def _listen(self, host: str, port: int, context: ssl.SSLContext | None) -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        try:
            sockets = await open_listeners(host, port)
            for sock in sockets:
                if context is None:
                    self._listeners.append(await loop.create_server(lambda: ManagerSession(self), sock=sock))
                else:
                    self._listeners.append(TlsListener(sock, context, lambda: ManagerSession(self), self._handshakes))
        except OSError as error:
            raise ModuleError(
                f"manager.conf: cannot listen on {host} port {port}: {error.strerror or error}"
            ) from error
        address = sockets[0].getsockname()
        return str(address[0]), int(address[1])

    def _tls_context(self) -> ssl.SSLContext:
        return make_context(self.settings, self.server.paths.etc)

    async def reload(self) -> None:
        """Read ``manager.conf`` again; sessions keep the rights they logged in with.

        Listeners are closed and opened only when an address or the certificate changed, or one could not be opened.
        """
        before = self._listening_settings()
        self._read()
        self.update_feed()
        if self._listening_settings() != before or self._failed:
            self._close_listeners()
            await self.start()

    def _listening_settings(self) -> tuple[object, ...]:
        settings = self.settings
        return (
            settings.enabled, settings.bindaddr, settings.port, settings.tlsenable, settings.tlsbindaddr,
            settings.tlscertfile, settings.tlsprivatekey, settings.tlscipher,
        )  # fmt: skip

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners = []
        self.address = self.tls_address = None

    def unload(self) -> None:
        """Stop listening and hang up every client."""
        self.feed.flush()
        self.feed.stop()
        self.server.test_events.listen("manager", False)
        self._close_listeners()
        for session in list(self.sessions):
            session.close()

    def _read(self) -> None:
        try:
            config = ConfigFile.load(self.server.paths.etc / "manager.conf", missing_ok=True)
            lists = read_access_lists(ConfigFile.load(self.server.paths.etc / "acl.conf", missing_ok=True))
        except ConfigError as error:
            self.server.log.error("%s", error)
            return
        settings, errors = read_settings(config, lists)
        for problem in errors:
            self.server.log.error("%s", problem)
        self.settings = settings

    # -- sessions ----------------------------------------------------------------------------------

    def logged_in(self, session: ManagerSession) -> None:
        """Greet a user that has just logged in."""
        self._failures.pop(source_of(session.remote[0]), None)
        user = session.user
        assert user is not None
        if self._shows(user):
            self.server.log.verbose(2, "Manager '%s' logged on from %s", user.name, session.remote[0])
        if session.events_on and session.read & _SYSTEM:
            booted = self.render(FULLY_BOOTED, self.server.uptime())
            session.deliver(booted, (booted,))
        self.security.successful_auth(session)

    def login_failed(self, session: ManagerSession) -> None:
        """Count a failed login against its address."""
        now = time.monotonic()
        source = source_of(session.remote[0])
        count, since = self._failures.get(source, (0, now))
        if now - since > _THROTTLE_SECONDS:
            count, since = 0, now
        if len(self._failures) >= _THROTTLE_ADDRESSES:
            self._failures.pop(next(iter(self._failures)))
        self._failures[source] = (count + 1, since)
        if count < _THROTTLE_FAILURES or not count % 100:
            self.server.log.notice("%s failed to authenticate with the manager", session.remote[0])
        if count + 1 == _THROTTLE_FAILURES:
            self.server.log.warning(
                "%s failed too often: its manager logins are refused for %d seconds",
                session.remote[0], _THROTTLE_SECONDS,
            )  # fmt: skip

    def is_throttled(self, host: str) -> bool:
        """Whether an address has failed so often of late that its logins are refused unseen."""
        count, since = self._failures.get(source_of(host), (0, 0.0))
        return count >= _THROTTLE_FAILURES and time.monotonic() - since <= _THROTTLE_SECONDS

    def forget(self, session: ManagerSession) -> None:
        """A connection ended."""
        self.sessions.discard(session)
        if session.user is None:
            return
        if self._shows(session.user):
            self.server.log.verbose(2, "Manager '%s' logged off from %s", session.user.name, session.remote[0])
        self.update_feed()

    def _shows(self, user: ManagerUser) -> bool:
        return self.settings.displayconnects if user.displayconnects is None else user.displayconnects

    # -- events --------------------------------------------------------------------------------------

    def update_feed(self) -> None:
        """Update the audiences of the feed; it subscribes to the bus only while a session wants events."""
        self.feed.update(self.sessions, self.settings.disabledevents)
        self._heads.clear()  # event types of modules that are gone must not be kept
        self._blocks.forget()
        self.server.test_events.listen("manager", self.feed.has(TEST_EVENT))
        if self.feed.wanted and self._unsubscribe is None:
            self._unsubscribe = self.server.bus.subscribe(self.server.owner, None, self.feed.publish)
        elif not self.feed.wanted and self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def render(self, event_type: EventType, args: tuple[Any, ...]) -> bytes:
        """An event as it goes out."""
        settings = self.settings
        head = self._heads.get(event_type)
        if head is None:
            head = self._heads[event_type] = self._head(event_type)
        if settings.timestampevents:
            head += f"Timestamp: {time.time():.6f}\r\n"
        if event_type.tail is not None and args[0] is not None and not settings.channelvars:
            body = self._blocks.text(args[0]) + encode_fields(event_type.tail(*args))
        else:
            fields = event_type.render(*args)
            body = encode_fields(self._with_variables(fields, args) if settings.channelvars else fields)
        if event_type.trailer is not None:
            body += event_type.trailer(*args)
        return f"{head}{body}\r\n".encode("utf-8", "replace")

    def _head(self, event_type: EventType) -> str:
        classes = f"{event_type.privilege},all" if event_type.privilege else "<none>"
        head: list[tuple[str, object]] = [("Event", event_type.name), ("Privilege", classes)]
        if self.server.name:
            head.append(("SystemName", self.server.name))
        return encode_fields(head)

    def _with_variables(self, fields: Fields, args: tuple[Any, ...]) -> Fields:
        """Put ``channelvars`` after each channel's fields (``ChanVariable``, ``DestChanVariable``)."""
        channels = {each.uniqueid: each for each in args if hasattr(each, "get_variable")}
        found: list[tuple[str, object]] = []
        uniqueid: object = ""
        for key, value in fields:
            found.append((key, value))
            if key.endswith("Uniqueid"):
                uniqueid = value
            elif key.endswith("Linkedid") and (channel := channels.get(uniqueid)) is not None:
                prefix = key.removesuffix("Linkedid")
                found += [(f"{prefix}ChanVariable", f"{n}={_value(channel, n)}") for n in self.settings.channelvars]
        return found


def _value(channel: Any, name: str) -> str:
    """A variable of a channel, or what a dialplan function reads there."""
    if "(" in name:
        function, _, rest = name.partition("(")
        found = channel.pbx.dialplan.environment.function(channel, function, rest.rpartition(")")[0])
        return found or ""
    return channel.get_variable(name) or ""
