"""Turning one format's payload into another's: the pairs that need no codec library."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType

from asterism.media import g711
from asterism.media.formats import ALAW, SLIN, SLIN16, ULAW, Format

Translator = Callable[[bytes], bytes]


def _samples(data: bytes) -> array[int]:
    samples = array("h", data[: len(data) & ~1])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _octets(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def halve_rate(data: bytes) -> bytes:
    """16 kHz linear to 8 kHz: a three-tap low pass (1, 2, 1), then every second sample."""
    samples = _samples(data)
    if len(samples) < 2:
        return b""
    even, odd = samples[0::2], samples[1::2]
    before = array("h", [even[0]])
    before.extend(odd[:-1])
    return _octets(array("h", [(b + 2 * e + o) >> 2 for b, e, o in zip(before, even, odd, strict=False)]))


def double_rate(data: bytes) -> bytes:
    """8 kHz linear to 16 kHz by linear interpolation."""
    samples = _samples(data)
    if not samples:
        return b""
    doubled = array("h", bytes(4 * len(samples)))
    doubled[0::2] = samples
    following = samples[1:]
    following.append(samples[-1])
    doubled[1::2] = array("h", [(a + b) >> 1 for a, b in zip(samples, following, strict=True)])
    return _octets(doubled)


def swap_bytes(data: bytes) -> bytes:
    """Little endian samples to the network order of L16 (RFC 3551 4.5.11), and back."""
    swapped = bytearray(data[: len(data) & ~1])
    swapped[0::2], swapped[1::2] = swapped[1::2], swapped[0::2]
    return bytes(swapped)


_TO_LINEAR = MappingProxyType({ULAW: g711.ulaw_to_linear, ALAW: g711.alaw_to_linear})
_FROM_LINEAR = MappingProxyType({ULAW: g711.linear_to_ulaw, ALAW: g711.linear_to_alaw})


@lru_cache(maxsize=256)
def translator(source: Format, target: Format) -> Translator | None:
    """What turns ``source`` payloads into ``target`` ones: a function, or ``None`` when there is no way.

    The same format gives the identity. Known: u-law, A-law and linear at 8 and 16 kHz.
    """
    if source is target:
        return bytes
    if source is ULAW and target is ALAW:
        return g711.ulaw_to_alaw
    if source is ALAW and target is ULAW:
        return g711.alaw_to_ulaw
    steps: list[Translator] = []
    if source in _TO_LINEAR:
        steps.append(_TO_LINEAR[source])
    elif source is not SLIN and source is not SLIN16:
        return None
    wide, wanted_wide = source is SLIN16, target is SLIN16
    if wide != wanted_wide:
        steps.append(halve_rate if wide else double_rate)
    if target in _FROM_LINEAR:
        steps.append(_FROM_LINEAR[target])
    elif target is not SLIN and target is not SLIN16:
        return None
    if len(steps) == 1:
        return steps[0]

    def run(data: bytes) -> bytes:
        for step in steps:
            data = step(data)
        return data

    return run


_SILENCE = MappingProxyType({ULAW: b"\xff", ALAW: b"\xd5", SLIN: b"\0", SLIN16: b"\0"})


def silence(fmt: Format, size: int) -> bytes:
    """``size`` octets of silence; none in a format that would need a codec library."""
    return _SILENCE.get(fmt, b"") * size


def byte_table(source: Format, target: Format) -> bytes | None:
    """The ``bytes.translate`` table from ``source`` to ``target``, where one byte becomes one byte."""
    if (source is ULAW and target is ALAW) or (source is ALAW and target is ULAW):
        return g711.cross_table(source.name)
    return None
