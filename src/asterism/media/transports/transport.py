"""One way of media packets to a peer: its two ports, its keys, and the streams that share it (RFC 7983, RFC 8843).

Theory of operation. What comes is told apart by its first octet (:mod:`asterism.media.transports.reception`): STUN goes
to the ICE agent, DTLS to the DTLS agent, RTP and RTCP are unprotected in the buffer that all sessions share and handed
to their stream, which reads it there (:mod:`asterism.media.transports.virtual_socket`). Packets that are not authentic,
or come while there is no key, are counted and dropped before any stream sees them: they change nothing. What the
streams send is protected and goes to the peer that they have learned, or along the path that ICE has found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from asterism.media import sockets
from asterism.media.source import Address
from asterism.media.transports.candidates import Base
from asterism.media.transports.demux import Demultiplexer, Route
from asterism.media.transports.outlet import RTCP, RTP, Outlet
from asterism.media.transports.parameters import RemoteTransport, SrtpKey
from asterism.media.transports.protection import Protection, State
from asterism.media.transports.reception import Reception
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


class MediaTransport:
    """See the module. Made by ``Media.open_transport``; streams are put on it by ``Media.open_rtp``.

    Attributes:
        local: host and port of its RTP socket.
        mux: whether RTCP goes with RTP on one port (RFC 5761).
        state: what becomes of packets.
        ice: its ICE agent, where it was made with one.
        dtls: its DTLS agent, where it was made with one.
        dtls_control: that of RTCP on a port of its own, once there is one.
        protection: the keys of RTP, and of RTCP unless that has its own.
        control_protection: the keys of RTCP.
        streams: its streams, by their sockets of RTP.
        by_session: both sockets of each stream.
        demux: finds the stream of a packet, once :meth:`describe` has told of them.
        reception: takes what comes, and counts what is dropped.
        on_failed: told why there are no keys any more (a wrong fingerprint); the call goes on until its owner ends it.
        on_no_path: told why there is no path at present; another may be found.
        reports: reports on arrivals that the peer is sent, where that was agreed on.
    """

    __slots__ = (
        "_buffers", "_context", "_make_dtls", "_on_close", "_outlet", "_pair", "by_session", "control_protection",
        "demux", "dtls", "dtls_control", "ice", "local", "mux", "on_failed", "on_no_path", "protection", "reception",
        "reports", "state", "streams",
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
        self.reports: ArrivalReports | None = None
        self.on_failed: Callable[[str], None] | None = None
        self.on_no_path: Callable[[str], None] | None = None
        self.streams: tuple[VirtualSocket, ...] = ()
        self.by_session: dict[RtpSession, tuple[VirtualSocket, VirtualControl]] = {}
        self.protection = self.control_protection = Protection(buffers)
        self.reception = Reception(self, context, buffers, pair, self._outlet)
        self._make_dtls = make_dtls
        self.dtls = None if make_dtls is None else make_dtls(self, RTP)
        self.dtls_control: DtlsAgent | None = None
        self.ice = None if make_ice is None else make_ice(self)
        if self.ice is not None:
            receive = self.reception.receive
            self.ice.on_selected, self.ice.on_failed = self._select, self._no_path
            self.ice.on_relayed = lambda component, data, address: receive(data, address, component)

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
        elif ice is not None and remote.ice is not None and ice.has_told(remote.ice):
            raise ValueError("the peer's ICE credentials are ours")
        if remote.dtls is not None:
            self._start_dtls(remote, role, by_ice=ice is not None)
        elif remote.sent is not None and remote.received is not None:
            self._take_keys(self.protection, remote.sent, remote.received)
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
            self.reception.take_early()

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
            self.control_protection = self.protection
            if self.dtls_control is not None:
                self.dtls_control.stop()
            return
        # RTCP on a port of its own has keys of its own (RFC 5764 4.1).
        if self.control_protection is self.protection:
            self.control_protection = Protection(self._buffers)
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
        self.control_protection = self.protection

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
        self._take_keys(self.protection if component == RTP else self.control_protection, sent, received)
        if component == RTP:
            self.state = State.SECURE
            self._changed()
        self.reception.take_early()

    def _take_keys(self, protection: Protection, sent: SrtpKey, received: SrtpKey) -> None:
        before = protection.outbound
        window = WINDOW if self._context.settings.replay_protection else WIDE_WINDOW
        protection.take(sent, received, self._context.loop.time(), window)
        if protection is self.protection and protection.outbound is not before:
            self._forget_sent()

    def _forget_keys(self) -> None:
        self.protection.clear()
        self.control_protection.clear()
        self._forget_sent()

    def _forget_sent(self) -> None:
        """What is under another key than the present one is not sent again: nobody would take it."""
        for one in self.streams:
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
            self.control_protection.clear()
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
        self.streams = (*self.streams, rtp)
        self.by_session[session] = rtp, control
        self._changed()
        if self.path is not None:
            session.set_remote(*self.path)

    def remove(self, rtp: VirtualSocket) -> None:
        """Take a stream off; harmless when done before."""
        rtp.way = None
        if rtp in self.streams:
            self.streams = tuple([one for one in self.streams if one is not rtp])
            del self.by_session[rtp.session]
            self._changed()

    @property
    def sessions(self) -> tuple[RtpSession, ...]:
        """Its streams."""
        return tuple(self.by_session)

    def socket_of(self, session: RtpSession) -> VirtualSocket:
        """The RTP socket of one of its streams. Raises ``KeyError`` where it is none."""
        return self.by_session[session][0]

    def describe(self, routes: Iterable[Route[RtpSession]], mid_number: int = 0) -> None:
        """Tell how the packets of its streams are told apart, after each offer and answer.

        Needed where there are several, or header extensions were agreed on; see
        :meth:`~asterism.media.transports.demux.Demultiplexer.describe`.
        """
        self.demux.describe(routes, mid_number)
        self._changed()

    def extend(self, session: RtpSession, writer: Writer | None) -> None:
        """Send the packets of a stream with a header extension, or (``None``) without."""
        self.by_session[session][0].writer = writer if writer is not None and writer.size else None
        self._changed()

    def remember(self, session: RtpSession, history: History | None) -> None:
        """Keep what a stream sends, protected, or (``None``) keep it no longer."""
        self.by_session[session][0].history = history
        self._changed()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it runs on."""
        return self._context.loop

    def report(self, packet: bytes) -> None:
        """Send RTCP that concerns all of the transport, behind the report of the stream whose last is the oldest."""
        reporters = [one.session.rtcp for one in self.streams if one.session.feedback]
        if reporters:
            min(reporters, key=lambda one: one.reported_at).send_feedback(packet)

    def end_reports(self) -> None:
        """Report on arrivals no more."""
        if self.reports is not None:
            self.reports.close()
            self.reports = None

    def connect(self, rtp: VirtualSocket, address: Address) -> None:
        """A stream has found its peer; where it is alone, the system drops what others send. Raises OSError."""
        if self.ice is None and len(self.streams) == 1 and self.state is not State.CLOSED:
            self._outlet.connect(address)
        rtp.peer = address
        self._changed()

    def disconnect(self, rtp: VirtualSocket) -> None:
        """A stream looks for its peer again."""
        rtp.peer = None
        self._changed()

    def _changed(self) -> None:
        """Have the next packets go as it is now."""
        buffers, outlet, outbound, raw = self._buffers, self._outlet, self.protection.outbound, self._pair.first
        if outlet.connected is not None and {one.peer for one in self.streams} != {outlet.connected}:
            outlet.disconnect()
        for one in self.streams:
            one.way = None
            if outbound is None or self.state is not State.SECURE or one.writer is not None or one.history is not None:
                continue
            target = outlet.path() if outlet.finds_peer else one.peer
            if outlet.connected is not None:
                one.way = buffers.protect, outbound.handle, buffers, raw.send, None
            elif target is not None and not outlet.by_relay():
                one.way = buffers.protect, outbound.handle, buffers, raw.sendto, target
        self.reception.settle()

    # -- what is sent -------------------------------------------------------------------------------------

    def send_rtp(self, rtp: VirtualSocket, data: memoryview | bytes, target: Address | None) -> None:
        """Send a packet of a stream. Raises OSError where it was not sent."""
        self._check_sending()
        now = self._context.loop.time()
        if rtp.writer is not None:
            data = _extended(data, rtp.writer, now)
        sequence = data[2] << 8 | data[3]
        if self.state is State.SECURE:
            data = self.protection.protect(data)
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
            packet = self.control_protection.protect_rtcp(data)
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
        self._changed()
        self.reception.close()
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
