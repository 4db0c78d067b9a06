"""What comes to the sockets of a media transport: told apart, unprotected, and handed to its stream (RFC 7983).

Nearly every packet is of the one stream of a connected transport whose keys do not change: it goes the quick way. All
others are told apart by their first octets. What is not authentic is counted and dropped, and what may be under keys
that the peer has and we do not yet waits for them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from asterism.core.log import NOTICE
from asterism.media.source import Address
from asterism.media.transports.outlet import RTCP, RTP, Outlet
from asterism.media.transports.protection import State

if TYPE_CHECKING:
    from asterism.media.core import RtpContext
    from asterism.media.ports import PortPair
    from asterism.media.rtp import RtpSession
    from asterism.media.transports.srtp import Buffers
    from asterism.media.transports.transport import MediaTransport

_QUIET_SECONDS = 60.0
"""Between two complaints of one transport about packets that are not authentic."""
_BATCH = 16
_MOST_EARLY = 32
"""Packets that are kept while the keys are being agreed on: the peer may have them a moment before (RFC 5763 6.7.1)."""
_LONGEST_EARLY = 1500
_unpack = struct.Struct("!BB6xI").unpack_from
"""The two octets that tell packets apart, and the SSRC of RTP."""


class Reception:
    """What comes to one transport.

    Attributes:
        refused: packets that were dropped because they were not authentic, or replayed.
        dropped: datagrams that were of no use at all, or came too early.
    """

    __slots__ = (
        "_buffers", "_complains_at", "_context", "_early", "_outlet", "_pair", "_quick", "_transport", "_unsettled",
        "dropped", "refused",
    )  # fmt: skip

    def __init__(
        self, transport: MediaTransport, context: RtpContext, buffers: Buffers, pair: PortPair, outlet: Outlet
    ) -> None:
        self._transport = transport
        self._context = context
        self._buffers = buffers
        self._pair = pair
        self._outlet = outlet
        self._early: list[tuple[bytes, Address, int]] = []
        self._quick: tuple[Any, ...] | None = None
        self._unsettled = False
        self._complains_at = 0.0
        self.refused = self.dropped = 0

    def watch(self) -> None:
        """Have the sockets be read. Raises OSError."""
        self._context.readiness.add(self._pair.first.fileno(), self)
        self._context.readiness.add(self._pair.second.fileno(), _ControlReader(self))

    def close(self) -> None:
        """Read the sockets no more; they are to be closed now."""
        self._early.clear()
        self._quick = None
        for sock in (self._pair.first, self._pair.second):
            self._context.readiness.forget(sock.fileno())

    def settle(self) -> None:
        """Have the next packets be taken as the transport is now: its state, keys, streams and agents."""
        transport, buffers, raw = self._transport, self._buffers, self._pair.first
        self._quick = None
        self._unsettled = self._keys_change()
        inbound = transport.protection.inbound
        if (
            inbound is not None
            and transport.state is State.SECURE
            and self._outlet.connected is not None
            and not self._unsettled
            and not transport.demux.described
        ):
            rtp = transport.streams[0]
            self._quick = (
                raw.recv_into, buffers.received, buffers.unprotect, inbound.handle, inbound.sources, buffers.incoming,
                buffers.length, rtp, rtp.session.received.on_readable,
            )  # fmt: skip

    def take_early(self) -> None:
        """Take what came before there was a key for it; what has none yet waits on."""
        early, self._early = self._early, []
        for data, address, component in early:
            self.receive(data, address, component)

    def receive(self, data: bytes, address: Address, component: int = RTP) -> None:
        """Take a datagram that did not come by the sockets just now: through a relay, or that had to wait."""
        buffer = self._buffers.received
        if len(data) < len(buffer):
            buffer[: len(data)] = data
            self._take(len(data), address, component, self._context.loop.time())

    def on_readable(self, now: float) -> None:
        """Take one datagram of the RTP socket; the hot path."""
        quick = self._quick
        if quick is None:
            try:
                size, address = self._pair.first.recvfrom_into(self._buffers.received)
            except OSError:
                return
            self._take(size, address[:2], RTP, now)
            return
        recv_into, buffer, unprotect, handle, sources, incoming, length, rtp, receive = quick
        try:
            size = recv_into(buffer)
        except OSError:
            return
        first, second, source = _unpack(buffer)
        if source not in sources or not 128 <= first < 192 or 192 <= second < 224 or size < 12:
            self._take(size, self._outlet.connected or ("", 0), RTP, now)
            return
        length[0] = size
        if unprotect(handle, incoming, length):
            self._refuse(now)
            return
        rtp.size = length[0]
        receive(now)
        rtp.size = 0

    def on_control_readable(self, now: float) -> None:
        """Take what waits at the RTCP socket."""
        for _ in range(_BATCH):
            if self._transport.state is State.CLOSED:
                return
            try:
                size, address = self._pair.second.recvfrom_into(self._buffers.received)
            except OSError:
                return
            self._take(size, address[:2], RTCP, now)

    def _take(self, size: int, address: Address, component: int, now: float) -> None:
        """Take the datagram in the first ``size`` octets of the shared buffer (RFC 7983 section 7)."""
        transport, buffer = self._transport, self._buffers.received
        state = transport.state
        if not 0 < size < len(buffer) or state is State.CLOSED:
            self.dropped += 1
            return
        first, second = buffer[0], buffer[1]
        if 128 <= first < 192 and size >= 8:
            if state is State.WAITING:
                self._wait(bytes(self._buffers.views[size]), address, component)
            # Without multiplexing these may be payload types, but for those of reports (RFC 5761 section 4).
            elif component == RTCP or (192 <= second < 224 if transport.mux else 200 <= second < 207):
                self._take_control(size, address, component, now)
            else:
                self._take_media(size, address, now)
        elif first < 4 and transport.ice is not None:
            transport.ice.receive(bytes(self._buffers.views[size]), address, component)
        elif 20 <= first < 64 and transport.dtls is not None:
            agent = transport.dtls if component == RTP else transport.dtls_control
            if agent is not None:
                agent.receive(bytes(self._buffers.views[size]), address)
                if agent.agreeing and not self._unsettled:
                    self.settle()
        else:
            self.dropped += 1

    # -- media ------------------------------------------------------------------------------------------------------

    def _take_media(self, size: int, address: Address, now: float) -> None:
        transport = self._transport
        if transport.state is State.SECURE:
            if self._unsettled:
                size = self._unprotect(size, address, RTP, now)
            else:
                size = transport.protection.unprotect(size, now)
                if not size:
                    self._refuse(now)
            if not size:
                return
        elif size < 12 or not self._may_come_from(address):
            self.dropped += 1
            return
        session: RtpSession | None = None
        if transport.demux.described:
            session, size = transport.demux.take(self._buffers.received, size, now)
        elif len(transport.streams) == 1:
            session = transport.streams[0].session
        pair = None if session is None else transport.by_session.get(session)
        if pair is None:
            self.dropped += 1
            return
        rtp, path = pair[0], self._outlet.path()
        if path is not None:
            address = path  # authentic, and the peer may use any of its paths
        elif rtp.peer is not None and rtp.peer != address:
            rtp.session.rx_dropped += 1
            return
        rtp.size, rtp.address = size, address
        rtp.session.received.on_readable(now)
        rtp.size = 0

    def _may_come_from(self, address: Address) -> bool:
        """Whether plain media from there may be the peer's: what is not must not even say whose a source is."""
        if self._outlet.finds_peer:
            return address == self._outlet.path()
        return any(one.peer is None or one.peer == address for one in self._transport.streams)

    # -- reports ----------------------------------------------------------------------------------------------------

    def _take_control(self, size: int, address: Address, component: int, now: float) -> None:
        transport = self._transport
        if transport.state is State.SECURE:
            size = self._unprotect(size, address, component, now, control=True)
            if not size:
                return
        elif self._outlet.finds_peer and address != self._outlet.path(component):
            self.dropped += 1
            return
        data, demux = bytes(self._buffers.views[size]), transport.demux
        parts = demux.split(data) if demux.described else [(one.session, data) for one in transport.streams]
        for session, part in parts:
            pair = transport.by_session.get(session)
            if pair is None:
                continue
            remote = session.remote
            if self._outlet.finds_peer and remote is not None:
                address = remote
            pair[1].deliver(part, address, now)

    # -- keys -------------------------------------------------------------------------------------------------------

    def _wait(self, data: bytes, address: Address, component: int) -> None:
        """Keep what came before its keys, where they are being agreed on."""
        if self._transport.dtls is not None and len(self._early) < _MOST_EARLY and len(data) <= _LONGEST_EARLY:
            self._early.append((data, address, component))
        else:
            self.dropped += 1

    def _unprotect(self, size: int, address: Address, component: int, now: float, *, control: bool = False) -> int:
        """The size of the packet that was made; 0: it is refused, or waits for keys that the peer may have before."""
        transport = self._transport
        protection = transport.protection if component == RTP else transport.control_protection
        agent = transport.dtls if component == RTP else transport.dtls_control
        waits = protection.inbound is None or (agent is not None and agent.agreeing)
        data = bytes(self._buffers.views[size]) if waits else b""
        made = protection.unprotect(size, now, control=control)
        if not made and waits:
            self._wait(data, address, component)
        elif not made:
            self._refuse(now)
        if self._unsettled and not self._keys_change():
            self.settle()
        return made

    def _keys_change(self) -> bool:
        """Whether packets may come under others than the last keys agreed on."""
        transport = self._transport
        return (
            transport.protection.changing
            or transport.control_protection.changing
            or any(agent is not None and agent.agreeing for agent in (transport.dtls, transport.dtls_control))
        )

    def _refuse(self, now: float) -> None:
        """Count a packet that is not authentic; who sends many does not fill the log."""
        self.refused += 1
        if now >= self._complains_at:
            self._complains_at = now + _QUIET_SECONDS
            self._context.log.log(
                NOTICE, "%s:%d: packets that are not authentic, or were replayed, are dropped; %d so far",
                *self._transport.local, self.refused,
            )  # fmt: skip


class _ControlReader:
    """Reads the RTCP socket."""

    __slots__ = ("_reception",)

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    def on_readable(self, now: float) -> None:
        """See :class:`~asterism.media.readiness.Reader`."""
        self._reception.on_control_readable(now)
