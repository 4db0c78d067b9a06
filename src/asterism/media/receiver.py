"""The receiving half of an RTP session: packets that are passed on at once, and the counts of RFC 3550 A.1 and A.8.

This is an object of its own, with nothing in it but what every packet needs: when a packet comes, after some hundred
others of other calls, each object that it touches has to be fetched from memory, and a large one more than once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.media.stream import FrameSink

if TYPE_CHECKING:
    from asterism.media.incoming import RtpIncoming
    from asterism.media.relay import QuickWay

_WORDS = struct.Struct("!HHII")
"""As ``HEADER``, with the first two octets as one number."""
_unpack = _WORDS.unpack_from
_pack_into = _WORDS.pack_into


Keeping = tuple[Callable[[bytearray], int], bytearray, int, int, float, bytearray, FrameSink]
"""As :data:`~asterism.media.relay.QuickWay`, for payloads that are kept until they are taken out, as a mix does at each
of its turns: what reads, its buffer; what the next packet begins with, its SSRC; the clock; where the payload goes, and
the sink that takes it from there."""

_LATE = 100
"""Maximum lateness, in packets, of a packet that was under way when its source began to send elsewhere, or that is of
the numbers before: audio that is later has begun to count anew (MAX_MISORDER of RFC 3550 A.1)."""
_LATE_AGAIN = 4096
"""The same of other media, which is sent again when it was lost."""


class RtpReceiver:
    """The receiving half of an :class:`~asterism.media.rtp.RtpSession`."""

    __slots__ = (
        "_cycles", "_first_sequence", "_session", "begun_anew", "clock", "highest", "interrupted", "jitter", "keeping",
        "last_rx", "last_timestamp", "lost", "octets", "quick", "ssrc",
    )  # fmt: skip

    def __init__(self, session: RtpIncoming) -> None:
        self._session = session
        self.quick: QuickWay | None = None
        """Precomputed handling of the source's next packet, if known."""
        self.keeping: Keeping | None = None
        """The same where its payload is kept."""
        self.clock = 8000.0
        self.ssrc = -1
        self.highest = self._first_sequence = self._cycles = 0
        self.begun_anew = -1
        """The number that follows the last packet that was too late to be under way: if that one comes, the source has
        begun to count anew. -1: there was none."""
        self.last_timestamp = 0
        self.last_rx = 0.0
        """When the last packet came, by the loop's clock."""
        self.jitter = 0.0
        """Interarrival jitter in timestamp units (RFC 3550 A.8)."""
        self.octets = 0
        """Octets of payload."""
        self.interrupted = False
        """Whether the source sends elsewhere, or did until now: what is missing before its next packet is not lost."""
        self.lost = 0
        """Number of expected packets that were lost; negative when some came twice."""

    def on_readable(self, now: float) -> None:
        """Take one datagram; the hot path."""
        quick = self.quick
        if quick is None:
            keeping = self.keeping
            if keeping is None:
                self._session.read()
                return
            recv_into, buffer, head, ssrc, clock, pending, sink = keeping
            try:
                size = recv_into(buffer)
            except OSError:
                return
            first, sequence, timestamp, source = _unpack(buffer)
            before = self.last_timestamp
            if (
                first != head or sequence != self.highest + 1 or source != ssrc or timestamp < before or size < 12
                or self._session.sink is not sink
            ):  # fmt: skip
                self.keeping = None
                self._session.receive(size)
                return
            self.highest = sequence
            change = (now - self.last_rx) * clock - timestamp + before
            self.last_rx = now
            self.last_timestamp = timestamp
            self.jitter += ((change if change >= 0.0 else -change) - self.jitter) * 0.0625
            self.octets += size - 12
            pending += buffer[12:size]
            return
        (
            recv_into, buffer, views, head, ssrc, clock, table, sequence_offset, timestamp_offset, new_head, new_ssrc,
            send, relay, keeps, fmt,
        ) = quick  # fmt: skip
        try:
            size = recv_into(buffer)
        except OSError:  # nothing there, or a peer that does not listen (ECONNREFUSED)
            return
        first, sequence, timestamp, source = _unpack(buffer)
        before = self.last_timestamp
        if first != head or sequence != self.highest + 1 or source != ssrc or timestamp < before or size < 12:
            self._session.receive(size)
            return
        # The next packet of the source, as the one before: new header, out it goes.
        self.highest = sequence
        change = (now - self.last_rx) * clock - timestamp + before
        self.last_rx = now
        self.last_timestamp = timestamp
        self.jitter += ((change if change >= 0.0 else -change) - self.jitter) * 0.0625
        self.octets += size - 12
        for keep in keeps:
            keep((now, fmt, timestamp, buffer[12:size]))
        if table is not None:
            buffer[12:size] = buffer[12:size].translate(table)
        sequence = (sequence + sequence_offset) & 0xFFFF
        _pack_into(buffer, 0, new_head, sequence, (timestamp + timestamp_offset) & 0xFFFFFFFF, new_ssrc)
        try:
            send(views[size])
        except OSError:
            relay.not_sent(size - 12)

    def count(self, sequence: int, timestamp: int, ssrc: int, size: int, now: float) -> bool:
        """Count a packet that did not go quickly; return whether it is a late one."""
        late = False
        if self.interrupted:
            self._resume(sequence, timestamp, ssrc, now)
        if ssrc != self.ssrc:
            # A source begins, and the counts go on.
            self._first_sequence = sequence - self.expected
            self.highest, self._cycles = sequence, 0
            self.ssrc, self.last_timestamp, self.jitter = ssrc, timestamp, 0.0
            self._session.source_begins(sequence, timestamp, now)
        else:
            step = sequence - self.highest & 0xFFFF
            if 0 < step < 0x8000:
                self._cycles += sequence < self.highest
                self.highest = sequence
                self.lost += step - 1
                # Timestamps are of 32 bits, and the difference may be negative.
                ticks = (timestamp - self.last_timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
                self.jitter += (abs((now - self.last_rx) * self.clock - ticks) - self.jitter) / 16
                self.last_timestamp = timestamp
            elif sequence == self.begun_anew:
                # Two in a row (RFC 3550 A.1).
                self._first_sequence = sequence - self.expected
                self.highest, self._cycles, self.begun_anew = sequence, 0, -1
                self.last_timestamp = timestamp
                self._session.source_begins(sequence, timestamp, now)
            else:
                late = True
                if 0x8000 <= step < 0x10000 - (_LATE if self._session.format.media == "audio" else _LATE_AGAIN):
                    self.begun_anew = sequence + 1 & 0xFFFF
                self.lost -= 1
                # The jitter of the next one is measured from the one before this.
                self.last_timestamp += int((now - self.last_rx) * self.clock)
        self.octets += size
        self.last_rx = now
        return late

    def _resume(self, sequence: int, timestamp: int, ssrc: int, now: float) -> None:
        """Have a packet follow the last one, whatever the source sent elsewhere in between."""
        self.interrupted = self._session.away
        step = sequence - self.highest & 0xFFFF
        if ssrc != self.ssrc or step == 1 or step > 0x10000 - _LATE:
            return
        self._first_sequence = sequence - self.expected
        self.highest, self._cycles = sequence - 1 & 0xFFFF, -(not sequence)
        self.last_timestamp, self.last_rx = timestamp, now
        self._session.source_begins(sequence, timestamp, now)

    @property
    def extended_highest(self) -> int:
        """The extended highest sequence number received."""
        return (self._cycles << 16 | self.highest) & 0xFFFFFFFF

    @property
    def expected(self) -> int:
        """Number of packets expected so far."""
        return (self._cycles << 16) + self.highest - self._first_sequence + 1 if self.ssrc >= 0 else 0

    @property
    def packets(self) -> int:
        """Number of packets received."""
        return self.expected - self.lost

    def close(self) -> None:
        """Drop the reference to the session, so that no cycle keeps both alive until garbage collection."""
        self.quick = self.keeping = None
        del self._session
