"""One leg's RTP: a connected UDP socket, received, relayed or written packet by packet (RFC 3550).

Theory of operation. The socket is read once per readiness event, into one buffer that the sessions of a server share.
A packet that needs nothing but a new header is relayed right there: payload type, sequence number, timestamp and SSRC
are rewritten in place and the buffer is sent from the other session's socket, without an object for the packet (see
:mod:`asterism.media.relay`). Everything else (the first packets, digits, extensions, RTCP on the same port) takes the
slower way through :meth:`RtpSession.receive`. Once the peer is learned the socket is connected to it, which is the
cheapest way to send and makes the kernel drop every other source.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.media import sockets
from asterism.media.dtmf import DigitReceiver
from asterism.media.formats import ULAW, Format
from asterism.media.inactivity import InactivityWatch
from asterism.media.keepalive import KeepAlive
from asterism.media.memory import MemoryStream
from asterism.media.packet import HEADER, payload_bounds
from asterism.media.packetizer import Packetizer
from asterism.media.passed_event import PassedEvent
from asterism.media.payload_types import PayloadTypes
from asterism.media.receiver import RtpReceiver
from asterism.media.relay import Relay
from asterism.media.reporter import RtcpReporter
from asterism.media.rtcp import Report
from asterism.media.send_state import discard
from asterism.media.source import Address, SourceFilter
from asterism.media.statistics import Quality
from asterism.media.stream import AudioStream, DigitSink, Frame, FrameSink
from asterism.media.taps import Direction
from asterism.media.translate import byte_table, swap_bytes
from asterism.media.transmitter import RtpTransmitter

if TYPE_CHECKING:
    from socket import SocketType

    from asterism.media.core import RtpContext
    from asterism.media.relay import Views

BUFFER_SIZE = 4096
_COMFORT_NOISE = (13, 19)
PendingFor = Callable[[Format], bytearray | None]
RtcpHook = Callable[["RtpSession", bool, Report], None]


class RtpSession(RtpTransmitter):
    """An :class:`~asterism.media.stream.AudioStream` over RTP. Made by ``Media.open_rtp``."""

    __slots__ = (
        "_buffer",
        "_digits",
        "_event",
        "_inactivity",
        "_keep_alive",
        "_learning",
        "_on_release",
        "_pair",
        "_received_events",
        "_received_formats",
        "_recv_into",
        "_reporter",
        "_rtcp_socket",
        "_views",
        "away",
        "cname",
        "follow_peer",
        "joined_to",
        "local",
        "on_digit",
        "on_digit_begin",
        "on_rtcp",
        "on_source",
        "received",
        "relay",
        "relay_digits",
        "rx_dropped",
        "sink",
    )  # fmt: skip

    def __init__(
        self,
        context: RtpContext,
        pair: tuple[SocketType, SocketType],
        local: Address,
        source_filter: SourceFilter,
        on_release: Callable[[RtpSession], None],
    ) -> None:
        super().__init__(context, pair[0], source_filter)
        self._buffer = context.buffer
        self._views = context.views
        self._on_release = on_release
        self._recv_into = self._socket.recv_into
        self._rtcp_socket = pair[1]
        self._reporter: RtcpReporter | None = None
        self.local = local
        self.cname = bytearray()
        """CNAME of this end in reports; streams to be synchronised (audio, video) share it (RFC 3550 6.5.1)."""
        self.sink: FrameSink | None = None
        """See ``AudioStream.sink``. One that has a ``pending_for(format)`` keeps payloads there until it takes them."""
        self.on_digit: DigitSink | None = None
        self.on_digit_begin: Callable[[str], None] | None = None
        self.on_rtcp: RtcpHook | None = None
        """Told of each report: ``(session, sent, report)``."""
        self.on_source: Callable[[], None] | None = None
        """Told when packets are taken from another source than before."""
        self.away = False
        """Whether the peer sends elsewhere at present: what it sends in between is not missed, and gets no reports."""
        self.relay_digits = True
        """Whether digits are relayed with the audio; off where a bridge takes them as features."""
        self.follow_peer = True
        """Whether the codec that the peer sends is the one it is sent, where that was negotiated too."""
        self._received_formats: dict[int, Format] = {0: ULAW}
        self._received_events: dict[int, int] = {}
        self._learning = True
        self._digits: DigitReceiver | None = None
        self._event: PassedEvent | None = None
        """The event that was received last."""
        self._inactivity: InactivityWatch | None = None
        self._keep_alive: KeepAlive | None = None
        self.received = RtpReceiver(self)
        """The receiving half, with its packet counts."""
        self.rx_dropped = 0
        """Datagrams that were malformed, of an unknown type, or of a source that is not the peer."""
        self.relay: Relay | None = None
        """The relay that forwards received packets to another session."""
        self.joined_to: RtpSession | None = None
        """The session that gets the received audio, relayed or by frames."""
        self._pair: MemoryStream | None = None
        """The end of a pair that is followed to find it. Digits then go from channel to channel: each hears them."""

    # -- what was negotiated ------------------------------------------------------------------------------

    @property
    def symmetric(self) -> bool:
        """Whether packets go to where they come from (``rtp_symmetric``)."""
        return self._filter.symmetric

    def set_remote(self, host: str, port: int, symmetric: bool | None = None, rtcp: Address | None = None) -> None:
        """Take the peer's address from SDP; an address that did not change keeps what was learned.

        Args:
            host: An IP address. ``0.0.0.0``, ``::`` or port 0 mean that nothing can be sent.
            port: The peer's RTP port.
            symmetric: Send to where its packets come from, once learned; ``None`` leaves it as it is.
            rtcp: Its RTCP address when that is not the next port (``a=rtcp``).

        Raises:
            ValueError: ``host`` is not an address of this session's family, or the port is out of range.
        """
        if self.closed:
            return
        if sockets.family_of(host) != self._socket.family:
            raise ValueError(f"not an address of this session's family: {host!r}")
        if not 0 <= port <= 65535 or (rtcp is not None and not 0 <= rtcp[1] <= 65535):
            raise ValueError(f"not a port: {port if rtcp is None else rtcp[1]}")
        if symmetric is not None and symmetric != self._filter.symmetric:
            self._filter.symmetric = symmetric
            self._filter.signalled = None
        if rtcp is not None or self._reporter is not None:
            self.rtcp.set_remote(rtcp)
        address = (host, port) if port and host not in ("0.0.0.0", "::") else None
        if address == self._filter.signalled and address is not None:
            return
        if self._connected:
            sockets.disconnect(self._socket)
            self._connected = False
        self._learning = True
        self.received.keeping = None
        if self.relay is not None:
            self.relay.leave()
        self._filter.set_signalled(address, self._loop.time())
        self._choose_send()

    def set_formats(self, send: PayloadTypes, receive: PayloadTypes | None = None, ptime: int = 0) -> None:
        """Take what the payload types mean, in each direction as its receiver has announced (RFC 3264 5.1, 6.1).

        Args:
            send: What the peer understands, the preferred format first.
            receive: What we announced, where it differs. What only ``send`` names is understood too.
            ptime: The length in milliseconds of the packets that are sent; 0 for the length that comes.

        Raises:
            ValueError: ``send`` has no format.
        """
        if not send.formats:
            raise ValueError("a session needs at least one format")
        payload_types: dict[Format, int] = {}
        for number, fmt in send.formats:
            payload_types.setdefault(fmt, number)
        self.sent.payload_types = payload_types
        self._formats = tuple(payload_types)
        self._events = dict(send.events)
        self._received_formats = dict(send.formats)
        self._received_events = {}
        for rate, number in send.events:
            self._received_events[number] = rate
        if receive is not None:
            for number, fmt in receive.formats:
                self._received_formats[number] = fmt
                self._received_events.pop(number, None)
            for rate, number in receive.events:
                self._received_events[number] = rate
        self.format = self._formats[0]
        self.received.clock = float(self.format.clock_rate)
        self._packetizer = Packetizer(ptime) if ptime and ptime != self.format.ptime else None
        self.received.keeping = None
        if self.relay is not None or self.relayed_by is not None:
            self._leave_relays()

    def _follow(self, fmt: Format) -> None:
        """Send what the peer sends from now on (``asymmetric_rtp_codec`` is off)."""
        self.format = fmt
        self._leave_relays()

    def set_away(self, away: bool) -> None:
        """The peer sends elsewhere (direct media), or here again."""
        self.away = away
        self.received.interrupted = True
        self._leave_relays()

    @property
    def source_differs(self) -> bool:
        """Whether packets come from another address than the signalled one, or none have come yet."""
        return self._filter.source is None or self._filter.source != self._filter.signalled

    @property
    def repacketizes(self) -> bool:
        """Whether the peer is sent packets of another length than those that come."""
        return self._packetizer is not None

    def set_timeout(self, seconds: float, expired: Callable[[], None] | None) -> None:
        """Call ``expired`` once when no packet has come for ``seconds`` (``rtp_timeout``); 0 ends the watch."""
        if self._inactivity is not None:
            self._inactivity.close()
            self._inactivity = None
        if seconds > 0 and expired is not None and not self.closed:
            self._inactivity = InactivityWatch(self.received, self._loop, seconds, expired)

    def set_keep_alive(self, seconds: float) -> None:
        """Send comfort noise when nothing was sent for ``seconds`` (``rtp_keepalive``), on hold too; 0 ends that."""
        if self._keep_alive is not None:
            self._keep_alive.close()
        self._keep_alive = KeepAlive(self, self._loop, seconds) if seconds > 0 and not self.closed else None

    @property
    def last_sent(self) -> float:
        """When the last packet of audio was sent, by the loop's clock; at first when the session was made."""
        return self._last_sent()

    def send_aside(self, payload_type: int, payload: bytes) -> None:
        """Send a packet that is no part of the audio, even on hold; without a peer nothing."""
        if self._filter.target is None:
            return
        # What is relayed next must follow its sequence number.
        self.sender_changed()
        held, self._hold = self._hold, False
        self._choose_send()
        self.send_packet(payload_type, self.tx_timestamp(self._loop.time()), payload)
        self._hold = held
        self._choose_send()

    # -- received -----------------------------------------------------------------------------------------

    def read(self) -> None:
        """Take one datagram when the next may be anything."""
        if self._learning:
            self._learn()
            return
        try:
            size = self._recv_into(self._buffer)
        except OSError:
            return
        self.receive(size)

    def _learn(self) -> None:
        """Take one datagram while the peer is not settled."""
        try:
            size, address = self._socket.recvfrom_into(self._buffer)
        except OSError:
            return
        if not self._admit(size, address):
            return
        self.receive(size)
        if not self.closed and self._filter.settled(self._loop.time()):
            self._settle()

    def _admit(self, size: int, address: Address) -> bool:
        before, source = self._filter.target, self._filter.source
        if size < 12 or self._buffer[0] >> 6 != 2:
            self.rx_dropped += 1
            return False
        sequence = self._buffer[2] << 8 | self._buffer[3]
        if not self._filter.check(address[:2], sequence):
            self.rx_dropped += 1
            return False
        if self._filter.target != before:
            self._choose_send()
        if self._filter.source != source and self.on_source is not None:
            self.on_source()
        return True

    def _settle(self) -> None:
        """Connect to the learned peer, and go through what others have queued before that."""
        target = self._filter.target
        if target is None:
            return
        try:
            self._socket.connect(target)
        except OSError:
            return
        self._connected = True
        for _ in range(64):
            try:
                size, address = self._socket.recvfrom_into(self._buffer)
            except OSError:
                break
            if address[:2] != target:
                self.rx_dropped += 1
            elif size >= 12:
                self.receive(size)
                if self.closed:
                    return
        self._learning = False
        self._choose_send()

    def receive(self, size: int) -> None:
        """Take a datagram of the accepted source that the hot path did not."""
        if self.relay is not None:
            self.relay.leave()
        if not 12 <= size < BUFFER_SIZE:
            self.rx_dropped += 1
            return
        data = bytes(self._views[size])
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        payload_type = second & 0x7F
        if first >> 6 != 2:
            self.rx_dropped += 1
            return
        if 72 <= payload_type <= 78:  # RTCP on the RTP port (RFC 5761)
            self.rtcp.receive(data, self._loop.time())
            return
        start, end = 12, size
        if first != 0x80:
            bounds = payload_bounds(data, first)
            if bounds is None:
                self.rx_dropped += 1
                return
            start, end = bounds
        now = self._loop.time()
        late = self.received.count(sequence, timestamp, ssrc, end - start, now)
        rate = self._received_events.get(payload_type)
        if rate is not None:
            self._receive_digit(data[start:end], rate, sequence, timestamp, second & 0x80, now, late)
            return
        fmt = self._received_formats.get(payload_type)
        if fmt is None:
            self.rx_dropped += payload_type not in _COMFORT_NOISE
            return
        if fmt is not self.format and self.follow_peer and fmt in self.sent.payload_types:
            self._follow(fmt)
        if self.sent.debug:
            self._context.log_packet("Got ", self._filter.source, payload_type, sequence, timestamp, end - start)
        payload = data[start:end]
        if self.taps_in is not None:
            frame = self.hear_in(Frame(fmt, swap_bytes(payload) if fmt.encoding == "L16" else payload, timestamp))
            if frame is None:
                return
            if self.relay is None:
                if self.sink is not None and frame.payload:
                    self.sink(frame)
                return
        if self.relay is not None:
            self.relay.pass_on(fmt, second, sequence, timestamp, payload, now, late)
        elif self.sink is not None and payload:
            sink = self.sink
            sink(Frame(fmt, swap_bytes(payload) if fmt.encoding == "L16" else payload, timestamp))
            pending_for: PendingFor | None = getattr(sink, "pending_for", None)
            if pending_for is not None:
                self._keep(fmt, payload_type, sink, pending_for)

    def _keep(self, fmt: Format, payload_type: int, sink: FrameSink, pending_for: PendingFor) -> None:
        """Have the payloads of the packets that follow this one be kept without a look at them, if they may."""
        received = self.received
        received.keeping = None
        pending = None if fmt.encoding == "L16" else pending_for(fmt)
        reading = self.quick_input()
        if pending is not None and reading is not None:
            recv_into, buffer, _ = reading
            head = 0x8000 | payload_type
            received.keeping = recv_into, buffer, head, received.ssrc, received.clock, pending, sink

    def quick_input(self) -> tuple[Callable[[bytearray], int], bytearray, Views] | None:
        """Return what reads the packets that may be relayed without a look at them; see :data:`QuickWay`.

        ``None`` while each has to be looked at: the peer is not settled, or they are logged or tapped.
        """
        if self._learning or self.sent.debug or self.taps_in is not None:
            return None
        return self._recv_into, self._buffer, self._views

    def source_begins(self, sequence: int, timestamp: int, now: float) -> None:
        """Have digits begin anew, and the relay go on where the last source stopped."""
        if self._digits is not None:
            self._digits.restart()
            self._end_event(self._digits)
            self._event = None
        if self.relay is not None:
            self.relay.align(sequence, timestamp, now)

    @property
    def remote_ssrc(self) -> int:
        """The SSRC of the source; -1 before its first packet."""
        return self.received.ssrc

    @property
    def rx_packets(self) -> int:
        """Number of packets received."""
        return self.received.packets

    @property
    def rx_bytes(self) -> int:
        """Number of payload octets received."""
        return self.received.octets

    @property
    def rx_lost(self) -> int:
        """Number of packets lost; negative when some came twice."""
        return self.received.lost

    @property
    def quality(self) -> Quality:
        """The session's figures at this moment."""
        quality, statistics = Quality(), self.rtcp.statistics
        quality.local_ssrc, quality.remote_ssrc = self.ssrc, max(0, self.remote_ssrc)
        quality.rx_count, quality.rx_bytes, quality.rx_lost = self.rx_packets, self.rx_bytes, max(0, self.rx_lost)
        quality.tx_count, quality.tx_bytes, quality.tx_lost = self.tx_packets, self.tx_bytes, statistics.remote_lost
        quality.rx_jitter = self.received.jitter / self.format.clock_rate
        quality.tx_jitter, quality.rtt = statistics.remote_jitter.last, statistics.rtt.last
        return quality

    @property
    def rtcp(self) -> RtcpReporter:
        """The session's RTCP, with the statistics of all reports; most calls end before it is needed."""
        reporter = self._reporter
        if reporter is None:
            reporter = self._reporter = RtcpReporter(self, self._rtcp_socket, self._context)
            if self.closed:
                reporter.close()
        return reporter

    # -- digits -------------------------------------------------------------------------------------------

    def _receive_digit(
        self, payload: bytes, rate: int, sequence: int, timestamp: int, marker: int, now: float, late: bool
    ) -> None:
        digits, event = self._digits, self._event
        if digits is None:
            digits = self._digits = DigitReceiver()
        if event is None or timestamp != event.timestamp:
            if event is not None and (event.timestamp - timestamp) & 0xFFFFFFFF < 0x80000000:
                return  # a late packet of an event that is over
            self._end_event(digits)
            event = self._event = self._new_event(sequence, timestamp, now)
        was_active = digits.active
        happened = digits.update(payload, timestamp, now, rate)
        event.pass_on(self, payload, rate, marker, sequence, now, late)
        if digits.active and not was_active:
            self._loop.call_later(self._context.settings.dtmf_timeout / 8000, self._check_digit)
        self._tell_digits(happened)

    def _new_event(self, sequence: int, timestamp: int, now: float) -> PassedEvent:
        relay = self.relay
        if relay is None or not self.relay_digits or self._pair is not None or relay.target.event_type is None:
            return PassedEvent(timestamp, None, 0, now)
        return PassedEvent(timestamp, relay.target, relay.timestamp_sent(sequence, timestamp, now), now)

    def _end_event(self, digits: DigitReceiver) -> None:
        """No more comes of the event that was received last."""
        if self._event is not None:
            self._event.end()
        self._tell_digits(digits.expire())

    def _check_digit(self) -> None:
        """End a digit whose end packets were lost (``dtmftimeout``)."""
        digits = self._digits
        if digits is None or not digits.active or self.closed:
            return
        left = digits.updated + self._context.settings.dtmf_timeout / 8000 - self._loop.time()
        if left > 0.001:
            self._loop.call_later(left, self._check_digit)
        else:
            self._end_event(digits)

    def _tell_digits(self, happened: list[tuple[str, int]]) -> None:
        for digit, duration in happened:
            if duration < 0:
                if self.on_digit_begin is not None:
                    self.on_digit_begin(digit)
            elif self.on_digit is not None:
                self.on_digit(digit, duration)

    @property
    def digit_passed_to(self) -> AudioStream | None:
        """See ``AudioStream.digit_passed_to``."""
        return None if self._event is None else self._event.target

    # -- relayed ------------------------------------------------------------------------------------------

    def relay_to(self, other: AudioStream | None, pair: MemoryStream | None = None) -> bool:
        """Relay what arrives to ``other``, or (``None``) end that; see ``AudioStream.relay_to``.

        ``pair`` is the end of a pair that was followed to find it.
        """
        self.joined_to = other if isinstance(other, RtpSession) else None
        if self._pair is not pair:
            if self._pair is not None:
                self._pair.released_by(self)
            self._pair = pair
        if isinstance(other, MemoryStream) and not self.closed:
            return other.relayed_from(self)
        self.received.keeping = None
        if self.relay is not None:
            self.relay.end()
        if not isinstance(other, RtpSession) or other.closed or self.closed or other is self:
            return False
        if self.changes_in or other.changes_out:
            return False
        if other._packetizer is not None:  # its packets are of another length than those that come
            return False
        if other.sent.payload_types.keys().isdisjoint(self._formats) and not any(
            byte_table(one, other.format) for one in self._formats
        ):
            return False
        if other.relayed_by is not None:
            other.relayed_by.end()
        self.relay = other.relayed_by = Relay(self, other)
        other.sent.marker = True
        return True

    def _last_sent(self) -> float:
        relay = self.relayed_by
        written = self.sent.last_write
        # What the source has sent before the relay passes anything on did not go out here.
        return written if relay is None or not relay.aligned else max(written, relay.source.received.last_rx)

    def _leave_relays(self) -> None:
        """Something changed that relayed packets, and those that are kept, depend on."""
        self.received.keeping = None
        if self.relay is not None:
            self.relay.leave()
        if self.relayed_by is not None:
            self.relayed_by.leave()

    def taps_changed(self, direction: Direction) -> None:
        """See ``TappedStream``."""
        super().taps_changed(direction)
        self.received.keeping = None
        if direction is Direction.IN and self.relay is not None:
            if self.changes_in:
                self.relay.by_frames()
            else:
                self.relay.leave()

    def sender_changed(self) -> None:
        """A digit begins or ends to be sent, or silence: relayed audio gives way to it."""
        if self.relayed_by is not None:
            self.relayed_by.realign()

    # -- the end ------------------------------------------------------------------------------------------

    def set_debug(self, on: bool) -> None:
        """Log each packet (``rtp set debug``)."""
        self.sent.debug = on
        self._leave_relays()

    def close(self) -> None:
        """Stop relaying, close both sockets and free their ports."""
        if self.closed:
            return
        if self._event is not None:
            self._event.end()
        self.closed = True
        self.joined_to = self._event = None
        if self.relay is not None:
            self.relay.end()
        if self._pair is not None:
            self._pair.released_by(self)
        if self.relayed_by is not None:
            self.relayed_by.end()
        if self._sender is not None:
            self._sender.close()
        if self._inactivity is not None:
            self.set_timeout(0, None)
        if self._keep_alive is not None:
            self.set_keep_alive(0)
        self.sent.send = discard
        self.sink = self.on_digit = self.on_digit_begin = None
        self.end_taps()
        try:
            if self._reporter is not None:
                self._reporter.close()
        except Exception:
            self._context.log.exception("no last RTCP report for %s:%d", *self.local)
        finally:
            # Whatever becomes of the last report, the ports are given back.
            self.on_rtcp = None
            self._context.readiness.forget(self._socket.fileno())
            self.received.close()
            self._socket.close()
            self._rtcp_socket.close()
            self._on_release(self)
