"""Taps that change how loud a leg is: silence, or a factor."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from asterism.media.formats import ALAW, LINEAR, ULAW, Format
from asterism.media.resample import to_octets, to_samples
from asterism.media.stream import Frame
from asterism.media.taps import Tap
from asterism.media.translate import silence, translator


class Mute(Tap):
    """Passes silence, or nothing in a format whose silence is not known."""

    changes: ClassVar[bool] = True

    def change(self, frame: Frame) -> Frame | None:
        """Give the silence of the frame's length."""
        payload = silence(frame.format, len(frame.payload))
        return Frame(frame.format, payload) if payload else None


class Gain(Tap):
    """Makes what passes louder or softer by a factor, with what becomes too loud cut off.

    Audio of a format that cannot be decoded passes as it is.
    """

    changes: ClassVar[bool] = True

    def __init__(self, factor: float = 1.0) -> None:
        """Begin with ``factor``: 2.0 is 6 dB more, 0.0 is silence."""
        self.factor = factor

    def change(self, frame: Frame) -> Frame:
        """Multiply a frame."""
        fmt, payload, _ = frame
        if self.factor == 1.0:
            return frame
        if fmt in (ULAW, ALAW):
            return Frame(fmt, payload.translate(_table(fmt, self.factor)))
        linear = LINEAR.get(fmt.sample_rate)
        decode = None if linear is None else translator(fmt, linear)
        if linear is None or decode is None:
            return frame
        return Frame(linear, to_octets(to_samples(decode(payload)) * self.factor))


@lru_cache(maxsize=64)
def _table(fmt: Format, factor: float) -> bytes:
    """Table of each G.711 octet multiplied by ``factor``."""
    linear = LINEAR[8000]
    decode, encode = translator(fmt, linear), translator(linear, fmt)
    assert decode is not None
    assert encode is not None
    return encode(to_octets(to_samples(decode(bytes(range(256)))) * factor))
