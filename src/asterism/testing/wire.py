"""A simulated phone's signalling: a socket or a connection under ``asterism.stack``'s transactions."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from asterism.stack.errors import ParseError
from asterism.stack.flow import Flow
from asterism.stack.message import Request, Response
from asterism.stack.timers import TimerQueue
from asterism.stack.transactions.client import ClientTransaction
from asterism.stack.transactions.config import TimerConfig
from asterism.stack.transactions.layer import TransactionLayer
from asterism.stack.transactions.users import ClientUser, StackUser

if TYPE_CHECKING:
    import ssl


class WireFlow(Flow):
    """The path from the phone to one address by UDP."""

    __slots__ = ("_wire",)

    def __init__(self, wire: UdpWire, remote: tuple[str, int]) -> None:
        super().__init__("UDP", wire.local, remote, name="phone")
        self._wire = wire

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        self._wire.send(data, self.remote)


class Wire(ABC):
    """Base of every kind of wire: the transaction layer, its timers, and a record of every message."""

    def __init__(self, user: StackUser, timers: TimerConfig | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self.local: tuple[str, int] = ("", 0)
        self.timers = TimerQueue(self._loop.time)
        self.layer = TransactionLayer(timers or TimerConfig(), self.timers, user)
        self.log: list[str] = []
        """First lines of what was sent (``>``) and received (``<``)."""
        self.messages: list[tuple[str, bytes]] = []
        """The same, whole."""
        self._alarm: asyncio.TimerHandle | None = None
        self.closed = False

    @abstractmethod
    def flow(self, remote: tuple[str, int]) -> Flow:
        """The flow to an address; always the same one."""

    def send_request(self, request: Request, flow: Flow, user: ClientUser) -> ClientTransaction:
        """Start a client transaction."""
        transaction = self.layer.send_request(request, flow, user)
        self.arm()
        return transaction

    def note(self, mark: str, data: bytes) -> None:
        """Put a message into the record (called by the flows)."""
        self.messages.append((mark, data))
        first = data.partition(b"\r\n")[0].decode("utf-8", "replace")
        self.log.append(f"{mark} {first[:100]}")

    def receive(self, data: bytes, flow: Flow) -> None:
        """Take a message (called by the flows)."""
        self.note("<", data)
        self.layer.receive(data, flow, self._loop.time())
        self.arm()

    def arm(self) -> None:
        """Set the alarm for the stack's next timer."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        when = self.timers.next_timer()
        if when is not None and not self.closed:
            self._alarm = self._loop.call_at(when, self._on_alarm)

    def _on_alarm(self) -> None:
        self._alarm = None
        self.timers.handle_timers(self._loop.time())
        self.arm()

    def close(self) -> None:
        """Close the wire; transactions end with it."""
        self.closed = True
        if self._alarm is not None:
            self._alarm.cancel()


class UdpWire(Wire):
    """One UDP socket."""

    def __init__(self, user: StackUser, host: str = "127.0.0.1", timers: TimerConfig | None = None) -> None:
        super().__init__(user, timers)
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self.local = self._socket.getsockname()[:2]
        self._flows: dict[tuple[str, int], WireFlow] = {}
        self._loop.add_reader(self._socket.fileno(), self._on_readable)

    def flow(self, remote: tuple[str, int]) -> WireFlow:
        """The flow to an address; always the same one."""
        found = self._flows.get(remote)
        if found is None:
            found = self._flows[remote] = WireFlow(self, remote)
        return found

    def send(self, data: bytes, remote: tuple[str, int]) -> None:
        """Send bytes as they are: a test may send what no phone would."""
        if self.closed:
            return
        self.note(">", data)
        try:
            self._socket.sendto(data, remote)
        except OSError as error:
            self.log.append(f"! {error}")

    def _on_readable(self) -> None:
        try:
            data, remote = self._socket.recvfrom(65535)
        except OSError:
            return
        if data.strip():
            self.receive(data, self.flow(remote[:2]))

    def close(self) -> None:
        """Close the socket; transactions end with it."""
        if self.closed:
            return
        super().close()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()


def open_wire(
    transport: str,
    user: StackUser,
    host: str,
    server: tuple[str, int],
    timers: TimerConfig | None = None,
    context: ssl.SSLContext | None = None,
) -> Wire:
    """The wire of a phone for ``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``; connections are opened when first used.

    ``context`` checks the server's certificate; by default any will do.
    """
    if transport == "udp":
        return UdpWire(user, host, timers)
    from asterism.testing.connections import ConnectionWire

    return ConnectionWire(transport, user, host, server, timers, context)


class Exchange:
    """A request of the phone's, and what became of it: a :class:`ClientUser` to wait on."""

    def __init__(self) -> None:
        self.provisional: list[Response] = []
        self.final: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
        """The final response; ``None`` when none came."""

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """Keep a response."""
        if response.status < 200:
            self.provisional.append(response)
        elif not self.final.done():
            self.final.set_result(response)

    def on_timeout(self, transaction: ClientTransaction) -> None:
        """Nothing came."""
        if not self.final.done():
            self.final.set_result(None)

    def on_transport_error(self, transaction: ClientTransaction) -> None:
        """Nothing could be sent."""
        self.on_timeout(transaction)


__all__ = ["Exchange", "ParseError", "UdpWire", "Wire", "WireFlow", "open_wire"]
