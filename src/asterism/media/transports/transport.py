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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from asterism.media import sockets
from asterism.media.source import Address
from asterism.media.transports.candidates import Base
from asterism.media.transports.demux import Demultiplexer, Route
from asterism.media.transports.parameters import IceParameters, RemoteTransport, SrtpKey
from asterism.media.transports.srtp import WIDE_WINDOW, WINDOW, Buffers, Inbound, Outbound
from asterism.media.transports.virtual_socket import VirtualControl, VirtualSocket

if TYPE_CHECKING:
    import asyncio

    from asterism.media.core import RtpContext
    from asterism.media.header_extensions import Writer
    from asterism.media.ports import PortPair
    from asterism.media.rtp import RtpSession
    from asterism.media.transport_cc import ArrivalReports
    from asterism.media.transports.history import History

REKEY_SECONDS = 2.0
"""For how long what was sent under the peer's last key is still taken, unless the first packet under the new one comes
before."""
_QUIET_SECONDS = 60.0
"""Between two complaints of one transport about packets that are not authentic."""
_BATCH = 16
_unpack = struct.Struct("!BB6xI").unpack_from
"""The two octets that tell packets apart, and the SSRC of RTP."""


class IceAgent(Protocol):
    """What a transport needs of ICE; see :mod:`asterism.media.transports.ice`."""

    mux: bool
    on_selected: Callable[[int, Base, Address], None]
    on_relayed: Callable[[int, bytes, Address], None]
    on_failed: Callable[[str], None]

    @property
    def local(self) -> IceParameters:
        """Our credentials and candidates, for the next description."""

    @property
    def gathers(self) -> bool:
        """Whether a description has to wait for :meth:`gather`."""

    async def gather(self) -> None:
        """Ask servers for further candidates."""

    def restart(self) -> None:
        """Have the next offer ask for a restart."""

    def roll_back(self) -> None:
        """Forget that offer."""

    def apply(self, remote: IceParameters, *, controlling: bool) -> None:
        """Take the peer's credentials and candidates; others than before restart it."""

    def receive(self, data: bytes, address: Address, component: int) -> None:
        """Take a STUN message."""

    def send(self, component: int, data: memoryview | bytes) -> None:
        """Send along the selected path, where that is a relay's. Raises OSError."""

    def close(self) -> None:
        """End."""


