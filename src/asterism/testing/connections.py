"""Connections of simulated phones: TCP, TLS and WebSocket, on asyncio's own transports and aiohttp's client.

None of the server's transport code is used, so that the phones judge it.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from typing import TYPE_CHECKING

from asterism.stack.flow import Flow
from asterism.stack.framing import KeepAlive, StreamFramer
from asterism.testing.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import ClientWebSocketResponse

    from asterism.stack.transactions.config import TimerConfig
    from asterism.stack.transactions.users import StackUser


class ConnectionFlow(Flow):
    """One connection; what is sent before it stands goes out when it does."""

    __slots__ = ("_wire", "_write", "waiting")

    def __init__(self, wire: ConnectionWire, remote: tuple[str, int]) -> None:
        super().__init__(
            wire.transport.upper(), wire.local, remote, name="phone", reliable=True,
            secure=wire.transport in ("tls", "wss"),
        )  # fmt: skip
        self._wire = wire
        self._write: Callable[[bytes], object] | None = None
        self.waiting: list[bytes] = []

    def send(self, data: bytes) -> None:
        """Send one message."""
        if self.closed:
            self.failed(ConnectionError("the connection is closed"))
            return
        self._wire.note(">", data)
        if self._write is None:
            self.waiting.append(data)
        else:
            self._write(data)

    def opened(self, write: Callable[[bytes], object]) -> None:
        """The connection stands."""
        self._write = write
        for data in self.waiting:
            write(data)
        self.waiting.clear()

    def lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        if not self.closed:
            self.closed = True
            self._wire.log.append(f"! connection closed: {error or 'in good order'}")
            self.failed(error)


class _Stream(asyncio.Protocol):
    """The SIP stream of a TCP or TLS connection."""

    def __init__(self, flow: ConnectionFlow, wire: ConnectionWire) -> None:
        self._flow = flow
        self._wire = wire
        self._framer = StreamFramer()

    def data_received(self, data: bytes) -> None:
        for item in self._framer.feed(data):
            if isinstance(item, KeepAlive):
                self._wire.keepalives.append(item)
                if item is KeepAlive.PING and self._wire.answers_pings:
                    assert self._wire.stream is not None
                    self._wire.stream.write(KeepAlive.PONG.value)
            else:
                self._wire.receive(item, self._flow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._flow.lost(exc)


class ConnectionWire(Wire):
    """A phone that keeps one connection to its server; other addresses are reached through it as well.

    Attributes:
        transport: ``tcp``, ``tls``, ``ws`` or ``wss``.
        stream: the connection once it stands (not for WebSockets).
        keepalives: pings and pongs of the server.
        answers_pings: send a pong for each ping.
    """

    def __init__(
        self,
        transport: str,
        user: StackUser,
        host: str,
        server: tuple[str, int],
        timers: TimerConfig | None,
        context: ssl.SSLContext | None,
    ) -> None:
        super().__init__(user, timers)
        self.transport = transport
        self.stream: asyncio.Transport | None = None
        self.keepalives: list[KeepAlive] = []
        self.answers_pings = True
        self._server = server
        self._context = context or _trusting()
        self._socket: socket.socket | None = None
        if transport in ("tcp", "tls"):
            # Bound now: the phone's Contact names the port before anything is sent.
            self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._socket.bind((host, 0))
            self.local = self._socket.getsockname()[:2]
        else:
            # As browsers do, which do not know their address (RFC 7118 section 5).
            self.local = (f"{secrets.token_hex(6)}.invalid", 0)
        self._flow: ConnectionFlow | None = None
        self._task: asyncio.Task[None] | None = None

    def flow(self, remote: tuple[str, int]) -> ConnectionFlow:
        """The connection, whatever the address; opened when first asked for, and again after it was lost."""
        if self._flow is None or self._flow.closed:
            self._flow = ConnectionFlow(self, self._server)
            connect = self._websocket(self._flow) if self._socket is None else self._connect(self._flow, self._socket)
            self._task = self._loop.create_task(connect)
        return self._flow

    async def _connect(self, flow: ConnectionFlow, sock: socket.socket) -> None:
        context = self._context if self.transport == "tls" else None
        try:
            await self._loop.sock_connect(sock, self._server)
            self.stream, _ = await self._loop.create_connection(
                lambda: _Stream(flow, self),
                sock=sock,
                ssl=context,
                server_hostname=self._server[0] if context else None,
            )
            flow.opened(self.stream.write)
        except (OSError, ssl.SSLError) as error:
            flow.lost(error)

    async def _websocket(self, flow: ConnectionFlow) -> None:
        from aiohttp import ClientError, ClientSession, WSMsgType

        host, port = self._server
        url = f"{self.transport}://[{host}]:{port}/ws" if ":" in host else f"{self.transport}://{host}:{port}/ws"
        sending: asyncio.Queue[bytes] = asyncio.Queue()
        try:
            async with (
                ClientSession() as session,
                session.ws_connect(url, protocols=("sip",), ssl=self._context) as ws,
            ):
                flow.opened(sending.put_nowait)
                sender = self._loop.create_task(_send_all(ws, sending))
                try:
                    async for message in ws:
                        if message.type is WSMsgType.TEXT:
                            self.receive(message.data.encode(), flow)
                        elif message.type is WSMsgType.BINARY:
                            self.receive(message.data, flow)
                finally:
                    sender.cancel()
        except (OSError, ClientError) as error:
            flow.lost(error)
        else:
            flow.lost(None)

    def close(self) -> None:
        """Close the connection; transactions end with it."""
        if self.closed:
            return
        super().close()
        if self.stream is not None:
            self.stream.abort()
        elif self._socket is not None:
            self._socket.close()
        if self._task is not None:
            self._task.cancel()


async def _send_all(ws: ClientWebSocketResponse, sending: asyncio.Queue[bytes]) -> None:
    while True:
        data = await sending.get()
        await ws.send_str(data.decode("utf-8", "replace"))


def _trusting() -> ssl.SSLContext:
    """A context that takes every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
