"""The way of a telephone-event through a relay (RFC 4733): chosen by its first packet and kept to its end.

A digit is told by many packets. Meanwhile a tap may come or go, or the parties be bridged otherwise, so that audio is
relayed no more, or only now. The digit's packets all go the same way nevertheless: the far end gets one digit, whole
and under one timestamp. Where the two are parted before the digit is over, the far end is told its end there and then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.media.dtmf import EVENT, at_clock_rate

if TYPE_CHECKING:
    from asterism.media.incoming import RtpIncoming
    from asterism.media.rtp import RtpSession

_END = 0x80
"""The bit of an event's second octet that says that it is over (RFC 4733 2.3.5)."""


class PassedEvent:
    """An event that a session receives, and the session that it is passed on to, if to any."""

    __slots__ = ("_began", "_ended", "_last", "_out", "target", "timestamp")

    def __init__(self, timestamp: int, target: RtpSession | None, out: int, now: float) -> None:
        """An event has begun.

        Args:
            timestamp: The timestamp that all its packets share.
            target: The session they are passed on to; ``None``: they are reported as a digit instead.
            out: Their timestamp at the target.
            now: When it began, by the loop's clock.
        """
        self.timestamp = timestamp
        self.target = target
        self._out = out & 0xFFFFFFFF
        self._began = now
        self._last = b""
        self._ended = target is None

    def pass_on(
        self, source: RtpIncoming, payload: bytes, rate: int, marker: int, sequence: int, now: float, late: bool
    ) -> None:
        """Send one of its packets, which came to ``source`` with a duration in units of ``rate``."""
        target = self.target
        event_type = None if target is None else target.event_type
        if target is None or event_type is None or target.closed:
            return
        if source.joined_to is not target:
            self.end()
            return
        payload = at_clock_rate(payload, rate, event_type[1])
        if len(payload) < EVENT.size:
            return
        self._last = payload
        self._ended = self._ended or bool(payload[1] & _END)
        relay = source.relay
        if relay is not None and relay.target is target:
            # What is written after it follows its end.
            passed = self._out + int((now - self._began) * target.format.clock_rate)
            relay.forward_event(
                marker | event_type[0], sequence, self.timestamp, self._out, passed & 0xFFFFFFFF, payload, now, late
            )
        else:
            target.send_packet(marker | event_type[0], self._out, payload)

    def end(self) -> None:
        """Tell the target that the event has ended, unless that was done: no further packets will come."""
        target = self.target
        if self._ended or target is None:
            return
        self._ended = True
        event_type = target.event_type
        if target.closed or event_type is None or not self._last:
            return
        event, flags, duration = EVENT.unpack_from(self._last)
        for _ in range(3):
            target.send_packet(event_type[0], self._out, EVENT.pack(event, flags | _END, duration))
        target.sender_changed()
