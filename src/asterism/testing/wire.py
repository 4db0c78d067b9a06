"""A simulated phone's signalling: one UDP socket under ``asterism.stack``'s transactions."""

from __future__ import annotations

import asyncio
import socket

from asterism.stack.errors import ParseError
from asterism.stack.flow import Flow
from asterism.stack.message import Request, Response
from asterism.stack.timers import TimerQueue
from asterism.stack.transactions.client import ClientTransaction
from asterism.stack.transactions.config import TimerConfig
from asterism.stack.transactions.layer import TransactionLayer
from asterism.stack.transactions.users import ClientUser, StackUser


class WireFlow(Flow):
    """The path from the phone to one address."""

    __slots__ = ("_wire",)

    def __init__(self, wire: Wire, remote: tuple[str, int]) -> None:
        super().__init__("UDP", wire.local, remote, name="phone")
        self._wire = wire

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        self._wire.send(data, self.remote)


class Wire:
    """The socket, the transaction layer, and a record of every message."""

    def __init__(self, user: StackUser, host: str = "127.0.0.1", timers: TimerConfig | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self.local: tuple[str, int] = self._socket.getsockname()[:2]
        self.timers = TimerQueue(self._loop.time)
        self.layer = TransactionLayer(timers or TimerConfig(), self.timers, user)
        self.log: list[str] = []
        """First lines of what was sent (``>``) and received (``<``)."""
        self.messages: list[tuple[str, bytes]] = []
        """The same, whole."""
        self._flows: dict[tuple[str, int], WireFlow] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self.closed = False
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
        self._note(">", data)
        try:
            self._socket.sendto(data, remote)
        except OSError as error:
            self.log.append(f"! {error}")

    def send_request(self, request: Request, flow: Flow, user: ClientUser) -> ClientTransaction:
        """Start a client transaction."""
        transaction = self.layer.send_request(request, flow, user)
        self.arm()
        return transaction

    def _note(self, mark: str, data: bytes) -> None:
        self.messages.append((mark, data))
        first = data.partition(b"\r\n")[0].decode("utf-8", "replace")
        self.log.append(f"{mark} {first[:100]}")

    def _on_readable(self) -> None:
        try:
            data, remote = self._socket.recvfrom(65535)
        except OSError:
            return
        if not data.strip():
            return
        self._note("<", data)
        self.layer.receive(data, self.flow(remote[:2]), self._loop.time())
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
        """Close the socket; transactions end with it."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        if self._alarm is not None:
            self._alarm.cancel()


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


__all__ = ["Exchange", "ParseError", "Wire", "WireFlow"]
