"""What comes in on an RTP session: whose datagrams are taken, and what is made of those that go no quick way.

The first packets of a peer, digits, extensions, RTCP on the same port and frames for a sink come this way; the others
end in :class:`~asterism.media.receiver.RtpReceiver`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from asterism.media.dtmf import DigitReceiver
from asterism.media.formats import Format
from asterism.media.packet import HEADER, payload_bounds
from asterism.media.passed_event import PassedEvent
from asterism.media.receiver import RtpReceiver
from asterism.media.source import Address, StrictMode
from asterism.media.stream import AudioStream, DigitSink, Frame, FrameSink
from asterism.media.translate import swap_bytes
from asterism.media.transmitter import RtpTransmitter

if TYPE_CHECKING:
    from asterism.media.memory import MemoryStream
    from asterism.media.relay import Relay, Views
    from asterism.media.rtp import RtpSession

BUFFER_SIZE = 9216
"""Octets of the largest datagram that is taken: 20 ms of linear audio at 192 kHz have 7692."""
_COMFORT_NOISE = (13, 19)
PendingFor = Callable[[Format], bytearray | None]


class RtpIncoming(RtpTransmitter):
    """What an :class:`~asterism.media.rtp.RtpSession` does with what its peer sends."""

    __slots__ = (
        "_buffer", "_digits", "_event", "_learning", "_pair", "_received_events", "_received_formats", "_recv_into",
        "_views", "away", "follow_peer", "joined_to", "on_digit", "on_digit_begin", "on_source", "received", "relay",
        "relay_digits", "rx_dropped", "sink",
    )  # fmt: skip

    # Set by the session: a constructor here would be one more call for each leg.
    _buffer: bytearray
    _views: Views
    _recv_into: Callable[[bytearray], int]
    sink: FrameSink | None
    """See ``AudioStream.sink``. One that has a ``pending_for(format)`` keeps payloads there until it takes them."""
    on_digit: DigitSink | None
    on_digit_begin: Callable[[str], None] | None
    on_source: Callable[[], None] | None
    """Told when packets are taken from another source than before."""
    away: bool
    """Whether the peer sends elsewhere at present: what it sends in between is not missed, and gets no reports."""
    relay_digits: bool
    """Whether digits are relayed with the audio; off where a bridge takes them as features."""
    follow_peer: bool
    """Whether the codec that the peer sends is the one it is sent, where that was negotiated too."""
    _received_formats: dict[int, Format]
    _received_events: dict[int, int]
    local: Address
    """Host and port of the RTP socket."""
    _learning: bool
    _digits: DigitReceiver | None
    _event: PassedEvent | None
    """The event that was received last."""
    received: RtpReceiver
    """The hot path, with the packet counts."""
    rx_dropped: int
    """Datagrams that were malformed, of an unknown type, or of a source that is not the peer."""
    relay: Relay | None
    """The relay that forwards received packets to another session."""
    joined_to: RtpSession | None
    """The session that gets the received audio, relayed or by frames."""
    _pair: MemoryStream | None
    """The end of a pair that is followed to find it. Digits then go from channel to channel: each hears them."""

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
        if self._filter.source != source:
            if self._context.log.verbosity >= 4:
                told = self._filter.source == self._filter.signalled
                host, port = address[:2]
                if told:
                    self.tell_source(f"switching to RTP target address {host}:{port} as source")
                else:
                    self.tell_source(f"switching source address to {host}:{port}")
            if self.on_source is not None:
                self.on_source()
        return True

    def tell_source(self, text: str) -> None:
        """Log what is known of the peer's source, unless packets of any are taken (``strictrtp = no``)."""
        if self._filter.mode is not StrictMode.NO:
            self._context.log.verbose(4, "%s:%d -- Strict RTP %s", self.local[0], self.local[1], text)

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
        if self._filter.learns_anew:
            self._filter.learns_anew = False
            self._context.test_events.send("STRICT_RTP_CLOSED", (("Source", f"{target[0]}:{target[1]}"),))
        if self._context.log.verbosity >= 4:
            self.tell_source(f"learning complete - Locking on source address {target[0]}:{target[1]}")
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
            self.receive_rtcp(data)
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
        if late and self.relay is not None and self.received.begun_anew == sequence + 1 & 0xFFFF:
            # Sent on under a number of long before, it would be one of the next 65,536 for SRTP (RFC 3711 3.3.1).
            self.rx_dropped += 1
            return
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

    @property
    def formats_received(self) -> Mapping[int, Format]:
        """What the payload types of packets that come mean."""
        return self._received_formats

    def receive_rtcp(self, data: bytes) -> None:
        """Take RTCP that came on the RTP port."""

    def _keep(self, fmt: Format, payload_type: int, sink: FrameSink, pending_for: PendingFor) -> None:
        """Have the payloads of the packets that follow this one be kept without a look at them, if they may."""
        received = self.received
        received.keeping = None
        pending = None if fmt.encoding == "L16" else pending_for(fmt)
        reading = None if self.taps_in is not None else self.quick_input()
        if pending is not None and reading is not None:
            recv_into, buffer, _ = reading
            head = 0x8000 | payload_type
            received.keeping = recv_into, buffer, head, received.ssrc, received.clock, pending, sink

    def quick_input(self) -> tuple[Callable[[bytearray], int], bytearray, Views] | None:
        """Return what reads the packets that may be relayed without a look at them; see :data:`QuickWay`.

        ``None`` while each has to be looked at: the peer is not settled, or they are logged. Its taps are the caller's.
        """
        if self._learning or self.sent.debug:
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

    def _follow(self, fmt: Format) -> None:
        """Send what the peer sends from now on (``asymmetric_rtp_codec`` is off)."""
        self.format = fmt
        self._conversions.clear()
        self._leave_relays()

    def _leave_relays(self) -> None:
        """Something changed that relayed packets, and those that are kept, depend on."""
        self.received.keeping = None
        if self.relay is not None:
            self.relay.leave()
        if self.relayed_by is not None:
            self.relayed_by.leave()

    @property
    def source_differs(self) -> bool:
        """Whether packets come from another address than the signalled one, or none have come yet."""
        return self._filter.source is None or self._filter.source != self._filter.signalled

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
