"""How long the audio of a payload is, which its size alone does not tell of every codec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from asterism.media.formats import G723, G729, ILBC, OPUS, SPEEX, SPEEX16, Format

_OPUS_FRAME = (480, 960, 1920, 2880)
"""Ticks of a SILK frame by the configuration's last two bits (RFC 6716 3.1)."""
_SPEEX_NARROW = (5, 43, 119, 160, 220, 300, 364, 492, 79)
"""Bits of a narrowband frame by its mode."""
_SPEEX_MOST = 10
"""Frames of a payload that are looked at."""
_SPEEX_WIDE = (4, 36, 112, 192, 352)
"""Bits of the wideband part of a frame by its mode."""
_G723_FRAME = (24, 20, 4)
"""Octets of a frame by its first two bits (RFC 3551 4.5.3)."""


def opus_ticks(payload: bytes | bytearray | memoryview) -> int:
    """Ticks of 48 kHz in a packet of Opus (RFC 6716 3.1, 3.2); 0 where it makes no sense."""
    if not payload:
        return 0
    toc = payload[0]
    config, code = toc >> 3, toc & 3
    if config < 12:
        frame = _OPUS_FRAME[config & 3]
    elif config < 16:
        frame = 960 if config & 1 else 480
    else:
        frame = 120 << (config & 3)
    count = (1, 2, 2)[code] if code < 3 else payload[1] & 0x3F if len(payload) > 1 else 0
    ticks = frame * count
    return ticks if ticks <= 5760 else 0


def _opus(payload: bytes | bytearray | memoryview) -> int:
    return opus_ticks(payload) or 960


def _g729(payload: bytes | bytearray | memoryview) -> int:
    """Frames of 10 octets, and one of 2 of comfort noise at the end (RFC 3551 4.5.6): 10 ms each."""
    whole, rest = divmod(len(payload), 10)
    return 80 * max(1, whole + (rest > 0))


def _g723(payload: bytes | bytearray | memoryview) -> int:
    at = count = 0
    while at < len(payload):
        kind = payload[at] & 3
        at += _G723_FRAME[kind] if kind < 3 else len(payload)
        count += 1
    return 240 * max(1, count)


def _ilbc(payload: bytes | bytearray | memoryview) -> int:
    """Frames of 38 octets have 20 ms, of 50 octets 30 ms (RFC 3952 3); either may come several at a time."""
    size = len(payload)
    if size and not size % 50:
        return 240 * (size // 50)
    if size and not size % 38:
        return 160 * (size // 38)
    return 240


def _speex(payload: bytes | bytearray | memoryview) -> int:
    return 160 * max(1, speex_frames(payload))


def _speex16(payload: bytes | bytearray | memoryview) -> int:
    return 320 * max(1, speex_frames(payload, wide=True))


def speex_frames(payload: bytes | bytearray | memoryview, wide: bool = False) -> int:
    """Number of whole frames of Speex (RFC 5574 3.3) at the beginning of a payload; 0 where it makes no sense.

    A frame is a narrowband part, then none or one for wideband; each begins with its mode, which tells its length.

    Args:
        payload: The payload.
        wide: Whether the wideband parts are decoded; an empty one ends what a narrowband decoder understands.
    """
    value, left = int.from_bytes(payload, "big"), 8 * len(payload)
    count = 0
    while left >= 5 and count < _SPEEX_MOST:
        mode = value >> (left - 5) & 0x1F
        if mode >= len(_SPEEX_NARROW) or _SPEEX_NARROW[mode] > left:
            break  # the end, a signal within the band, or nonsense
        left -= _SPEEX_NARROW[mode]
        if left >= 4 and value >> (left - 1) & 1:
            mode = value >> (left - 4) & 7
            if mode >= len(_SPEEX_WIDE) or _SPEEX_WIDE[mode] > left:
                break
            left -= _SPEEX_WIDE[mode]
            if not mode and not wide:
                return count + 1
        count += 1
    return count


_TICKS: Mapping[Format, Callable[[bytes | bytearray | memoryview], int]] = MappingProxyType(
    {OPUS: _opus, G729: _g729, G723: _g723, ILBC: _ilbc, SPEEX: _speex, SPEEX16: _speex16}
)


def ticks_of(fmt: Format, payload: bytes | bytearray | memoryview) -> int:
    """Duration of a payload in units of its format's clock.

    That of a packet of the usual length where the payload is empty or does not tell.
    """
    told = _TICKS.get(fmt)
    if told is not None:
        return told(payload)
    step, size = fmt.clock_rate * fmt.ptime // 1000, len(payload)
    return size * step // fmt.frame_bytes if fmt.frame_bytes and size else step
