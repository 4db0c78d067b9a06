"""One way of media packets to a peer: its two ports, its keys, and the streams that share it (RFC 7983, RFC 8843).

Theory of operation. What comes is told apart by its first octet: STUN goes to the ICE agent, DTLS to the DTLS agent,
RTP and RTCP are unprotected in the buffer that all sessions share and handed to their stream, which reads it there
(:mod:`asterism.media.transports.virtual_socket`). Packets that are not authentic, or come while there is no key, are
counted and dropped before any stream sees them: they change nothing. What the streams send is protected and goes to the
peer that they have learned, or along the path that ICE has found.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any

from asterism.media import sockets
from asterism.media.source import Address
from asterism.media.transports.candidates import Base
from asterism.media.transports.demux import Demultiplexer, Route
from asterism.media.transports.outlet import RTCP, RTP, Outlet
from asterism.media.transports.parameters import RemoteTransport, SrtpKey
from asterism.media.transports.protection import Protection
from asterism.media.transports.srtp import WIDE_WINDOW, WINDOW, Buffers
from asterism.media.transports.virtual_socket import VirtualControl, VirtualSocket

if TYPE_CHECKING:
    import asyncio

    from asterism.media.core import RtpContext
    from asterism.media.header_extensions import Writer
    from asterism.media.ports import PortPair
    from asterism.media.rtp import RtpSession
    from asterism.media.transport_cc import ArrivalReports
    from asterism.media.transports.dtls import DtlsAgent
    from asterism.media.transports.history import History
    from asterism.media.transports.ice import IceAgent

_QUIET_SECONDS = 60.0
"""Between two complaints of one transport about packets that are not authentic."""
_BATCH = 16
_MOST_EARLY = 32
"""Packets that are kept while the keys are being agreed on: the peer may have them a moment before (RFC 5763 6.7.1)."""
_LONGEST_EARLY = 1500
_unpack = struct.Struct("!BB6xI").unpack_from
"""The two octets that tell packets apart, and the SSRC of RTP."""


class State(Enum):
    """What becomes of packets."""

    WAITING = "waiting"
    """Nothing is known of the peer yet, or no key: they are dropped, both ways."""
    PLAIN = "plain"
    """They pass as they are."""
    SECURE = "secure"
    """They are protected, both ways."""
    CLOSED = "closed"
    """Nothing passes."""


class MediaTransport:
    """See the module. Made by ``Media.open_transport``; streams are put on it by ``Media.open_rtp``.

    Attributes:
        local: host and port of its RTP socket.
        mux: whether RTCP goes with RTP on one port (RFC 5761).
        state: what becomes of packets.
        ice: its ICE agent, where it was made with one.
        dtls: its DTLS agent, where it was made with one.
        dtls_control: that of RTCP on a port of its own, once there is one.
        demux: finds the stream of a packet, once :meth:`describe` has told of them.
        on_failed: told why there are no keys any more (a wrong fingerprint); the call goes on until its owner ends it.
        on_no_path: told why there is no path at present; another may be found.
        reports: reports on arrivals that the peer is sent, where that was agreed on.
        refused: packets that were dropped because they were not authentic, or replayed.
        dropped: datagrams that were of no use at all, or came too early.
    """

    __slots__ = (
        "_buffers", "_by_session", "_complains_at", "_context", "_control", "_control_protection", "_described",
        "_early", "_make_dtls", "_on_close", "_outlet", "_pair", "_protection", "_quick", "_streams",
        "_unsettled", "demux", "dropped", "dtls", "dtls_control", "ice", "local", "mux", "on_failed", "on_no_path",
        "refused", "reports", "state",
    )  # fmt: skip

    def __init__(
        self, context: RtpContext, buffers: Buffers, pair: PortPair, local: Address,
        on_close: Callable[[MediaTransport], None],
        make_ice: Callable[[MediaTransport], IceAgent] | None = None,
        make_dtls: Callable[[MediaTransport, int], DtlsAgent] | None = None,
    ) -> None:  # fmt: skip
        self._context = context
        self._buffers = buffers
        self._pair = pair
        self._on_close = on_close
        self.local = local
        self.mux = False
        self.state = State.WAITING
        self._outlet = Outlet(pair)
        self.demux: Demultiplexer[RtpSession] = Demultiplexer()
        self._described = False
        self.reports: ArrivalReports | None = None
        self.on_failed: Callable[[str], None] | None = None
        self.on_no_path: Callable[[str], None] | None = None
        self.refused = self.dropped = 0
        self._complains_at = 0.0
        self._streams: tuple[VirtualSocket, ...] = ()
        self._by_session: dict[RtpSession, tuple[VirtualSocket, VirtualControl]] = {}
        self._protection = self._control_protection = Protection(buffers)
        self._early: list[tuple[bytes, Address, int]] = []
        self._quick: tuple[Any, ...] | None = None
        self._unsettled = False
        self._control = _ControlReader(self)
        self._make_dtls = make_dtls
        self.dtls = None if make_dtls is None else make_dtls(self, RTP)
        self.dtls_control: DtlsAgent | None = None
        self.ice = None if make_ice is None else make_ice(self)
        if self.ice is not None:
            self.ice.on_selected, self.ice.on_relayed, self.ice.on_failed = self._select, self._relayed, self._no_path

    # -- what is agreed on --------------------------------------------------------------------------------

    @property
    def secure(self) -> bool:
        """Whether packets are protected now."""
        return self.state is State.SECURE

    @property
    def finds_peer(self) -> bool:
        """Whether ICE finds the peer: the transport tells its streams where it is, and nobody else does."""
        return self._outlet.finds_peer

    @property
    def path(self) -> Address | None:
        """Where ICE sends RTP; ``None`` while it has found nothing, or is not used with this peer."""
        return self._outlet.path()

    def apply(self, remote: RemoteTransport, *, role: str = "", controlling: bool = False) -> None:
        """Take what the peer has told, after each offer and answer; what did not change goes on.

        Args:
            remote: all of it, each time.
            role: our part in DTLS, ``active`` or ``passive``; empty: the other than the peer's, ``active`` to
                ``actpass``.
            controlling: whether the peer's description answers an offer of ours (RFC 8445 6.1.1).

        Raises:
            ValueError: it cannot be used; the keys have not changed then.
        """
        if self.state is State.CLOSED:
            return
        ice = self.ice if remote.ice is not None else None
        if ice is None and remote.rtp[1]:
            sockets.family_of(remote.rtp[0])
        if remote.dtls is not None:
            self._start_dtls(remote, role, by_ice=ice is not None)
        elif remote.sent is not None and remote.received is not None:
            self._take_keys(self._protection, remote.sent, remote.received)
            self.state = State.SECURE
            self._stop_dtls()
        elif remote.sent is not None or remote.received is not None:
            raise ValueError("one direction has a key and the other has none")
        else:
            self._forget_keys()
            self.state = State.PLAIN
            self._stop_dtls()
        self.mux, self._outlet.finds_peer = remote.mux, ice is not None
        if ice is None:
            self._outlet.forget(RTP, RTCP)
        elif remote.ice is not None:
            ice.mux = remote.mux
            ice.apply(remote.ice, controlling=controlling)
        self._changed()
        if self.state is not State.WAITING:
            self._take_early()

    def _start_dtls(self, remote: RemoteTransport, role: str, *, by_ice: bool) -> None:
        theirs = remote.dtls
        if theirs is None or self.dtls is None or self._make_dtls is None:
            raise ValueError("DTLS was not offered")
        if not role:
            role = "passive" if theirs.setup == "active" else "active"
        host, port = remote.rtp
        address = None if by_ice or not port else (host, port)
        self.dtls.start(role, theirs.fingerprints, address=address, by_ice=by_ice, new=theirs.new)
        if self.state is not State.SECURE:
            self.state = State.WAITING
        if remote.mux:
            self._control_protection = self._protection
            if self.dtls_control is not None:
                self.dtls_control.stop()
            return
        # RTCP on a port of its own has keys of its own (RFC 5764 4.1).
        if self._control_protection is self._protection:
            self._control_protection = Protection(self._buffers)
        if self.dtls_control is None:
            self.dtls_control = self._make_dtls(self, RTCP)
        if address is not None:
            address = remote.rtcp or (host, port + 1)
        self.dtls_control.start(role, theirs.fingerprints, address=address, by_ice=by_ice, new=theirs.new)

    def _stop_dtls(self) -> None:
        """There is no association any more, and no keys of RTCP's own."""
        for agent in (self.dtls, self.dtls_control):
            if agent is not None:
                agent.stop()
        self._control_protection = self._protection

    def use_keys(self, sent: SrtpKey, received: SrtpKey, component: int = RTP) -> None:
        """Send and take packets under these keys from now on, as DTLS has agreed on; those that hold already go on.

        Args:
            sent: key of what we send.
            received: key of what the peer sends.
            component: 2 for RTCP that has keys of its own.

        Raises:
            ValueError: a key is none, ours was used before, or the peer's is ours; nothing has changed then.
        """
        if self.state is State.CLOSED:
            return
        self._take_keys(self._protection if component == RTP else self._control_protection, sent, received)
        if component == RTP:
            self.state = State.SECURE
            self._changed()
        self._take_early()

    def _take_keys(self, protection: Protection, sent: SrtpKey, received: SrtpKey) -> None:
        before = protection.outbound
        window = WINDOW if self._context.settings.replay_protection else WIDE_WINDOW
        protection.take(sent, received, self._context.loop.time(), window)
        if protection is self._protection and protection.outbound is not before:
            self._forget_sent()

    def _take_early(self) -> None:
        """Take what came before there was a key for it; what has none yet waits on."""
        early, self._early = self._early, []
        for data, address, component in early:
            self.receive(data, address, component)

    def _forget_keys(self) -> None:
        self._protection.clear()
        self._control_protection.clear()
        self._forget_sent()

    def _forget_sent(self) -> None:
        """What is under another key than the present one is not sent again: nobody would take it."""
        for one in self._streams:
            if one.history is not None:
                one.history.clear()

    def fail(self, reason: str, component: int = RTP) -> None:
        """There are no keys any more: media has ended, and nothing passes until there are new ones.

        Where RTCP alone has none (``component`` 2), media goes on without reports: that is better than none, and many
        peers do no DTLS on RTCP's own port.
        """
        if self.state is State.CLOSED:
            return
        if component != RTP:
            self._control_protection.clear()
            return
        self._forget_keys()
        self.state = State.WAITING
        self._changed()
        if self.on_failed is not None:
            self.on_failed(reason)

    def _no_path(self, component: int, reason: str) -> None:
        """ICE has found no path, or has lost it; the keys stay, as there may be one again."""
        if self.state is State.CLOSED:
            return
        self._outlet.forget(component)
        self._changed()
        if component == RTP and self.on_no_path is not None:
            self.on_no_path(reason)

    # -- its streams --------------------------------------------------------------------------------------

    def sockets(self) -> tuple[VirtualSocket, VirtualControl]:
        """The RTP and RTCP sockets of another stream, which :meth:`add` puts on the transport."""
        rtp = VirtualSocket(self, self._pair.first.family)
        return rtp, VirtualControl(self, rtp)

    def add(self, session: RtpSession, rtp: VirtualSocket, control: VirtualControl) -> None:
        """Have a stream send and receive here, on sockets that :meth:`sockets` gave."""
        rtp.session = session
        self._streams = (*self._streams, rtp)
        self._by_session[session] = rtp, control
        self._changed()
        if self.path is not None:
            session.set_remote(*self.path)

    def remove(self, rtp: VirtualSocket) -> None:
        """Take a stream off; harmless when done before."""
        rtp.way = None
        if rtp in self._streams:
            self._streams = tuple([one for one in self._streams if one is not rtp])
            del self._by_session[rtp.session]
            self._changed()

    @property
    def sessions(self) -> tuple[RtpSession, ...]:
        """Its streams."""
        return tuple(self._by_session)

    def socket_of(self, session: RtpSession) -> VirtualSocket:
        """The RTP socket of one of its streams. Raises ``KeyError`` where it is none."""
        return self._by_session[session][0]

    def describe(self, routes: Iterable[Route[RtpSession]], mid_number: int = 0) -> None:
        """Tell how the packets of its streams are told apart, after each offer and answer.

        Needed where there are several, or header extensions were agreed on; see
        :meth:`~asterism.media.transports.demux.Demultiplexer.describe`.
        """
        self.demux.describe(routes, mid_number)
        self._described = True
        self._changed()

    def extend(self, session: RtpSession, writer: Writer | None) -> None:
        """Send the packets of a stream with a header extension, or (``None``) without."""
        self._by_session[session][0].writer = writer if writer is not None and writer.size else None
        self._changed()

    def remember(self, session: RtpSession, history: History | None) -> None:
        """Keep what a stream sends, protected, or (``None``) keep it no longer."""
        self._by_session[session][0].history = history
        self._changed()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it runs on."""
        return self._context.loop

    def report(self, packet: bytes) -> None:
        """Send RTCP that concerns all of the transport, behind the report of the stream whose last is the oldest."""
        reporters = [one.session.rtcp for one in self._streams if one.session.feedback]
        if reporters:
            min(reporters, key=lambda one: one.reported_at).send_feedback(packet)

    def end_reports(self) -> None:
        """Report on arrivals no more."""
        if self.reports is not None:
            self.reports.close()
            self.reports = None

    def connect(self, rtp: VirtualSocket, address: Address) -> None:
        """A stream has found its peer; where it is alone, the system drops what others send. Raises OSError."""
        if self.ice is None and len(self._streams) == 1 and self.state is not State.CLOSED:
            self._outlet.connect(address)
        rtp.peer = address
        self._changed()

    def disconnect(self, rtp: VirtualSocket) -> None:
        """A stream looks for its peer again."""
        rtp.peer = None
        self._changed()

    def _changed(self) -> None:
        """Have the next packets go as it is now."""
        self._quick = None
        self._unsettled = self._keys_change()
        streams, protection, buffers, outlet = self._streams, self._protection, self._buffers, self._outlet
        raw = self._pair.first
        if outlet.connected is not None and {one.peer for one in streams} != {outlet.connected}:
            outlet.disconnect()
        outbound, inbound = protection.outbound, protection.inbound
        connected, secure = outlet.connected is not None, self.state is State.SECURE
        for one in streams:
            one.way = None
            if not secure or outbound is None or one.writer is not None or one.history is not None:
                continue
            target = outlet.path() if outlet.finds_peer else one.peer
            if connected:
                one.way = buffers.protect, outbound.handle, buffers, raw.send, None
            elif target is not None and not outlet.by_relay():
                one.way = buffers.protect, outbound.handle, buffers, raw.sendto, target
        if secure and connected and inbound is not None and not self._described and not self._unsettled:
            self._quick = (
                raw.recv_into, buffers.received, buffers.unprotect, inbound.handle, inbound.sources, buffers.incoming,
                buffers.length, streams[0], streams[0].session.received.on_readable,
            )  # fmt: skip

    # -- what comes ---------------------------------------------------------------------------------------

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
            if self.state is State.CLOSED:
                return
            try:
                size, address = self._pair.second.recvfrom_into(self._buffers.received)
            except OSError:
                return
            self._take(size, address[:2], RTCP, now)

    def receive(self, data: bytes, address: Address, component: int = RTP) -> None:
        """Take a datagram that did not come by the sockets just now: through a relay, or that had to wait."""
        buffer = self._buffers.received
        if len(data) < len(buffer):
            buffer[: len(data)] = data
            self._take(len(data), address, component, self._context.loop.time())

    def _relayed(self, component: int, data: bytes, address: Address) -> None:
        self.receive(data, address, component)

    def _take(self, size: int, address: Address, component: int, now: float) -> None:
        """Take the datagram in the first ``size`` octets of the shared buffer (RFC 7983 section 7)."""
        buffer = self._buffers.received
        if not 0 < size < len(buffer) or self.state is State.CLOSED:
            self.dropped += 1
            return
        first, second = buffer[0], buffer[1]
        if 128 <= first < 192 and size >= 8:
            if self.state is State.WAITING:
                self._wait(bytes(self._buffers.views[size]), address, component)
            # Without multiplexing these may be payload types, but for those of reports (RFC 5761 section 4).
            elif component == RTCP or (192 <= second < 224 if self.mux else 200 <= second < 207):
                self._take_control(size, address, component, now)
            else:
                self._take_media(size, address, now)
        elif first < 4 and self.ice is not None:
            self.ice.receive(bytes(self._buffers.views[size]), address, component)
        elif 20 <= first < 64 and self.dtls is not None:
            agent = self.dtls if component == RTP else self.dtls_control
            if agent is not None:
                agent.receive(bytes(self._buffers.views[size]), address)
                if agent.renewing and not self._unsettled:
                    self._changed()
        else:
            self.dropped += 1

    def _wait(self, data: bytes, address: Address, component: int) -> None:
        """Keep what came before its keys, where they are being agreed on."""
        if self.dtls is not None and len(self._early) < _MOST_EARLY and len(data) <= _LONGEST_EARLY:
            self._early.append((data, address, component))
        else:
            self.dropped += 1

    def _take_media(self, size: int, address: Address, now: float) -> None:
        if self.state is State.SECURE:
            if self._unsettled:
                size = self._unprotect(size, address, RTP, now)
            else:
                size = self._protection.unprotect(size, now)
                if not size:
                    self._refuse(now)
            if not size:
                return
        elif size < 12 or not self._may_come_from(address):
            self.dropped += 1
            return
        session: RtpSession | None = None
        if self._described:
            session, size = self.demux.take(self._buffers.received, size, now)
        elif len(self._streams) == 1:
            session = self._streams[0].session
        pair = None if session is None else self._by_session.get(session)
        if pair is None:
            self.dropped += 1
            return
        rtp, path = pair[0], self._outlet.path()
        if path is not None:
            address = path  # authentic, and the peer may use any of its paths
        elif rtp.peer is not None and rtp.peer != address:
            rtp.dropped += 1
            return
        rtp.size, rtp.address = size, address
        rtp.session.received.on_readable(now)
        rtp.size = 0

    def _may_come_from(self, address: Address) -> bool:
        """Whether plain media from there may be the peer's: what is not must not even say whose a source is."""
        if self._outlet.finds_peer:
            return address == self._outlet.path()
        return any(one.peer is None or one.peer == address for one in self._streams)

    def _take_control(self, size: int, address: Address, component: int, now: float) -> None:
        if self.state is State.SECURE:
            size = self._unprotect(size, address, component, now, control=True)
            if not size:
                return
        elif self._outlet.finds_peer and address != self._outlet.path(component):
            self.dropped += 1
            return
        data = bytes(self._buffers.views[size])
        parts = self.demux.split(data) if self._described else [(one.session, data) for one in self._streams]
        for session, part in parts:
            pair = self._by_session.get(session)
            if pair is None:
                continue
            remote = session.remote
            if self._outlet.finds_peer and remote is not None:
                address = remote
            pair[1].deliver(part, address, now)

    def _unprotect(self, size: int, address: Address, component: int, now: float, *, control: bool = False) -> int:
        """The size of the packet that was made; 0: it is refused, or waits for keys that the peer may have before."""
        protection = self._protection if component == RTP else self._control_protection
        agent = self.dtls if component == RTP else self.dtls_control
        waits = protection.inbound is None or (agent is not None and agent.renewing)
        data = bytes(self._buffers.views[size]) if waits else b""
        made = protection.unprotect(size, now, control=control)
        if not made and waits:
            self._wait(data, address, component)
        elif not made:
            self._refuse(now)
        if self._unsettled and not self._keys_change():
            self._changed()
        return made

    def _keys_change(self) -> bool:
        """Whether packets may come under others than the last keys agreed on."""
        agents = self.dtls, self.dtls_control
        return (
            self._protection.changing
            or self._control_protection.changing
            or any(agent is not None and agent.renewing for agent in agents)
        )

    def _refuse(self, now: float) -> None:
        """Count a packet that is not authentic; who sends many does not fill the log."""
        self.refused += 1
        if now >= self._complains_at:
            self._complains_at = now + _QUIET_SECONDS
            self._context.log.log(
                logging.INFO, "%s:%d: packets that are not authentic, or were replayed, are dropped; %d so far",
                *self.local, self.refused,
            )  # fmt: skip

    # -- what is sent -------------------------------------------------------------------------------------

    def send_rtp(self, rtp: VirtualSocket, data: memoryview | bytes, target: Address | None) -> None:
        """Send a packet of a stream. Raises OSError where it was not sent."""
        self._check_sending()
        now = self._context.loop.time()
        if rtp.writer is not None:
            data = _extended(data, rtp.writer, now)
        sequence = data[2] << 8 | data[3]
        if self.state is State.SECURE:
            data = self._protection.protect(data)
        if rtp.history is not None:
            rtp.history.keep(sequence, bytes(data), now)
        self._outlet.emit(data, target)

    def _check_sending(self) -> None:
        if self.state is State.WAITING or self.state is State.CLOSED:
            raise BlockingIOError("nothing can be sent yet, or any more")

    def send_rtcp(self, rtp: VirtualSocket, data: bytes, target: Address) -> None:
        """Send RTCP of a stream. Raises OSError where it was not sent."""
        self._check_sending()
        packet: memoryview | bytes = data
        if self.state is State.SECURE:
            packet = self._control_protection.protect_rtcp(data)
        if self.mux:
            self._outlet.emit(packet, rtp.session.remote)
        else:
            self._outlet.emit(packet, target, RTCP)

    def send_again(self, packet: bytes, target: Address | None) -> None:
        """Send octets again that were sent before, as they are. Raises OSError where they were not sent."""
        self._check_sending()
        self._outlet.emit(packet, target)

    def send_datagram(self, data: bytes, address: Address, component: int = RTP) -> None:
        """Send what is no media, as STUN is, from the socket of a component. Raises OSError."""
        self._outlet.send_from(component, data, address)

    def send_dtls(self, data: bytes, address: Address, component: int = RTP) -> None:
        """Send DTLS to the peer: along the path that ICE has found, where it finds it. Raises OSError."""
        self._outlet.emit(data, address, component)

    def _select(self, component: int, base: Base, remote: Address) -> None:
        """ICE has found a path, or another one."""
        self._outlet.select(component, base, remote)
        self._changed()
        agent = self.dtls if component == RTP else self.dtls_control
        if agent is not None:
            agent.path_ready(remote)
        if component == RTP:
            for session in self.sessions:
                session.set_remote(*remote)

    # -- the end ------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Have the sockets be read. Raises OSError."""
        self._context.readiness.add(self._pair.first.fileno(), self)
        self._context.readiness.add(self._pair.second.fileno(), self._control)

    def close(self) -> None:
        """End, silently: a stream says what there is to say before, when it closes."""
        if self.state is State.CLOSED:
            return
        for agent in (self.ice, self.dtls, self.dtls_control):
            if agent is not None:
                agent.close()
        self.state, self._outlet.closed = State.CLOSED, True
        self.end_reports()
        self.on_failed = self.on_no_path = None
        self._forget_keys()
        self._early.clear()
        self._changed()
        for sock in (self._pair.first, self._pair.second):
            self._context.readiness.forget(sock.fileno())
        self._pair.close()
        self._on_close(self)


def _extended(data: memoryview | bytes, writer: Writer, now: float) -> bytes:
    """A packet of ours, which has neither an extension nor contributing sources, with the extension."""
    packet = bytearray(len(data) + writer.size)
    packet[:12] = data[:12]
    packet[0] |= 0x10
    writer.write_into(packet, 12, now)
    packet[12 + writer.size :] = data[12:]
    return bytes(packet)


class _ControlReader:
    """Reads the RTCP socket."""

    __slots__ = ("_transport",)

    def __init__(self, transport: MediaTransport) -> None:
        self._transport = transport

    def on_readable(self, now: float) -> None:
        """See :class:`~asterism.media.readiness.Reader`."""
        self._transport.on_control_readable(now)