class DtlsAgent(Protocol):
    """What a transport needs of DTLS; see :mod:`asterism.media.transports.dtls`."""

    def start(self, role: str, fingerprints: Sequence[tuple[str, str]], *, new: bool = False) -> None:
        """Begin the handshake, or go on with the association that there is."""

    def receive(self, datagram: bytes) -> None:
        """Take a datagram from anywhere."""

    def close(self) -> None:
        """End."""


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """What a transport is to be able to do; which of it is done, the peer decides too.

    Attributes:
        ice: makes the ICE agent, of the transport.
        dtls: makes the DTLS agent, of the transport and the component (1: RTP; 2: RTCP that is not multiplexed).
    """

    ice: Callable[[MediaTransport], IceAgent] | None = None
    dtls: Callable[[MediaTransport, int], DtlsAgent] | None = None


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
        path: where ICE sends RTP; ``None`` while it has found nothing or is not used with this peer.
        demux: finds the stream of a packet, once :meth:`describe` has told of them.
        on_failed: told why media has ended (a wrong fingerprint, no path); the call goes on until its owner ends it.
        reports: reports on arrivals that the peer is sent, where that was agreed on.
        refused: packets that were dropped because they were not authentic, or replayed.
        dropped: datagrams that were of no use at all, or came too early.
    """

    __slots__ = (
        "_buffers", "_by_session", "_complains_at", "_connected", "_context", "_control", "_control_path",
        "_control_relayed", "_described", "_inbound", "_old", "_old_until", "_on_close", "_outbound", "_pair",
        "_quick", "_relayed", "_remote", "_streams", "demux", "dropped", "dtls", "dtls_control", "ice", "local",
        "mux", "on_failed", "path", "refused", "reports", "state",
    )  # fmt: skip

    def __init__(
        self, context: RtpContext, buffers: Buffers, pair: PortPair, local: Address, settings: TransportSettings,
        on_close: Callable[[MediaTransport], None],
    ) -> None:  # fmt: skip
        self._context = context
        self._buffers = buffers
        self._pair = pair
        self._on_close = on_close
        self.local = local
        self.mux = False
        self.state = State.WAITING
        self.path: Address | None = None
        self._control_path: Address | None = None
        self._relayed = self._control_relayed = False
        self.demux: Demultiplexer[RtpSession] = Demultiplexer()
        self._described = False
        self.reports: ArrivalReports | None = None
        self.on_failed: Callable[[str], None] | None = None
        self.refused = self.dropped = 0
        self._complains_at = 0.0
        self._streams: tuple[VirtualSocket, ...] = ()
        self._by_session: dict[RtpSession, tuple[VirtualSocket, VirtualControl]] = {}
        self._connected: Address | None = None
        self._remote: RemoteTransport | None = None
        self._outbound: Outbound | None = None
        self._inbound: Inbound | None = None
        self._old: Inbound | None = None
        self._old_until = 0.0
        self._quick: tuple[Any, ...] | None = None
        self._control = _ControlReader(self)
        self.ice: IceAgent | None = None
        self.dtls: DtlsAgent | None = None
        self.dtls_control: DtlsAgent | None = None
        if settings.ice is not None:
            self.ice = settings.ice(self)
            self.ice.on_selected = self._select
            self.ice.on_relayed = self._take_relayed
            self.ice.on_failed = self._lose
        if settings.dtls is not None:
            self.dtls = settings.dtls(self, 1)

    # -- what is agreed on --------------------------------------------------------------------------------

    @property
    def secure(self) -> bool:
        """Whether packets are protected now."""
        return self.state is State.SECURE

    @property
    def finds_peer(self) -> bool:
        """Whether ICE finds the peer: its streams are told where it is, and must not be by whoever reads SDP."""
        remote = self._remote
        return self.ice is not None and remote is not None and remote.ice is not None

    def apply(self, remote: RemoteTransport, *, role: str = "", controlling: bool = False) -> None:
        """Take what the peer has told, after each offer and answer; what did not change goes on.

        Args:
            remote: all of it, each time.
            role: our part in DTLS, ``active`` or ``passive``; empty: the other than the peer's, ``active`` to
                ``actpass``.
            controlling: whether this end chooses the path (RFC 8445 6.1.1): it made the first offer.

        Raises:
            ValueError: it cannot be used; nothing has changed then.
        """
        if self.state is State.CLOSED:
            return
        if remote.ice is None and remote.rtp[1]:
            sockets.family_of(remote.rtp[0])
        if remote.dtls is not None and self.dtls is None:
            raise ValueError("DTLS was not offered")
        if remote.dtls is None:
            self._take_keys(remote.sent, remote.received)
        self._remote, self.mux = remote, remote.mux
        if self.ice is not None and remote.ice is not None:
            self.ice.mux = remote.mux
            self.ice.apply(remote.ice, controlling=controlling)
        if remote.dtls is not None and self.dtls is not None:
            if not role:
                role = "passive" if remote.dtls.setup == "active" else "active"
            self.dtls.start(role, remote.dtls.fingerprints, new=remote.dtls.new)
        self._changed()

    def _take_keys(self, sent: SrtpKey | None, received: SrtpKey | None) -> None:
        if sent is None and received is None:
            self._outbound = self._inbound = self._old = None
            self.state = State.PLAIN
            return
        if sent is None or received is None:
            raise ValueError("one direction has a key and the other has none")
        self.use_keys(sent, received)

    def use_keys(self, sent: SrtpKey, received: SrtpKey) -> None:
        """Send and take packets under these keys from now on; those that hold already go on.

        Raises:
            ValueError: a key is none, ours was used before, or the peer's is ours; nothing has changed then.
        """
        if self.state is State.CLOSED:
            return
        if sent.key == received.key:
            raise ValueError("the peer's key is ours")
        window = WINDOW if self._context.settings.replay_protection else WIDE_WINDOW
        outbound, inbound = self._outbound, self._inbound
        fresh = Inbound(self._buffers, received, window) if inbound is None or inbound.key != received else None
        if outbound is None or outbound.key != sent:
            outbound = Outbound(self._buffers, sent)
            for one in self._streams:
                if one.history is not None:  # what is under the old key is not taken any more
                    one.history.clear()
        self._outbound = outbound
        if fresh is not None:
            self._old, self._old_until = inbound, self._context.loop.time() + REKEY_SECONDS
            self._inbound = fresh
        self.state = State.SECURE
        self._changed()

    def fail(self, reason: str) -> None:
        """Media has ended: nothing passes any more until :meth:`apply` tells otherwise."""
        if self.state is State.CLOSED:
            return
        self.state = State.WAITING
        self._changed()
        if self.on_failed is not None:
            self.on_failed(reason)

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
    def streams(self) -> tuple[VirtualSocket, ...]:
        """The RTP sockets of its streams."""
        return self._streams

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
        """Send RTCP that concerns all of the transport."""
        if self._streams:
            self._streams[0].session.rtcp.send_feedback(packet)

    def end_reports(self) -> None:
        """Report on arrivals no more."""
        if self.reports is not None:
            self.reports.close()
            self.reports = None

    def socket_of(self, session: RtpSession) -> VirtualSocket:
        """The RTP socket of one of its streams. Raises ``KeyError`` where it is none."""
        return self._by_session[session][0]

    def connect(self, rtp: VirtualSocket, address: Address) -> None:
        """A stream has found its peer; where it is alone, the system drops what others send. Raises OSError."""
        if self.ice is None and len(self._streams) == 1 and self.state is not State.CLOSED:
            self._pair.first.connect(address)
            self._connected = address
        rtp.peer = address
        self._changed()

    def disconnect(self, rtp: VirtualSocket) -> None:
        """A stream looks for its peer again."""
        rtp.peer = None
        self._changed()

    def _changed(self) -> None:
        """Have the next packets go as it is now."""
        self._quick = None
        streams = self._streams
        peers = {one.peer for one in streams}
        if self._connected is not None and (self.ice is not None or peers != {self._connected}):
            self._connected = None
            if self.state is not State.CLOSED:
                sockets.disconnect(self._pair.first)
        buffers, outbound, inbound = self._buffers, self._outbound, self._inbound
        secure = self.state is State.SECURE and outbound is not None
        raw = self._pair.first
        for one in streams:
            one.way = None
            if not secure or outbound is None or one.writer is not None or one.history is not None or self._relayed:
                continue
            if self._connected is not None:
                one.way = buffers.protect, outbound.handle, buffers, raw.send, None
                continue
            target = self.path if self.finds_peer else one.peer
            if target is not None:
                one.way = buffers.protect, outbound.handle, buffers, raw.sendto, target
        if secure and self._connected is not None and self._old is None and inbound is not None:
            one = streams[0]
            if not self._described:
                self._quick = (
                    raw.recv_into, buffers.received, buffers.unprotect, inbound.handle, inbound.sources,
                    buffers.incoming, buffers.length, one, one.session.received.on_readable,
                )  # fmt: skip

    # -- what comes ---------------------------------------------------------------------------------------

    def on_readable(self, now: float) -> None:
        """Take one datagram of the RTP socket; the hot path."""
        quick = self._quick
        if quick is None:
            buffer = self._buffers.received
            try:
                size, address = self._pair.first.recvfrom_into(buffer)
            except OSError:
                return
            self.take(size, address[:2], 1, now)
            return
        recv_into, buffer, unprotect, handle, sources, incoming, length, rtp, receive = quick
        try:
            size = recv_into(buffer)
        except OSError:
            return
        first, second, source = _unpack(buffer)
        if source not in sources or not 128 <= first < 192 or 192 <= second < 224 or size < 12:
            self.take(size, self._connected or ("", 0), 1, now)
            return
        length[0] = size
        if unprotect(handle, incoming, length):
            self._refuse()
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
            self.take(size, address[:2], 2, now)

    def receive(self, data: bytes, address: Address, component: int) -> None:
        """Take a datagram that came another way than by the sockets: through a relay."""
        if len(data) < len(self._buffers.received):
            self._buffers.received[: len(data)] = data
            self.take(len(data), address, component, self._context.loop.time())

    def take(self, size: int, address: Address, component: int, now: float) -> None:
        """Take the datagram in the first ``size`` octets of the shared buffer (RFC 7983 section 7)."""
        buffer = self._buffers.received
        if not 0 < size < len(buffer) or self.state is State.CLOSED:
            self.dropped += 1
            return
        first = buffer[0]
        if 128 <= first < 192 and size >= 8:
            second = buffer[1]
            # Without multiplexing these may be payload types, but for those of reports (RFC 5761 section 4).
            if component == 2 or (192 <= second < 224 if self.mux else 200 <= second < 207):
                self._take_control(size, address, now)
            else:
                self._take_media(size, address, now)
        elif first < 4 and self.ice is not None:
            self.ice.receive(bytes(buffer[:size]), address, component)
        elif 20 <= first < 64 and self.dtls is not None:
            agent = self.dtls if component == 1 or self.dtls_control is None else self.dtls_control
            agent.receive(bytes(buffer[:size]))
        else:
            self.dropped += 1

    def _take_media(self, size: int, address: Address, now: float) -> None:
        if self.state is State.WAITING or size < 12:
            self.dropped += 1
            return
        if self.state is State.SECURE:
            size = self._unprotect(size, now, control=False)
            if not size:
                self._refuse()
                return
        elif self.finds_peer and address != self.path:
            self.dropped += 1
            return
        if self._described:
            session, size = self.demux.take(self._buffers.received, size, now)
            pair = self._by_session.get(session) if session is not None else None
            if pair is None:
                self.dropped += 1
                return
            rtp = pair[0]
        elif len(self._streams) == 1:
            rtp = self._streams[0]
        else:
            self.dropped += 1
            return
        if self.finds_peer and self.path is not None:
            address = self.path  # authentic, and the peer may use any of its paths
        elif rtp.peer is not None and rtp.peer != address:
            rtp.dropped += 1
            return
        rtp.size, rtp.address = size, address
        rtp.session.received.on_readable(now)
        rtp.size = 0

    def _take_control(self, size: int, address: Address, now: float) -> None:
        if self.state is State.WAITING:
            self.dropped += 1
            return
        if self.state is State.SECURE:
            size = self._unprotect(size, now, control=True)
            if not size:
                self._refuse()
                return
        data = bytes(self._buffers.views[size])
        parts = self.demux.split(data) if self._described else [(one.session, data) for one in self._streams]
        for session, part in parts:
            pair = self._by_session.get(session)
            if pair is None:
                continue
            remote = session.remote
            if self.finds_peer and remote is not None:
                address = remote
            pair[1].deliver(part, address, now)

    def _unprotect(self, size: int, now: float, *, control: bool) -> int:
        inbound, old = self._inbound, self._old
        if inbound is None:
            return 0
        if old is None:
            return inbound.unprotect_rtcp(size) if control else inbound.unprotect(size)
        if now >= self._old_until:
            self._old = None
        # What fails may have been changed on its way.
        data = bytes(self._buffers.views[size])
        made = inbound.unprotect_rtcp(size) if control else inbound.unprotect(size)
        if made or self._old is None:
            self._old = None
            self._changed()
            return made
        self._buffers.received[:size] = data
        return old.unprotect_rtcp(size) if control else old.unprotect(size)

    def _refuse(self) -> None:
        """Count a packet that is not authentic; who sends many does not fill the log."""
        self.refused += 1
        now = self._context.loop.time()
        if now >= self._complains_at:
            self._complains_at = now + _QUIET_SECONDS
            self._context.log.log(
                logging.INFO, "%s:%d: packets that are not authentic or were replayed are dropped, %d so far",
                *self.local, self.refused,
            )  # fmt: skip

    # -- what is sent -------------------------------------------------------------------------------------

    def send_rtp(self, rtp: VirtualSocket, data: memoryview | bytes, target: Address | None) -> None:
        """Send a packet of a stream. Raises OSError where it was not sent."""
        if self.state is State.WAITING or self.state is State.CLOSED:
            raise BlockingIOError("nothing can be sent yet, or any more")
        now = self._context.loop.time()
        if rtp.writer is not None:
            data = _extended(data, rtp.writer, now)
        sequence = data[2] << 8 | data[3]
        if self.state is State.SECURE and self._outbound is not None:
            data = self._outbound.protect(data)
        if rtp.history is not None:
            rtp.history.keep(sequence, bytes(data), now)
        self.emit(data, target)

    def emit(self, data: memoryview | bytes, target: Address | None) -> None:
        """Send octets as they are to the peer of RTP: what was protected before. Raises OSError."""
        if self.finds_peer:
            target = self.path
            if self._relayed and self.ice is not None:
                self.ice.send(1, data)
                return
        if target is None:
            raise BlockingIOError("there is no way to the peer yet")
        if self._connected == target:
            self._pair.first.send(data)
        else:
            self._pair.first.sendto(data, target)

    def send_rtcp(self, rtp: VirtualSocket, data: bytes, target: Address) -> None:
        """Send RTCP of a stream. Raises OSError where it was not sent."""
        if self.state is State.WAITING or self.state is State.CLOSED:
            raise BlockingIOError("nothing can be sent yet, or any more")
        packet: memoryview | bytes = data
        if self.state is State.SECURE and self._outbound is not None:
            packet = self._outbound.protect_rtcp(data)
        if self.mux:
            self.emit(packet, rtp.session.remote)
            return
        if self.finds_peer:
            if self._control_path is None:
                raise BlockingIOError("there is no way to the peer yet")
            target = self._control_path
            if self._control_relayed and self.ice is not None:
                self.ice.send(2, packet)
                return
        self._pair.second.sendto(packet, target)

    def send_datagram(self, data: bytes, target: Address | None = None, component: int = 1) -> None:
        """Send what is no media, STUN or DTLS; to the peer where no target is told. Raises OSError."""
        if self.state is State.CLOSED:
            return
        if target is None:
            target = self._peer(component)
            if target is None:
                raise BlockingIOError("there is no way to the peer yet")
            relayed = self._relayed if component == 1 else self._control_relayed
            if relayed and self.finds_peer and self.ice is not None:
                self.ice.send(component, data)
                return
        (self._pair.first if component == 1 else self._pair.second).sendto(data, target)

    def _peer(self, component: int) -> Address | None:
        if self.finds_peer:
            return self.path if component == 1 else self._control_path
        for one in self._streams:
            remote = one.session.remote
            if remote is not None and component == 1:
                return remote
        remote_transport = self._remote
        if remote_transport is None or not remote_transport.rtp[1]:
            return None
        host, port = remote_transport.rtp
        if component == 1:
            return host, port
        return remote_transport.rtcp or (host, port + 1)

    def _select(self, component: int, local: Base, remote: Address) -> None:
        """ICE has found a path, or another one."""
        if component != 1:
            self._control_path = remote
            self._control_relayed = local.kind == "relay"
            return
        self.path = remote
        self._relayed = local.kind == "relay"
        self._changed()
        for one in self._streams:
            one.session.set_remote(*remote)

    def _lose(self, reason: str) -> None:
        """ICE has no path any more: nothing is sent until there is one again."""
        self.path = self._control_path = None
        self._changed()
        if self.on_failed is not None:
            self.on_failed(reason)

    def _take_relayed(self, component: int, data: bytes, address: Address) -> None:
        self.receive(data, address, component)

    # -- the end ------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Have the sockets be read. Raises OSError."""
        self._context.readiness.add(self._pair.first.fileno(), self)
        self._context.readiness.add(self._pair.second.fileno(), self._control)

    @property
    def raw_sockets(self) -> tuple[Any, Any]:
        """The two sockets of the system, for RTP and RTCP."""
        return self._pair.first, self._pair.second

    def close(self) -> None:
        """End, silently: a stream says what there is to say before, when it closes."""
        if self.state is State.CLOSED:
            return
        for agent in (self.ice, self.dtls, self.dtls_control):
            if agent is not None:
                agent.close()
        self.state = State.CLOSED
        self.end_reports()
        self.on_failed = None
        self._connected = self._outbound = self._inbound = self._old = None
        self._changed()
        for sock in self.raw_sockets:
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
