"""The tone of a fax machine that calls: 1100 Hz, half a second on and three seconds off (ITU-T T.30, CNG)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from asterism.media.codecs.codec import Translator
from asterism.media.formats import SLIN, Format
from asterism.media.resample import Samples, to_samples
from asterism.media.stream import Frame
from asterism.media.translate import stream_translator

_RATE, _WINDOW = 8000, 160
_FREQUENCIES = (1070, 1100, 1130)
"""The tone may be 38 Hz off; each of these finds what is near it."""
_LEAST_POWER = 4000.0
"""Minimum mean square: 50 dB below the loudest signal."""
_SHARE = 0.65
"""Minimum share of the power that is in the tone."""
LASTS = 20
"""Pieces of 20 ms in a row that make it the tone: T.30 lets it be as short as 425 ms."""
_GAPS = 1
"""Pieces within it that may be something else: a lost packet."""


@lru_cache(maxsize=1)
def _waves() -> Samples:
    at = np.arange(_WINDOW) / _RATE
    waves = np.exp(2j * np.pi * np.outer(at, np.array(_FREQUENCIES)))
    return np.asarray(np.concatenate((waves.real, waves.imag), axis=1), np.float32)


def is_tone(piece: Samples) -> bool:
    """Whether a piece of 160 samples at 8 kHz is the tone."""
    power = float(piece @ piece) / _WINDOW
    if power < _LEAST_POWER:
        return False
    found = piece @ _waves()
    count = len(_FREQUENCIES)
    tones = (found[:count] ** 2 + found[count:] ** 2) * (2 / _WINDOW**2)
    return float(tones.max()) >= _SHARE * power


class CallingTone:
    """Finds the tone in one stream, whatever its frames are like."""

    __slots__ = ("_convert", "_count", "_format", "_gaps", "_rest")

    def __init__(self) -> None:
        self._format: Format | None = None
        self._convert: Translator | None = None
        self._rest = np.zeros(0, np.float32)
        self._count = self._gaps = 0

    def take(self, frame: Frame) -> bool:
        """Take in a frame; whether the tone has lasted long enough by now."""
        if frame.format is not self._format:
            self._format, self._convert = frame.format, stream_translator(frame.format, SLIN)
        if self._convert is None:
            return False
        samples = np.concatenate((self._rest, to_samples(self._convert(frame.payload))))
        at = 0
        while at + _WINDOW <= len(samples):
            if is_tone(samples[at : at + _WINDOW]):
                self._count, self._gaps = self._count + 1 + self._gaps, 0
            elif self._count and self._gaps < _GAPS:
                self._gaps += 1
            else:
                self._count = self._gaps = 0
            at += _WINDOW
        self._rest = samples[at:]
        return self._count >= LASTS
