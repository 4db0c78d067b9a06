"""Base of TCP, TLS and WebSocket connections and transports: connection counts, timeouts and closing."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from asterism.sources import source_of
from asterism.stack.flow import Flow
from asterism.stack.short_names import shorten
from asterism.transport.base import Transport

if TYPE_CHECKING:
    import logging

    from asterism.stack.timers import Timer, TimerQueue
    from asterism.transport.base import Receive
    from asterism.transport.settings import TransportSettings

F = TypeVar("F", bound="StreamFlow")


class StreamFlow(Flow):
    """One connection."""

    __slots__ = ("_half_open", "_last_seen", "_owner", "_proof_due", "_timer", "unproven")

    _owner: StreamTransport[Any]

    def __init__(
        self, owner: StreamTransport[Any], transport: str, local: tuple[str, int], remote: tuple[str, int], secure: bool
    ) -> None:
        super().__init__(transport, local, remote, name=owner.name, reliable=True, secure=secure)
        self._owner = owner
        self._last_seen = 0.0
        self._half_open = False
        self.unproven = False
        """Whether the peer has to authenticate, and has not yet (``auth_timeout``, ``auth_limit``)."""
        self._proof_due = 0.0
        self._timer: Timer | None = None

    def send(self, data: bytes) -> None:
        """Send one message; see :class:`Flow`."""
        if self.closed:
            self.failed(ConnectionError("the connection is closed"))
            return
        owner = self._owner
        if owner.settings.compact_headers:
            data = shorten(data)
        if owner.trace is not None:
            owner.trace("out", data, self)
        owner.counters["sent"] += 1
        self._send(data)

    def prove(self) -> None:
        """The peer has authenticated."""
        if self.unproven:
            self.unproven = False
            self._proof_due = 0.0
            self._owner.proved(self)

    def close(self, error: Exception | None = None) -> None:
        """Close the connection and call the ``on_error`` subscribers; harmless when repeated."""
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._hang_up(error)
        self._owner.forget(self)
        if error is not None:
            self._owner.counters["errors"] += 1
        self.failed(error)

    @abstractmethod
    def _send(self, data: bytes) -> None:
        """Write one message, or close if the peer reads too slowly."""

    @abstractmethod
    def _hang_up(self, error: Exception | None) -> None:
        """Close the connection below, in good order unless there is an error."""

    def _received(self, data: bytes) -> None:
        """Hand one message on."""
        owner = self._owner
        owner.counters["received"] += 1
        if self._half_open:
            owner.settle(self)
        if owner.trace is not None:
            owner.trace("in", data, self)
        try:
            owner.receive(data, self, self._last_seen)
        except Exception:
            owner.log.exception("transport %s: a message from %s was not handled", self.name, self.remote)

    def _deadline(self) -> float:
        """When the connection has been idle for too long, or should have authenticated."""
        deadline = max(self._last_seen + self._owner.settings.idle_timeout, self.kept_until)
        return min(deadline, self._proof_due) if self._proof_due else deadline

    def _watch(self) -> None:
        """Be woken at the deadline, unless an earlier alarm will look at it anyway."""
        deadline = self._deadline()
        if self._timer is not None:
            if self._timer.when <= deadline:
                return
            self._timer.cancel()
        self._timer = self._owner.timers.call_at(deadline, self._timer_expired)

    def _timer_expired(self) -> None:
        self._timer = None
        now = self._owner.timers.clock()
        if now < self._deadline() - 0.001:
            self._watch()
        elif self._proof_due and now >= self._proof_due - 0.001:
            self.close(TimeoutError("it did not authenticate in time"))
        else:
            self._too_late()

    def _too_late(self) -> None:
        """The deadline has passed."""
        self.close()


class StreamTransport(Transport, Generic[F]):
    """The connections of one section.

    Args:
        settings: the section.
        receive: takes each message with its flow and the time.
        timers: for idle connections.
        log: for what a callback raises.
    """

    __slots__ = ("_connections", "_half_open", "_per_address", "_unproven", "_waiting", "log", "receive", "timers")

    def __init__(self, settings: TransportSettings, receive: Receive, timers: TimerQueue, log: logging.Logger) -> None:
        super().__init__(settings)
        self.receive = receive
        self.timers = timers
        self.log = log
        self._connections: set[F] = set()
        self._per_address: dict[str, int] = {}
        self._half_open: dict[F, None] = {}
        """Connections of peers that have sent no whole message yet, the oldest first."""
        self._waiting: dict[str, dict[F, None]] = {}
        """The same, by source."""
        self._unproven: set[F] = set()
        """Connections of peers that have to authenticate."""

    @property
    def connections(self) -> int:
        """How many connections stand."""
        return len(self._connections)

    def flows(self) -> list[F]:
        """Those that stand, by the peer's address."""
        return sorted(self._connections, key=lambda flow: flow.remote)

    def admit(self, flow: F) -> bool:
        """Count a connection that stands; ``False`` if there are too many.

        An IPv6 /64 network counts as one address (:func:`asterism.sources.source_of`).
        """
        settings = self.settings
        host = source_of(flow.remote[0])
        count = self._per_address.get(host, 0)
        if count >= settings.max_connections_per_address or len(self._connections) >= settings.max_connections:
            self.counters["dropped"] += 1
            return False
        self._per_address[host] = count + 1
        self._connections.add(flow)
        return True

    def expect_message(self, flow: F) -> None:
        """A peer has opened a connection and said nothing yet.

        There is a limited number of such connections. Without room the oldest goes, of the same source if that holds
        its share: whoever just opens connections must not keep those out who speak at once.
        """
        flow._half_open = True
        source = source_of(flow.remote[0])
        mine = self._waiting.setdefault(source, {})
        self._half_open[flow] = mine[flow] = None
        settings = self.settings
        limit = settings.max_half_open
        crowd = mine if len(mine) > max(limit // 4, 1) else self._half_open
        if crowd is mine or len(crowd) > limit:
            self.counters["dropped"] += 1
            next(iter(crowd)).close(ConnectionError("too many connections that say nothing"))
        if (settings.auth_timeout or settings.auth_limit) and not flow.closed:
            self._expect_proof(flow)

    def _expect_proof(self, flow: F) -> None:
        """A peer that opened a connection has to authenticate; without room for it the connection is closed."""
        settings = self.settings
        if settings.auth_limit and len(self._unproven) >= settings.auth_limit:
            self.counters["dropped"] += 1
            flow.close(ConnectionError("too many connections that have not authenticated"))
            return
        flow.unproven = True
        self._unproven.add(flow)
        if settings.auth_timeout:
            flow._proof_due = self.timers.clock() + settings.auth_timeout

    def proved(self, flow: F) -> None:
        """The peer of a connection has authenticated (called by the flow)."""
        self._unproven.discard(flow)

    def settle(self, flow: F) -> None:
        """A connection is not half-open any more."""
        flow._half_open = False
        self._half_open.pop(flow, None)
        source = source_of(flow.remote[0])
        mine = self._waiting.get(source)
        if mine is not None:
            mine.pop(flow, None)
            if not mine:
                del self._waiting[source]

    def forget(self, flow: F) -> None:
        """A connection is closed (called by the flow)."""
        if flow._half_open:
            self.settle(flow)
        if flow.unproven:
            self._unproven.discard(flow)
        if flow in self._connections:
            self._connections.remove(flow)
            host = source_of(flow.remote[0])
            count = self._per_address[host] - 1
            if count:
                self._per_address[host] = count
            else:
                del self._per_address[host]
