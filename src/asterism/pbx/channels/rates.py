"""Linear audio of one sampling rate as that of another, for code that hears and speaks at a rate of its own."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from asterism.media.formats import FORMATS, Format

RATES = (8000, 12000, 16000, 24000, 32000, 44100, 48000, 96000, 192000)
"""Samples a second that code may ask for."""


class RateConverter:
    """Turns 16-bit mono samples of ``source`` Hz into such of ``target`` Hz, one piece after the other.

    It keeps what the filter needs between the pieces, so that no seam is heard. Not used where the rates are the same.
    """

    __slots__ = ("_filter", "source", "target")

    def __init__(self, source: int, target: int) -> None:
        self.source = source
        self.target = target
        self._filter: Any = None

    def convert(self, samples: bytes) -> bytes:
        """The next piece; what it gives may be some samples short, which come with the one after it."""
        if self.source == self.target or not samples:
            return samples
        import av  # heavy, and only other rates need it

        if self._filter is None:
            self._filter = av.AudioResampler(format="s16", layout="mono", rate=self.target)
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
        frame.sample_rate = self.source
        frame.planes[0].update(samples)
        return _octets(self._filter.resample(frame))

    def flush(self) -> bytes:
        """What the filter still holds; the next piece begins anew."""
        if self._filter is None:
            return b""
        found, self._filter = self._filter, None
        return _octets(found.resample(None))

    def restart(self) -> None:
        """Forget what the filter holds."""
        self._filter = None


def check_rate(rate: int) -> None:
    """Raise ``ValueError`` for a rate that is none of :data:`RATES`."""
    if rate not in RATES:
        raise ValueError(f"{rate} Hz is none of {', '.join(map(str, RATES))}")


@lru_cache(maxsize=len(RATES))
def linear(rate: int) -> Format:
    """The linear format of a rate: ``slin24`` for 24 kHz."""
    name = "slin" if rate == 8000 else f"slin{rate // 1000}"
    found = FORMATS.get(name)
    if found is not None:
        return found
    return Format(name, "L16", rate, rate, 118, frame_bytes=rate // 50 * 2, unit=1, description="Signed linear")


def _octets(frames: Any) -> bytes:
    return b"".join(bytes(frame.planes[0])[: frame.samples * 2] for frame in frames)
