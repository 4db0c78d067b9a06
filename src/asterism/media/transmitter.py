"""The sending half of an RTP session: what was negotiated, and packets out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from asterism.media.conversion import Conversion, why_none
from asterism.media.dtmf import DIGITS
from asterism.media.durations import ticks_of
from asterism.media.formats import ULAW, Format
from asterism.media.packet import HEADER
from asterism.media.packetizer import Packetizer
from asterism.media.send_state import SendState, discard
from asterism.media.sender import DigitSender
from asterism.media.source import Address, SourceFilter
from asterism.media.stream import Frame
from asterism.media.taps import Direction, TapLine, TappedStream
from asterism.media.translate import swap_bytes

if TYPE_CHECKING:
    from asterism.media.core import RtpContext
    from asterism.media.relay import Relay
    from asterism.media.sockets import DatagramSocket
    from asterism.media.taps import Tap


class _Writes(Protocol):
    """A stream, as :func:`write_each` has it."""

    def write(self, frame: Frame) -> None:
        """Send one frame now."""


_GAP = 0.1
"""Seconds without a frame after which the timestamp follows the clock and the marker is set."""


class RtpTransmitter(TappedStream):
    """Sends frames, digits and single packets to one peer, as one continuous RTP stream."""

    __slots__ = (
        "__weakref__", "_connected", "_context", "_conversions", "_events", "_filter", "_formats", "_hold", "_loop",
        "_packetizer", "_sender", "_socket", "digits_as_tones", "format", "relayed_by", "sent", "ssrc",
    )  # fmt: skip

    def __init__(self, context: RtpContext, sock: DatagramSocket, source_filter: SourceFilter) -> None:
        loop: asyncio.AbstractEventLoop = context.loop
        self._context = context
        self._loop = loop
        self._filter = source_filter
        self._socket = sock
        self.format: Format = ULAW
        self.closed = False
        self.taps_in: TapLine | None = None
        self.taps_out: TapLine | None = None
        self._events: dict[int, int] = {}
        self.digits_as_tones = False
        """Whether digits are sent as tones though telephone events were negotiated."""
        self._packetizer: Packetizer | None = None
        self._conversions: dict[Format, Conversion] = {}
        """Of frames in a format to the one that is sent; each format is taken for one stream."""
        self._formats: tuple[Format, ...] = (ULAW,)
        self._hold = False
        self._connected = False
        self._sender: DigitSender | None = None
        self.sent = SendState(int.from_bytes(context.random(10), "big"), loop.time())
        """State of the outgoing stream."""
        self.ssrc = self.sent.ssrc
        self.relayed_by: Relay | None = None
        """The relay that passes another session's packets on to the peer of this one."""

    @property
    def tap_log(self) -> logging.Logger:
        """See ``TappedStream``."""
        return self._context.log

    def taps_changed(self, direction: Direction) -> None:
        """See ``TappedStream``."""
        if direction is Direction.OUT and self.relayed_by is not None:
            if self.changes_out:
                self.relayed_by.by_frames()
            else:
                self.relayed_by.leave()

    @property
    def formats(self) -> Sequence[Format]:
        """Every format negotiated, the one that is sent first."""
        return self._formats

    @property
    def sends_events(self) -> bool:
        """See ``AudioStream.sends_events``."""
        return bool(self._events) and not self.digits_as_tones

    def test_digit(self, digit: str, payload: int, rate: int) -> None:
        """Tell tests that a digit begins to be sent; it is told by the number of its event (RFC 4733)."""
        tests = self._context.test_events
        if tests.wanted:
            headers = (("Digit", DIGITS.find(digit.upper())), ("Payload", payload), ("Rate", rate))
            tests.send("DTMF_BEGIN", headers)

    @property
    def event_type(self) -> tuple[int, int] | None:
        """Payload type and clock rate of the digits to be sent now (RFC 4733), ``None`` where none were negotiated."""
        events = self._events
        if not events or self.digits_as_tones:
            return None
        rate = self.format.clock_rate
        if rate not in events:
            rate = next(iter(events))
        return events[rate], rate

    @property
    def remote(self) -> Address | None:
        """Where packets are sent: as signalled or, with symmetric RTP, as learned."""
        return self._filter.target

    @property
    def tx_packets(self) -> int:
        """Number of packets sent."""
        if self.relayed_by is not None:
            self.relayed_by.add_up()
        return self.sent.packets

    @property
    def tx_bytes(self) -> int:
        """Number of payload octets sent."""
        if self.relayed_by is not None:
            self.relayed_by.add_up()
        return self.sent.octets

    @property
    def hold(self) -> bool:
        """While true nothing is sent."""
        return self._hold

    @hold.setter
    def hold(self, on: bool) -> None:
        if on != self._hold:
            self._hold = on
            self._choose_send()

    @property
    def sends(self) -> bool:
        """See ``AudioStream.sends``."""
        return not (self.closed or self._hold or self._filter.target is None or self.sending_digits)

    @property
    def sending_digits(self) -> bool:
        """Whether digits are being sent, to which audio gives way."""
        return self._sender is not None and self._sender.busy

    def send_digit(self, digit: str, duration_ms: int = 100) -> None:
        """Send a digit as telephone-event, or as a tone in the audio where that was not negotiated.

        Raises:
            ValueError: ``digit`` is not one of ``0``-``9 * # A``-``D !``.
        """
        if self._sender is None:
            self._sender = DigitSender(self, self._loop)
        self._sender.add(digit, duration_ms)

    def write(self, frame: Frame) -> None:
        """Send one frame now. While a digit is being sent, and on hold, it is dropped."""
        if self.sending_digits:
            return
        if self.taps_out is not None:
            sent = self.send_through(frame)
            if sent is None:
                return
            frame = sent
        self.write_audio(frame)

    def write_behind(self, tap: Tap, frame: Frame) -> None:
        """See ``AudioStream``."""
        if self.sending_digits:
            return
        sent = self.send_behind(tap, frame)
        if sent is not None:
            self.write_audio(sent)

    def write_audio(self, frame: Frame) -> None:
        """As :meth:`write`, even while a digit is being sent: for tones that stand for it."""
        fmt, payload, timestamp = frame
        sent = self.sent
        payload_type = sent.payload_types.get(fmt)
        now = self._loop.time()
        fresh = sent.marker or now - sent.last_write >= _GAP
        if payload_type is None:
            payloads = self._convert(fmt, payload, None if fresh else timestamp)
            fmt = self.format
            payload_type = sent.payload_types[fmt]
        elif payload:
            payloads = [payload]
        else:  # it was lost
            payloads = []
            sent.timestamp = (sent.timestamp + ticks_of(fmt, payload)) & 0xFFFFFFFF
        if not payloads:
            return
        if self.relayed_by is not None:
            self.relayed_by.add_up()
        marker = 0
        packetizer = self._packetizer
        if fresh:
            marker = 0x80
            sent.marker = False
            sent.timestamp += int((now - sent.last_write) * fmt.clock_rate)
            if packetizer is not None:
                packetizer.begin()
        sent.last_write = now
        swaps = fmt.encoding == "L16"
        for piece in payloads:
            payload = swap_bytes(piece) if swaps else piece
            if packetizer is None:
                self._send_audio(fmt, marker | payload_type, payload)
                marker = 0
                continue
            for packet in packetizer.cut(fmt, payload):
                self._send_audio(fmt, packetizer.marker | payload_type, packet)
                packetizer.marker = 0

    def _convert(self, fmt: Format, payload: bytes, timestamp: int | None) -> list[bytes]:
        """The packets in the format that is sent for one of another, which is logged if there is no way."""
        conversions = self._conversions
        conversion = conversions.get(fmt)
        if conversion is None:
            parameters = self.sent.parameters.get(self.format, "")
            conversion = conversions[fmt] = Conversion(fmt, self.format, parameters)
            if not conversion:
                self._context.log.warning(
                    "Nothing of what comes in %s is sent to %s, which is sent %s: %s.",
                    fmt.name, _written(self.remote), self.format.name, why_none(fmt, self.format),
                )  # fmt: skip
        return conversion.take(payload, timestamp)

    def _send_audio(self, fmt: Format, second: int, payload: bytes) -> None:
        step = ticks_of(fmt, payload)
        self.send_packet(second, self.sent.timestamp, payload)
        self.sent.timestamp = (self.sent.timestamp + step) & 0xFFFFFFFF

    def send_packet(self, second: int, timestamp: int, payload: bytes) -> None:
        """Send one packet with the next sequence number; ``second`` is marker and payload type.

        What is not sent, as on hold, has no number: the peer is to miss nothing.
        """
        sent = self.sent
        if sent.send is discard:
            return
        sent.sequence = sequence = (sent.sequence + 1) & 0xFFFF
        timestamp &= 0xFFFFFFFF
        try:
            sent.send(HEADER.pack(0x80, second, sequence, timestamp, sent.ssrc) + payload)
        except OSError:
            return
        if sent.debug:
            self.log_sent(second, sequence, timestamp, len(payload))
        sent.packets += 1
        sent.octets += len(payload)

    def log_sent(self, second: int, sequence: int, timestamp: int, size: int) -> None:
        """Log a packet that was sent (``rtp set debug``); ``size`` is that of its payload in octets."""
        self._context.log_packet("Sent", self.remote, second & 0x7F, sequence, timestamp, size)

    def tx_timestamp(self, now: float) -> int:
        """The RTP timestamp that stands for ``now``."""
        if self.relayed_by is not None:
            self.relayed_by.add_up()
        return (self.sent.timestamp + int((now - self._last_sent()) * self.format.clock_rate)) & 0xFFFFFFFF

    def _choose_send(self) -> None:
        if self.closed or self._hold or self._filter.target is None:
            self.sent.send = discard
        elif self._connected:
            self.sent.send = self._socket.send
        else:
            self.sent.send = self._send_unconnected
        if self.relayed_by is not None:
            self.relayed_by.leave()

    def _send_unconnected(self, data: memoryview | bytes) -> None:
        target = self._filter.target
        if target is not None:
            self._socket.sendto(data, target)

    def _last_sent(self) -> float:
        """When the packet that ``sent.timestamp`` belongs to was sent."""
        return self.sent.last_write

    def sender_changed(self) -> None:
        """A digit begins or ends to be sent, or silence instead of audio."""


