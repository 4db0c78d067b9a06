"""SIP over WebSocket (RFC 7118): flows on connections that an HTTP listener has upgraded.

The listener does the handshake and takes the frames apart; :meth:`WebSocketTransport.open` makes a flow of a
connection, :meth:`WebSocketFlow.take` hands it each message, and what is sent is framed here and written at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asterism.transport.base import plain_address
from asterism.transport.stream import StreamFlow, StreamTransport

if TYPE_CHECKING:
    import logging

    from asterism.stack.flow import Flow
    from asterism.stack.timers import TimerQueue
    from asterism.transport.base import Receive
    from asterism.transport.settings import TransportSettings

TEXT, BINARY, CLOSE = 0x81, 0x82, 0x88
"""First byte of a whole frame (RFC 6455 section 5.2)."""
_PING, _PONG = b"\r\n\r\n", b"\r\n"


def frame(first: int, payload: bytes) -> bytes:
    """One unfragmented server frame."""
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 65_536:
        return bytes((first, 126)) + length.to_bytes(2, "big") + payload
    return bytes((first, 127)) + length.to_bytes(8, "big") + payload


class MaskCheck:
    """Follows the frames that a client sends, and sees whether each is masked, as it must be (RFC 6455 5.1)."""

    __slots__ = ("_head", "_left")

    def __init__(self) -> None:
        self._head = bytearray()
        """The beginning of a frame whose length is not known yet."""
        self._left = 0
        """Bytes of the present frame that are still to come."""

    def feed(self, data: bytes) -> bool:
        """Take the next bytes in order; ``False`` at the first frame without a mask."""
        position, size = 0, len(data)
        while position < size:
            if self._left:
                step = min(self._left, size - position)
                self._left -= step
                position += step
                continue
            head = self._head
            head.append(data[position])
            position += 1
            if len(head) < 2:
                continue
            if not head[1] & 0x80:
                return False
            kind = head[1] & 0x7F
            wide = {126: 2, 127: 8}.get(kind, 0)
            if len(head) == 2 + wide:
                # The key, four bytes, and the payload.
                self._left = 4 + (int.from_bytes(head[2:], "big") if wide else kind)
                head.clear()
        return True


class Wire(Protocol):
    """The connection below the frames: what a flow needs of an :class:`asyncio.Transport`."""

    def write(self, data: bytes, /) -> None:
        """Send bytes."""

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the peer to read."""

    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""

    def abort(self) -> None:
        """Close at once."""

    def close(self) -> None:
        """Close when everything is written."""


class WebSocketFlow(StreamFlow):
    """One WebSocket connection."""

    __slots__ = ("_first", "_wire")

    def __init__(
        self, ws: WebSocketTransport, wire: Wire | None, local: tuple[str, int], remote: tuple[str, int]
    ) -> None:
        super().__init__(ws, ws.protocol.upper(), local, remote, ws.protocol == "wss")
        self._wire = wire
        self._first = TEXT
        self._last_seen = ws.timers.clock()
        self.closed = wire is None

    def take(self, message: str | bytes) -> None:
        """Take one WebSocket message: a SIP message or a keep-alive. Never raises."""
        if self.closed:
            return
        # Answered in kind: some clients know one kind of frame only.
        if isinstance(message, str):
            data, self._first = message.encode("utf-8", "surrogateescape"), TEXT
        else:
            data, self._first = message, BINARY
        self._last_seen = self._owner.timers.clock()
        if len(data) < 32 and not data.strip(b"\r\n\t\0 "):
            self._owner.counters["keepalives"] += 1
            if data == _PING:
                self._send(_PONG)
            return
        self._received(data)

    def _send(self, data: bytes) -> None:
        wire = self._wire
        if wire is None:
            return
        limit = self._owner.settings.write_buffer // (1 if self.kept_until >= self._last_seen else 4)
        if wire.get_write_buffer_size() + len(data) > limit:
            self.close(ConnectionError("the peer reads too slowly"))
            return
        first = self._first
        if first == TEXT and not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                # A text frame must hold UTF-8, and browsers close the connection over one that does not.
                first = BINARY
        wire.write(frame(first, data))

    def _hang_up(self, error: Exception | None) -> None:
        wire, self._wire = self._wire, None
        if wire is not None and not wire.is_closing():
            if error is None:
                wire.write(frame(CLOSE, (1001).to_bytes(2, "big")))
                wire.close()
            else:
                wire.abort()

    def watch(self) -> None:
        """Close the connection when it has been idle for too long (called by the transport)."""
        self._watch()


class WebSocketTransport(StreamTransport[WebSocketFlow]):
    """The WebSocket connections of one section, of protocol ``ws`` or ``wss``.

    Args:
        settings: the section; ``host`` and ``port`` are the HTTP listener's.
        receive: takes each message with its flow and the time.
        timers: for idle connections.
        log: for what a callback raises.
    """

    __slots__ = ("_by_remote",)

    def __init__(self, settings: TransportSettings, receive: Receive, timers: TimerQueue, log: logging.Logger) -> None:
        super().__init__(settings, receive, timers, log)
        self._by_remote: dict[tuple[str, int], WebSocketFlow] = {}

    def open(self, wire: Wire, local: tuple[str, int], remote: tuple[str, int]) -> WebSocketFlow | None:
        """The flow of a connection that was just upgraded; ``None`` if there are too many."""
        local, remote = (plain_address(local[0]), local[1]), (plain_address(remote[0]), remote[1])
        flow = WebSocketFlow(self, wire, local, remote)
        if self.closed or not self.admit(flow):
            return None
        self._by_remote[remote] = flow
        self.expect_message(flow)
        if flow.closed:
            return None
        flow.watch()
        return flow

    def flow_to(self, host: str, port: int, server_name: str = "") -> Flow:
        """The connection from a numeric address; one that is closed if there is none, for none can be opened."""
        del server_name
        return self._by_remote.get((host, port)) or WebSocketFlow(self, None, (self.host, self.port), (host, port))

    def close(self) -> None:
        """Close every connection; see the base class."""
        if self.closed:
            return
        self.closed = True
        for flow in list(self._by_remote.values()):
            flow.close()

    def forget(self, flow: WebSocketFlow) -> None:
        """A connection is closed (called by the flow)."""
        if self._by_remote.get(flow.remote) is flow:
            del self._by_remote[flow.remote]
        super().forget(flow)
