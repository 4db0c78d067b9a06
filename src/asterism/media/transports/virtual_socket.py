"""Sockets of a stream whose packets go through a media transport; sessions use them as those of the system.

Theory of operation. A packet that came is in the buffer that all sessions share, unprotected, when its stream is told
of it: reading it then means to learn its size. A second read finds nothing, as on a socket that was read empty. What is
sent is handed to the transport, which protects it and knows where it goes.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from asterism.media.source import Address
from asterism.media.transports.srtp import TRAILER

if TYPE_CHECKING:
    from asterism.media.header_extensions import Writer
    from asterism.media.rtp import RtpSession
    from asterism.media.transports.history import History
    from asterism.media.transports.srtp import Buffers
    from asterism.media.transports.transport import MediaTransport

Way = tuple[Any, Any, "Buffers", Callable[..., object], "Address | None"]
"""How a packet is sent that needs nothing but protection: libsrtp's function and session; the buffers; what sends,
and whereto where its socket is not connected."""


class VirtualSocket:
    """The RTP socket of one stream.

    Attributes:
        session: the stream.
        size: octets of the packet that waits in the shared buffer; 0: none.
        address: where it came from.
        family: the address family of the transport's sockets.
        writer: the header extension of what is sent; set by ``MediaTransport.extend``.
        history: what was sent, protected; set by ``MediaTransport.remember``.
    """

    __slots__ = (
        "_transport", "address", "family", "history", "peer", "session", "size", "way", "writer",
    )  # fmt: skip

    session: RtpSession

    def __init__(self, transport: MediaTransport, family: int) -> None:
        self._transport = transport
        self.family = family
        self.size = 0
        self.address: Address = ("", 0)
        self.peer: Address | None = None
        self.way: Way | None = None
        self.writer: Writer | None = None
        self.history: History | None = None

    def recv_into(self, buffer: bytearray) -> int:
        """The size of the packet in ``buffer``, which is the shared one. Raises BlockingIOError where there is none."""
        size, self.size = self.size, 0
        if not size:
            raise BlockingIOError
        return size

    def recvfrom_into(self, buffer: bytearray) -> tuple[int, Address]:
        """As :meth:`recv_into`, with where it came from."""
        return self.recv_into(buffer), self.address

    def send(self, data: memoryview | bytes) -> None:
        """Send a packet to the peer. Raises OSError where it was not sent."""
        way = self.way
        if way is None:
            self._transport.send_rtp(self, data, self.peer)
            return
        protect, handle, buffers, emit, target = way
        size, length = len(data), buffers.length
        length[0] = size
        if data.__class__ is memoryview and data.obj is buffers.received:
            # It is relayed: nobody needs what came any more.
            if size > len(buffers.received) - TRAILER:
                raise OSError(errno.EMSGSIZE, "too long to be protected")
            if protect(handle, buffers.incoming, length):
                raise OSError(errno.EBADMSG, "not protected: its number was sent before")
            data = buffers.views[length[0]]
        else:
            if size > len(buffers.received):
                raise OSError(errno.EMSGSIZE, "too long to be protected")
            buffers.sent[:size] = data
            if protect(handle, buffers.outgoing, length):
                raise OSError(errno.EBADMSG, "not protected: its number was sent before")
            data = buffers.sent_views[length[0]]
        if target is None:
            emit(data)
        else:
            emit(data, target)

    def sendto(self, data: memoryview | bytes, target: Address) -> None:
        """Send a packet to ``target``, or where the transport's path goes. Raises OSError where it was not sent."""
        self._transport.send_rtp(self, data, target)

    def send_again(self, packet: bytes) -> None:
        """Send octets again that were sent before, as they are. Raises OSError where they were not sent."""
        self._transport.send_again(packet, self.peer or self.session.remote)

    def resend(self, numbers: Sequence[int]) -> list[int]:
        """Send packets with these numbers again, as far as they are kept; return the numbers of the others."""
        if self.history is None:
            return list(numbers)
        found = self.history.find(numbers, self._transport.loop.time())
        try:
            for packet in found.packets:
                self.send_again(packet)
        except OSError:
            return found.missing  # the peer will ask again
        return found.missing

    def connect(self, address: Address) -> None:
        """Take packets from ``address`` only, and send to it. Raises OSError."""
        self._transport.connect(self, address)

    def disconnect(self) -> None:
        """Take packets from everywhere again."""
        self._transport.disconnect(self)

    def fileno(self) -> int:
        """-1: it is the transport whose sockets are watched."""
        return -1

    def close(self) -> None:
        """Leave the transport, which stays open."""
        self._transport.remove(self)


class VirtualControl:
    """The RTCP socket of one stream."""

    __slots__ = ("_rtp", "_transport", "_waiting", "family")

    def __init__(self, transport: MediaTransport, rtp: VirtualSocket) -> None:
        self._transport = transport
        self._rtp = rtp
        self._waiting: tuple[bytes, Address] | None = None
        self.family = rtp.family

    def deliver(self, data: bytes, address: Address, now: float) -> None:
        """Tell the stream of RTCP that came, unprotected."""
        self._waiting = data, address
        reporter = self._rtp.session.rtcp
        reporter.listen()
        if self._waiting is not None:
            reporter.on_readable(now)
        self._waiting = None

    def recvfrom(self, limit: int) -> tuple[bytes, Address]:
        """What has come, and from where. Raises BlockingIOError where nothing has."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            raise BlockingIOError
        return waiting

    def sendto(self, data: bytes, target: Address) -> None:
        """Send RTCP to ``target``, or where the transport's path goes. Raises OSError where it was not sent."""
        self._transport.send_rtcp(self._rtp, data, target)

    def fileno(self) -> int:
        """-1: it is the transport whose sockets are watched."""
        return -1

    def close(self) -> None:
        """Nothing more is asked of it."""
        self._waiting = None
