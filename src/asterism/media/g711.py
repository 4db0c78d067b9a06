"""G.711: u-law, A-law and 16-bit linear, one into the other, with byte tables.

Linear samples are 16-bit little endian. Turning one law into the other is one ``bytes.translate``
(0.14 µs a frame), decoding two; encoding linear samples looks each one up in a 64 KB table made on first use.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np


def ulaw_value(code: int) -> int:
    """The linear value of one u-law code (G.711 table 2, scaled to 16 bits)."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    return 0x84 - magnitude if code & 0x80 else magnitude - 0x84


def alaw_value(code: int) -> int:
    """The linear value of one A-law code (G.711 table 1, scaled to 16 bits)."""
    code ^= 0x55
    segment = (code & 0x70) >> 4
    magnitude = ((code & 0x0F) << 4) + 8
    if segment:
        magnitude = (magnitude + 0x100) << (segment - 1)
    return magnitude if code & 0x80 else -magnitude


ULAW_SILENCE = 0xFF
ALAW_SILENCE = 0xD5

_ULAW = tuple(ulaw_value(code) for code in range(256))
_ALAW = tuple(alaw_value(code) for code in range(256))
_ULAW_LOW = bytes(value & 0xFF for value in _ULAW)
_ULAW_HIGH = bytes(value >> 8 & 0xFF for value in _ULAW)
_ALAW_LOW = bytes(value & 0xFF for value in _ALAW)
_ALAW_HIGH = bytes(value >> 8 & 0xFF for value in _ALAW)


def _encoding_table(values: tuple[int, ...]) -> bytes:
    """The code nearest to each 16-bit value, indexed by the value taken as unsigned."""
    ordered = sorted(set(values))
    code_of = {value: code for code, value in enumerate(values)}  # of two zeros the positive one
    signed = bytearray(65536)
    low = -32768
    for index, value in enumerate(ordered):
        high = (value + ordered[index + 1]) // 2 if index + 1 < len(ordered) else 32767
        signed[low + 32768 : high + 32769] = bytes((code_of[value],)) * (high - low + 1)
        low = high + 1
    return bytes(signed[32768:] + signed[:32768])


@lru_cache(maxsize=2)
def _encoder(law: str) -> bytes:
    return _encoding_table(_ULAW if law == "ulaw" else _ALAW)


def _cross_table(source: tuple[int, ...], target: bytes) -> bytes:
    return bytes(target[value & 0xFFFF] for value in source)


@lru_cache(maxsize=2)
def cross_table(source: str) -> bytes:
    """The ``bytes.translate`` table from ``source`` ("ulaw" or "alaw") to the other law."""
    return _cross_table(_ULAW, _encoder("alaw")) if source == "ulaw" else _cross_table(_ALAW, _encoder("ulaw"))


def ulaw_to_alaw(data: bytes) -> bytes:
    """Turn u-law into A-law."""
    return data.translate(cross_table("ulaw"))


def alaw_to_ulaw(data: bytes) -> bytes:
    """Turn A-law into u-law."""
    return data.translate(cross_table("alaw"))


def _decode(data: bytes, low: bytes, high: bytes) -> bytes:
    linear = bytearray(2 * len(data))
    linear[0::2] = data.translate(low)
    linear[1::2] = data.translate(high)
    return bytes(linear)


def ulaw_to_linear(data: bytes) -> bytes:
    """Decode u-law to 16-bit linear samples."""
    return _decode(data, _ULAW_LOW, _ULAW_HIGH)


def alaw_to_linear(data: bytes) -> bytes:
    """Decode A-law to 16-bit linear samples."""
    return _decode(data, _ALAW_LOW, _ALAW_HIGH)


def _encode(data: bytes, table: bytes) -> bytes:
    samples = np.frombuffer(data, "<u2", len(data) // 2)
    return np.frombuffer(table, np.uint8).take(samples).tobytes()


def linear_to_ulaw(data: bytes) -> bytes:
    """Encode 16-bit linear samples as u-law; an odd last byte is ignored."""
    return _encode(data, _encoder("ulaw"))


def linear_to_alaw(data: bytes) -> bytes:
    """Encode 16-bit linear samples as A-law; an odd last byte is ignored."""
    return _encode(data, _encoder("alaw"))
