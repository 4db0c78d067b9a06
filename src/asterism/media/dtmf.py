"""Digits in RTP: telephone-event payloads (RFC 4733), received and sent."""

from __future__ import annotations

import struct
from collections.abc import Iterator

DIGITS = "0123456789*#ABCD!"
"""Digits by their event code; ``!`` is flash."""
KEYS = DIGITS[:16]
"""Those that a caller presses."""

EVENT = struct.Struct("!BBH")
_VOLUME = 10
_MAX_DURATION = 0xFFFF


class DigitReceiver:
    """Turns event packets into one begin and one end per digit, despite repeated and lost packets.

    Packets of one event share their timestamp (RFC 4733 2.5.1.3). ``update`` and ``expire`` return what
    happened as ``(digit, duration in milliseconds or -1)``: -1 is a begin, else an end.
    """

    __slots__ = ("_digit", "_duration", "_ended", "_rate", "_timestamp", "updated")

    def __init__(self) -> None:
        self._digit = ""
        self._timestamp: int | None = None
        self._duration = 0
        self._rate = 8000
        self._ended = True
        self.updated = 0.0
        """When the last packet of the current event came, on the caller's clock."""

    @property
    def active(self) -> bool:
        """Whether a digit has begun and not ended."""
        return not self._ended

    def update(self, payload: bytes, timestamp: int, now: float, clock_rate: int = 8000) -> list[tuple[str, int]]:
        """Take one event packet in, whose durations count in units of ``clock_rate``."""
        if len(payload) < 4:
            return []
        event, flags, duration = EVENT.unpack_from(payload)
        if event >= len(DIGITS):
            return []
        happened: list[tuple[str, int]] = []
        if timestamp != self._timestamp:
            if self._timestamp is not None and (self._timestamp - timestamp) & 0xFFFFFFFF < 0x80000000:
                return []  # a late packet of an event that is over
            happened += self.expire()
            self._digit, self._timestamp, self._duration, self._ended = DIGITS[event], timestamp, 0, False
            self._rate = clock_rate
            happened.append((self._digit, -1))
        if self._ended:
            return happened
        self.updated = now
        self._duration = max(self._duration, duration)
        if flags & 0x80:
            happened += self.expire()
        return happened

    def expire(self) -> list[tuple[str, int]]:
        """End the current digit, if any: its last packet came, or nothing more comes."""
        if self._ended:
            return []
        self._ended = True
        return [(self._digit, self._duration * 1000 // self._rate)]

    def restart(self) -> None:
        """Forget the timestamps: a new source begins."""
        self._timestamp = None


def event_payloads(digit: str, duration_ms: int, clock_rate: int = 8000) -> Iterator[bytes]:
    """The payloads of one digit, one to be sent every 20 ms, the last three being the end.

    Raises:
        ValueError: ``digit`` is not one.
    """
    code = DIGITS.find(digit.upper())
    if code < 0 or len(digit) != 1:
        raise ValueError(f"not a digit: {digit!r}")
    step = clock_rate // 50
    total = min(max(duration_ms * clock_rate // 1000, step), _MAX_DURATION)
    for duration in range(step, total, step):
        yield EVENT.pack(code, _VOLUME, duration)
    for _ in range(3):
        yield EVENT.pack(code, 0x80 | _VOLUME, total)


def at_clock_rate(payload: bytes, rate: int, wanted: int) -> bytes:
    """An event's payload with its duration in units of another clock rate; as it is when it is no event."""
    if rate == wanted or len(payload) < 4:
        return payload
    event, flags, duration = EVENT.unpack_from(payload)
    return EVENT.pack(event, flags, min(duration * wanted // rate, _MAX_DURATION))
