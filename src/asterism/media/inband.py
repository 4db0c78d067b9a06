"""Digits in audio: the tones of ITU-T Q.23, found in pieces of 20 ms, every 10 ms."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from asterism.media.codecs.codec import Translator
from asterism.media.formats import SLIN, Format
from asterism.media.resample import Samples, to_samples
from asterism.media.stream import Frame
from asterism.media.translate import stream_translator

_RATE, _HOP, _WINDOW = 8000, 80, 160
_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_KEYPAD = "123A456B789C*0#D"
_LEAST_POWER = 40000.0
"""Minimum mean square of a digit: 40 dB below the loudest signal."""
_SHARE = 0.55
"""Minimum share of the power in the two tones together."""
_LEAD = 4.0
"""Minimum ratio of each tone to the others of its group: 6 dB."""
_TWIST = 10.0
"""Maximum ratio of the two tones: 10 dB."""
_CONFIRMED, _OVER = 2, 2
"""Pieces in a row that make a digit begin, and end."""


@lru_cache(maxsize=1)
def _waves() -> Samples:
    at = np.arange(_WINDOW) / _RATE
    phases = 2j * np.pi * np.outer(at, np.array(_ROWS + _COLUMNS))
    waves = np.exp(phases)
    return np.asarray(np.concatenate((waves.real, waves.imag), axis=1), np.float32)


def digit_in(piece: Samples) -> str:
    """The digit whose tones a piece of 160 samples at 8 kHz is made of; empty where it is none."""
    power = float(piece @ piece) / _WINDOW
    if power < _LEAST_POWER:
        return ""
    found = piece @ _waves()
    tones = (found[:8] ** 2 + found[8:] ** 2) * (2 / _WINDOW**2)
    rows, columns = tones[:4], tones[4:]
    row, column = int(rows.argmax()), int(columns.argmax())
    low, high = float(rows[row]), float(columns[column])
    if low + high < _SHARE * power or low > _TWIST * high or high > _TWIST * low:
        return ""
    if np.partition(rows, 2)[2] * _LEAD > low or np.partition(columns, 2)[2] * _LEAD > high:
        return ""
    return _KEYPAD[4 * row + column]


class InbandDigits:
    """Finds the digits of one stream, whatever its frames are like."""

    __slots__ = ("_candidate", "_convert", "_count", "_digit", "_format", "_missing", "_rest", "heard")

    def __init__(self) -> None:
        self._format: Format | None = None
        self._convert: Translator | None = None
        self._rest = np.zeros(0, np.float32)
        self._candidate = ""
        self._count = 0
        self._digit = ""
        self._missing = 0
        self.heard = False
        """Whether the last frame had the tones of a digit, be it one already or not yet."""

    def take(self, frame: Frame) -> list[tuple[str, int]]:
        """Take in a frame; returns events: a digit and -1 where it begins, its length in milliseconds where it ends."""
        if frame.format is not self._format:
            self._format, self._convert = frame.format, stream_translator(frame.format, SLIN)
        self.heard = False
        if self._convert is None:
            return []
        samples = np.concatenate((self._rest, to_samples(self._convert(frame.payload))))
        happened: list[tuple[str, int]] = []
        at = 0
        while at + _WINDOW <= len(samples):
            self._step(digit_in(samples[at : at + _WINDOW]), happened)
            at += _HOP
        self._rest = samples[at:]
        return happened

    def end(self) -> list[tuple[str, int]]:
        """End of the audio: a digit that has begun ends; returned as by :meth:`take`."""
        digit, self._digit, self._candidate = self._digit, "", ""
        return [(digit, 10 * (self._count + 1))] if digit else []

    def _step(self, found: str, happened: list[tuple[str, int]]) -> None:
        self.heard = self.heard or bool(found)
        if self._digit:
            if found == self._digit:
                self._count += 1 + self._missing
                self._missing = 0
                return
            self._missing += 1
            if self._missing >= _OVER or found:
                happened.append((self._digit, 10 * (self._count + 1)))
                self._digit, self._candidate, self._count = "", found, int(bool(found))
            return
        self._count = self._count + 1 if found and found == self._candidate else int(bool(found))
        self._candidate = found
        if self._count >= _CONFIRMED:
            self._digit, self._missing = found, 0
            happened.append((found, -1))
