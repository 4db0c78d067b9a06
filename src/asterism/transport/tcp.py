"""SIP over TCP: framed by Content-Length, bounded in everything a peer can make grow."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, cast

from asterism.stack.errors import ParseError
from asterism.stack.framing import KeepAlive, StreamFramer
from asterism.stack.uri import format_host_port
from asterism.transport.base import bind_socket, mark_traffic, plain_address
from asterism.transport.errors import BindError
from asterism.transport.stream import StreamFlow, StreamTransport

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.timers import Timer, TimerQueue
    from asterism.transport.base import Receive
    from asterism.transport.settings import TransportSettings

_BACKLOG = 1024
_MAX_ALIASES = 4
_PING_SLICE = 256
"""Keep-alives sent in one go: ten thousand at once would hold everything else up."""
_PONG_WAIT = 10.0
"""Seconds within which a ping is answered (RFC 5626 section 4.4.1)."""


class TcpFlow(StreamFlow, asyncio.Protocol):
    """One connection, accepted or opened by us.

    What is sent before the connection stands is kept and goes out when it does.
    """

    __slots__ = (
        "_accepted",
        "_aliases",
        "_framer",
        "_message_since",
        "_pending",
        "_pinged_at",
        "_wire",
        "server_name",
    )

    PROTOCOL = "TCP"

    _owner: TcpTransport

    def __init__(self, tcp: TcpTransport, remote: tuple[str, int], *, accepted: bool, server_name: str = "") -> None:
        super().__init__(tcp, self.PROTOCOL, (tcp.host, tcp.port), remote, self.PROTOCOL == "TLS")
        self.server_name = server_name
        self._accepted = accepted
        self._aliases: list[int] = []
        self._framer = StreamFramer(tcp.settings.limits)
        self._wire: asyncio.Transport | None = None
        self._pending: list[bytes] = []
        self._message_since = 0.0
        self._pinged_at = 0.0

    @property
    def accepted(self) -> bool:
        """Whether the peer opened the connection."""
        return self._accepted

    # What the stack calls

    def ping(self) -> None:
        """Send a keep-alive (RFC 5626 section 3.5.1), unless the connection does not stand yet."""
        if self._wire is not None and not self.closed and not self._pending:
            now = self._owner.timers.clock()
            self._framer.pinged(now > self._pinged_at + _PONG_WAIT)
            self._pinged_at = now
            self._send(KeepAlive.PING.value)

    def alias(self, port: int) -> None:
        """Let requests to ``port`` at the peer's address go over this connection (RFC 5923).

        A connection that has the address already keeps it. To be called only for peers that have proved who they are:
        others behind the same address could draw its calls to themselves.
        """
        if not self.closed and port not in self._aliases and len(self._aliases) < _MAX_ALIASES:
            self._aliases.append(port)
            self._owner.add_alias(self, port)

    @property
    def aliases(self) -> list[int]:
        """The ports that :meth:`alias` was called with."""
        return self._aliases

    def _hang_up(self, error: Exception | None) -> None:
        self._pending.clear()
        if self._wire is not None:
            if error is None:
                self._wire.close()
            else:
                self._wire.abort()

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        wire = self._wire = cast(asyncio.Transport, transport)
        peer, own = wire.get_extra_info("peername"), wire.get_extra_info("sockname")
        if self.closed or not peer or not own:
            self.close(ConnectionError("the connection was given up"))
            wire.abort()
            return
        self.remote, self.local = (plain_address(peer[0]), peer[1]), (plain_address(own[0]), own[1])
        if not self._owner.admit(self):
            self.close(ConnectionError("too many connections"))
            return
        self._last_seen = self._owner.timers.clock()
        if self._accepted:
            self._owner.expect_message(self)
        if not self.closed:
            self._start()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._last_seen = self._owner.timers.clock()
        self._take(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.close(exc)

    # The stream, which TLS wraps

    def _start(self) -> None:
        """The way is free: send what waits, watch the peer."""
        pending, self._pending = self._pending, []
        for data in pending:
            self._send(data)
        self._watch()

    def _send(self, data: bytes) -> None:
        wire = self._wire
        limit = self._owner.settings.write_buffer
        if self._accepted and self.kept_until < self._last_seen:
            limit //= 4
        if wire is None:
            if sum(map(len, self._pending)) + len(data) > limit:
                self.close(ConnectionError("too much to send before the connection stood"))
            else:
                self._pending.append(data)
        elif wire.get_write_buffer_size() + len(data) > limit:
            self.close(ConnectionError("the peer reads too slowly"))
        else:
            wire.write(data)

    def _take(self, data: bytes) -> None:
        """Bytes of the SIP stream."""
        counters = self._owner.counters
        framer = self._framer
        try:
            items = framer.feed(data)
        except ParseError as error:
            counters["dropped"] += 1
            self.close(error)
            return
        now = self._last_seen
        for item in items:
            if isinstance(item, KeepAlive):
                counters["keepalives"] += 1
                if item is KeepAlive.PING:
                    self._send(KeepAlive.PONG.value)
                continue
            self._received(item)
            if self.closed:
                return
        if framer.spent:
            # In good order, for the answer to get out.
            self.close()
        elif not framer.pending:
            self._message_since = 0.0
        elif items or not self._message_since:
            # Only the first byte of a message starts its clock: a peer that sends a byte at a time gains nothing.
            self._message_since = now
            self._watch()

    def _deadline(self) -> float:
        deadline = super()._deadline()
        if self._message_since:
            deadline = min(deadline, self._message_since + self._owner.settings.message_timeout)
        return deadline

    def _too_late(self) -> None:
        self.close(TimeoutError("a message took too long to arrive") if self._message_since else None)


class TcpTransport(StreamTransport[TcpFlow]):
    """A listening socket, its connections, and those that we open.

    Args:
        settings: the section.
        loop: the running loop.
        receive: takes each message with its flow and the time.
        timers: for idle and slow connections.
        log: for what a callback raises.

    Raises:
        BindError: the address cannot be had.
    """

    __slots__ = (
        "_by_remote",
        "_keep_alive",
        "_loop",
        "_server",
        "_socket",
        "_tasks",
    )

    def __init__(
        self,
        settings: TransportSettings,
        loop: asyncio.AbstractEventLoop,
        receive: Receive,
        timers: TimerQueue,
        log: logging.Logger,
    ) -> None:
        super().__init__(settings, receive, timers, log)
        self._loop = loop
        self._socket = bind_socket(settings, socket.SOCK_STREAM)
        self.port = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._by_remote: dict[tuple[str, int, str], TcpFlow] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._keep_alive: Timer | None = None

    async def start(self) -> None:
        """Listen. Raises BindError."""
        try:
            self._server = await self._loop.create_server(self._accept, sock=self._socket, backlog=_BACKLOG)
        except OSError as error:
            # Where the address may be bound twice, it is listening that fails.
            self._socket.close()
            address = format_host_port(self.host, self.settings.port)
            raise BindError(self.name, self.protocol, address, error.strerror or str(error)) from error

    def keep_alive(self, interval: float) -> None:
        """Send a keep-alive over every connection each ``interval`` seconds; 0 for none."""
        if self._keep_alive is not None:
            self._keep_alive.cancel()
            self._keep_alive = None
        if interval > 0 and not self.closed:
            self._keep_alive = self.timers.call_later(interval, self._ping, interval, [])

    def _ping(self, interval: float, left: list[TcpFlow]) -> None:
        """Ping a slice of the connections, then the next one soon, or all of them again after the interval."""
        left = left or list(self._connections)
        for flow in left[-_PING_SLICE:]:
            flow.ping()
        del left[-_PING_SLICE:]
        pause = 0.02 if left else interval
        self._keep_alive = self.timers.call_later(pause, self._ping, interval, left)

    def add_alias(self, flow: TcpFlow, port: int) -> None:
        """Reach ``port`` at a connection's address over it (called by the flow)."""
        key = (flow.remote[0], port, flow.server_name)
        known = self._by_remote.get(key)
        if known is None or known.closed:
            self._by_remote[key] = flow

    def flow_to(self, host: str, port: int, server_name: str = "") -> Flow:
        """The connection to a numeric address; opened if there is none; see the base class."""
        key = (host, port, server_name)
        flow = self._by_remote.get(key) or (self._by_remote.get((host, port, "")) if server_name == "" else None)
        if flow is None or flow.closed:
            flow = self._new_flow((host, port), accepted=False, server_name=server_name)
            if self.closed:
                flow.closed = True
                return flow
            self._by_remote[key] = flow
            task = self._loop.create_task(self._connect(flow))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return flow

    def close(self) -> None:
        """Stop; see the base class."""
        if self.closed:
            return
        self.closed = True
        if self._server is not None:
            self._server.close()
        else:
            self._socket.close()
        self.keep_alive(0)
        for task in list(self._tasks):
            task.cancel()
        for flow in [*self._by_remote.values(), *self._connections]:
            flow.close()

    def admit(self, flow: TcpFlow) -> bool:
        """Count a connection that stands; see the base class."""
        if not super().admit(flow):
            return False
        # Answers to requests that name the peer's address may reuse a connection that the peer opened.
        self._by_remote.setdefault((*flow.remote, flow.server_name), flow)
        return True

    def forget(self, flow: TcpFlow) -> None:
        """A connection is closed (called by the flow)."""
        for port in (flow.remote[1], *flow.aliases):
            key = (flow.remote[0], port, flow.server_name)
            if self._by_remote.get(key) is flow:
                del self._by_remote[key]
        super().forget(flow)

    def _new_flow(self, remote: tuple[str, int], *, accepted: bool, server_name: str = "") -> TcpFlow:
        return TcpFlow(self, remote, accepted=accepted, server_name=server_name)

    def _accept(self) -> TcpFlow:
        return self._new_flow(("", 0), accepted=True)

    async def _connect(self, flow: TcpFlow) -> None:
        # A socket of both families has none of its own to connect from.
        both = self.settings.dual_stack and ":" not in flow.remote[0]
        sock = socket.socket(socket.AF_INET if both else self.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            mark_traffic(sock, self.settings)
            if not self.settings.address.is_unspecified:
                sock.bind((self.host, 0))
            async with asyncio.timeout(self.settings.connect_timeout):
                await self._loop.sock_connect(sock, flow.remote)
            await self._loop.create_connection(lambda: flow, sock=sock)
        except (OSError, TimeoutError, OverflowError) as error:
            sock.close()
            flow.close(error)
        except asyncio.CancelledError:
            sock.close()
            flow.close()
            raise