def _written(address: Address | None) -> str:
    return "nowhere" if address is None else f"{address[0]}:{address[1]}"


def resume_each(streams: Iterable[object], since: float, skipped: float) -> None:
    """After a stall, have what was written to until then go on: what comes late is no pause of the speaker.

    Args:
        streams: any; those that send no packets are left alone.
        since: when all that were written to had been, in seconds of the loop's clock; others did pause.
        skipped: seconds of audio that were left out, and are so in the timestamps.
    """
    for stream in streams:
        if isinstance(stream, RtpTransmitter) and stream.sent.last_write >= since:
            sent = stream.sent
            sent.timestamp = (sent.timestamp + int(skipped * stream.format.clock_rate)) & 0xFFFFFFFF
            sent.last_write = stream._loop.time()


def write_each(streams: Sequence[_Writes | None], fmt: Format, payloads: Sequence[bytes]) -> None:
    """Write one frame to each of several streams, ``None`` being none: as ``write``, without a call for each.

    All payloads are as long, but for empty ones, which are not sent. What has to be looked at - a tap, a digit that is
    being sent, a talkspurt that begins - goes the usual way.
    """
    if not payloads:
        return
    pack, uneven = HEADER.pack, not fmt.frame_bytes or b"" in payloads
    size, step = len(payloads[0]), ticks_of(fmt, payloads[0])
    swapped = fmt.encoding == "L16"
    now = 0.0
    for stream, payload in zip(streams, payloads, strict=True):
        if stream is None or not payload:
            continue
        if swapped or not isinstance(stream, RtpTransmitter):
            stream.write(Frame(fmt, payload))
            continue
        if uneven:
            size, step = len(payload), ticks_of(fmt, payload)
        sent = stream.sent
        payload_type = sent.payload_types.get(fmt)
        now = now or stream._loop.time()
        if (
            payload_type is None or sent.marker or sent.debug or sent.send is discard or now - sent.last_write >= _GAP
            or stream.taps_out is not None or stream.relayed_by is not None or stream._packetizer is not None
            or (stream._sender is not None and stream._sender.busy)
        ):  # fmt: skip
            stream.write(Frame(fmt, payload))
            continue
        sent.sequence = sequence = (sent.sequence + 1) & 0xFFFF
        timestamp = sent.timestamp
        sent.timestamp = (timestamp + step) & 0xFFFFFFFF
        sent.last_write = now
        try:
            sent.send(pack(0x80, payload_type, sequence, timestamp, sent.ssrc) + payload)
        except OSError:
            continue
        sent.packets += 1
        sent.octets += size
