"""Taps that change how loud a leg is: silence, or a factor."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from asterism.media.decoding import Decoding
from asterism.media.formats import ALAW, LINEAR, ULAW, Format
from asterism.media.order import silent_frame
from asterism.media.resample import to_octets, to_samples
from asterism.media.stream import Frame
from asterism.media.taps import Tap
from asterism.media.translate import translator


def gain_of(volume: int) -> float:
    """The factor that a volume means: a positive one multiplies, a negative one divides, 0 leaves it."""
    if not volume:
        return 1.0
    return float(volume) if volume > 0 else -1 / volume


class Mute(Tap):
    """Passes silence."""

    changes: ClassVar[bool] = True

    def change(self, frame: Frame) -> Frame:
        """Give the silence of the frame's length."""
        return silent_frame(frame)


class Gain(Tap):
    """Makes what passes louder or softer by a factor, with what becomes too loud cut off.

    Audio of a format that cannot be decoded passes as it is.
    """

    changes: ClassVar[bool] = True

    def __init__(self, factor: float = 1.0) -> None:
        """Begin with ``factor``: 2.0 is 6 dB more, 0.0 is silence."""
        self.factor = factor
        self._decoding = Decoding()

    def change(self, frame: Frame) -> Frame:
        """Multiply a frame."""
        fmt, payload, _ = frame
        if self.factor == 1.0:
            return frame
        if fmt in (ULAW, ALAW):
            return Frame(fmt, payload.translate(_table(fmt, self.factor)))
        decoded = self._decoding.take(frame)
        if decoded is None:
            return frame
        return Frame(self._decoding.linear, to_octets(to_samples(decoded) * self.factor))


@lru_cache(maxsize=64)
def _table(fmt: Format, factor: float) -> bytes:
    """Table of each G.711 octet multiplied by ``factor``."""
    linear = LINEAR[8000]
    decode, encode = translator(fmt, linear), translator(linear, fmt)
    assert decode is not None
    assert encode is not None
    return encode(to_octets(to_samples(decode(bytes(range(256)))) * factor))
