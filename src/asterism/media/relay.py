"""Relayed packets: what one session receives goes out on another, with a new header.

Theory of operation. Nearly every packet of a call is the next one of its source, in the format of the one before it.
All that such a packet needs is known beforehand: it is the receiver's :data:`QuickWay`, which ``on_readable`` there
follows. What the other leg was sent is not counted packet by packet, but added up when it is asked for. A packet that
differs (a gap, a marker, a digit, another format) ends the quick way and is passed on by the slower one here, which
then looks whether the packets after it can go quickly. Whatever changes one of the legs just ends the quick way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from asterism.media import feedback, feedback_terms, text
from asterism.media.formats import Format
from asterism.media.packet import HEADER
from asterism.media.send_state import discard
from asterism.media.stream import Frame
from asterism.media.taps import Keep
from asterism.media.translate import byte_table, swap_bytes

if TYPE_CHECKING:
    from asterism.media.rtp import RtpSession

QuickWay = tuple[
    Callable[[bytearray], int], bytearray, "Views", int, int, float, bytes | None, int, int, int, int,
    Callable[[memoryview], object], "Relay", tuple[Keep, ...], Format,
]  # fmt: skip
"""The receiving socket's ``recv_into``, its buffer and the views of that; what the next packet begins with, and its
SSRC; the clock rate; the translation of the payload; the offsets of sequence number and timestamp; what the packet
sent begins with, and its SSRC; how it is sent, and the relay; the taps of both legs that keep what comes, and its
format. A tuple is one object in one place: reading it is the least work."""

_HEADS = tuple(0x8000 | number for number in range(128))
"""The first two octets of a plain packet, by payload type: the same objects for every session stay in the cache."""

_UNSET = 1 << 40
"""A timestamp offset that is not known before the next packet."""


class Views(dict[int, memoryview]):
    """The first so many octets of a buffer, by their number; each view is made once."""

    __slots__ = ("_whole",)

    def __init__(self, buffer: bytearray) -> None:
        super().__init__()
        self._whole = memoryview(buffer)

    def __missing__(self, size: int) -> memoryview:
        view = self[size] = self._whole[:size]
        return view


class Relay:
    """One direction of two legs that are joined."""

    __slots__ = (
        "_counted",
        "_counted_bytes",
        "_last_text",
        "_sequence_offset",
        "_timestamp_offset",
        "source",
        "target",
    )

    def __init__(self, source: RtpSession, target: RtpSession) -> None:
        self.source = source
        self.target = target
        self._sequence_offset = 0
        self._timestamp_offset = _UNSET
        self._counted = 0
        self._counted_bytes = 0
        self._last_text = -1

    def pass_on(
        self, fmt: Format, second: int, sequence: int, timestamp: int, payload: bytes, now: float, late: bool
    ) -> None:
        """Send a packet of audio that did not go quickly, unless digits are being sent or nothing translates it."""
        target = self.target
        if target.sending_digits:
            return
        fmt_sent = fmt
        if fmt.media == "text":
            self._pass_text(fmt, second, sequence, timestamp, payload, now, late)
            return
        payload_type = target.sent.payload_types.get(fmt)
        if payload_type is None:
            table = byte_table(fmt, target.format)
            if table is None:  # its stream is converted, and has other lengths and timestamps
                self.by_frames()
                target.write(Frame(fmt, swap_bytes(payload) if fmt.encoding == "L16" else payload, timestamp))
                return
            payload, payload_type = payload.translate(table), target.sent.payload_types[target.format]
            fmt_sent = target.format
        if target.taps_out is not None:
            stamp = timestamp if fmt_sent.clock_rate == fmt.clock_rate else None
            target.taps_out.hear(Frame(fmt_sent, swap_bytes(payload) if fmt_sent.encoding == "L16" else payload, stamp))
        self.forward(second & 0x80 | payload_type, sequence, timestamp, payload, now, late)
        self._enter(fmt, second & 0x7F)

    def _pass_text(
        self, fmt: Format, second: int, sequence: int, timestamp: int, payload: bytes, now: float, late: bool
    ) -> None:
        """Send a packet of text; where only the source repeats text (RFC 4103), what was lost is taken from that."""
        target = self.target
        last, self._last_text = self._last_text, sequence if not late or self._last_text < 0 else self._last_text
        if fmt is text.RED:
            lost = 0 if last < 0 else (sequence - last & 0xFFFF) - 1
            if late and text.RED not in target.sent.payload_types:
                return  # it went with the one after it
            found = text.passed_on(payload, self.source.formats_received, target.sent.payload_types, lost)
            if found is None:
                return
            fmt, payload = found
        payload_type = target.sent.payload_types.get(fmt)
        if payload_type is not None:
            self.forward(second & 0x80 | payload_type, sequence, timestamp, payload, now, late)

    def forward(
        self, second: int, sequence: int, timestamp: int, payload: bytes, now: float, late: bool = False
    ) -> None:
        """Send a packet as it is; ``second`` is marker and payload type as the target expects it.

        What a target on hold is not sent is not counted: the packets after it follow those before.
        """
        target = self.target
        sent = target.sent
        if sent.send is discard:
            self.realign()
            return
        if self._timestamp_offset == _UNSET:
            self.align(sequence, timestamp, now)
        if sent.marker:
            sent.marker = False
            if target.format.media == "audio":  # of video it ends a frame (RFC 3551 5.1)
                second |= 0x80
        out_sequence = (sequence + self._sequence_offset) & 0xFFFF
        out_timestamp = (timestamp + self._timestamp_offset) & 0xFFFFFFFF
        try:
            sent.send(HEADER.pack(0x80, second, out_sequence, out_timestamp, sent.ssrc) + payload)
        except OSError:
            return
        if sent.debug:
            target.log_sent(second, out_sequence, out_timestamp, len(payload))
        if not late:
            sent.sequence, sent.timestamp = out_sequence, out_timestamp
        sent.packets += 1
        sent.octets += len(payload)

    def forward_event(
        self, second: int, sequence: int, timestamp: int, out_timestamp: int, passed: int, payload: bytes, now: float,
        late: bool,
    ) -> None:  # fmt: skip
        """Send a packet of an event as ``out_timestamp``, which all packets of the event have.

        ``passed`` is the timestamp that stands for this moment.
        """
        sent = self.target.sent
        if sent.send is discard:
            self.realign()
            return
        if self._timestamp_offset == _UNSET:
            self.align(sequence, timestamp, now)
        sent.marker = False
        out_sequence = (sequence + self._sequence_offset) & 0xFFFF
        try:
            sent.send(HEADER.pack(0x80, second, out_sequence, out_timestamp, sent.ssrc) + payload)
        except OSError:
            return
        if sent.debug:
            self.target.log_sent(second, out_sequence, out_timestamp, len(payload))
        if not late:
            sent.sequence, sent.timestamp = out_sequence, passed
        sent.packets += 1
        sent.octets += len(payload)

    def timestamp_sent(self, sequence: int, timestamp: int, now: float) -> int:
        """The timestamp under which a packet that came with these numbers is sent."""
        if self._timestamp_offset == _UNSET:
            self.align(sequence, timestamp, now)
        return timestamp + self._timestamp_offset & 0xFFFFFFFF

    # -- sequence numbers and timestamps ------------------------------------------------------------------

    def align(self, sequence: int, timestamp: int, now: float) -> None:
        """Make the packet that came with these numbers follow what the target was sent before."""
        target = self.target
        self._timestamp_offset = target.tx_timestamp(now) + target.format.timestamp_step - timestamp
        self._sequence_offset = target.sent.sequence + 1 - sequence

    @property
    def aligned(self) -> bool:
        """Whether the target's last packet is one that was passed on here."""
        return self._timestamp_offset != _UNSET

    def source_sequence(self, sequence: int) -> int:
        """The number of the source's own packet that went out as ``sequence``."""
        return (sequence - self._sequence_offset) & 0xFFFF

    def pass_feedback(self, packets: Sequence[feedback.Feedback]) -> None:
        """Pass feedback of the target's peer about the packets that it gets on to their source, as that takes it."""
        source = self.source
        if source.remote_ssrc < 0:
            return
        passed: list[bytes] = []
        asks = otherwise = False
        for one in packets:
            if feedback_terms.takes(source.feedback, one.kind):
                passed.append(feedback.build(one, source.ssrc, source.remote_ssrc, self.source_sequence))
                otherwise = otherwise or one.kind in feedback.KEY_FRAMES
            elif one.kind in feedback.KEY_FRAMES:
                asks = True
        if passed:
            source.rtcp.send_feedback(b"".join(passed))
        if asks:
            source.rtcp.ask_key_frame()
        elif otherwise:
            source.rtcp.ask_otherwise()

    def ask_key_frame(self) -> None:
        """Ask the source for a whole picture."""
        self.source.rtcp.ask_key_frame()

    def realign(self) -> None:
        """Have the next packet aligned anew: the target is sending something else meanwhile."""
        self.leave()
        if self._timestamp_offset != _UNSET:
            self.target.sent.last_write = self.target.last_sent
        self._timestamp_offset = _UNSET

    # -- the quick way ------------------------------------------------------------------------------------

    def _enter(self, fmt: Format, received_type: int) -> None:
        """Have the packets that follow one of this kind go quickly, if they need nothing but a header."""
        source, target = self.source, self.target
        sent = target.sent
        if sent.debug:
            return
        keeps: tuple[Keep, ...] = ()
        for line in (source.taps_in, target.taps_out):
            if line is not None:
                if line.keeps is None or fmt.encoding == "L16":  # each packet is looked at
                    return
                keeps += line.keeps
        payload_type = sent.payload_types.get(fmt)
        table = None
        if payload_type is None:
            table = byte_table(fmt, target.format)
            if table is None:
                return
            payload_type = sent.payload_types[target.format]
        reading = source.quick_input()
        if reading is None:
            return
        recv_into, buffer, views = reading
        received = source.received
        self._counted, self._counted_bytes = received.expected, received.octets
        received.quick = (
            recv_into, buffer, views, _HEADS[received_type], received.ssrc, received.clock, table,
            self._sequence_offset, self._timestamp_offset, _HEADS[payload_type], sent.ssrc, sent.send, self, keeps, fmt,
        )  # fmt: skip

    def leave(self) -> None:
        """End the quick way: something has changed."""
        received = self.source.received
        if received.quick is not None:
            self.add_up()
            received.quick = None

    def add_up(self) -> None:
        """Add the packets relayed quickly since the last call to the target's counts."""
        received, sent = self.source.received, self.target.sent
        if received.quick is None:
            return
        packets = received.expected - self._counted
        if packets and received.quick[11] is not discard:
            sent.packets += packets
            sent.octets += received.octets - self._counted_bytes
            sent.sequence = (received.highest + self._sequence_offset) & 0xFFFF
            sent.timestamp = (received.last_timestamp + self._timestamp_offset) & 0xFFFFFFFF
            self._counted += packets
            self._counted_bytes = received.octets

    def not_sent(self, size: int) -> None:
        """A quickly relayed packet with ``size`` payload octets could not be sent: subtract it from the counts."""
        self.target.sent.packets -= 1
        self.target.sent.octets -= size

    def by_frames(self) -> None:
        """Stop relaying, and carry on frame by frame: a tap changes the audio on its way."""
        source, target = self.source, self.target
        self.end()
        source.sink = target.write

    def end(self) -> None:
        """Stop relaying: the next frame written to the target follows the last relayed packet."""
        self.leave()
        source, target = self.source, self.target
        source.relay = target.relayed_by = None
        sent, last = target.sent, source.received.last_rx
        if self._timestamp_offset != _UNSET and last > sent.last_write:
            sent.last_write = last
            sent.timestamp += target.format.timestamp_step
