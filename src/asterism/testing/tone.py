"""Tones and sounds for tests: making them, and finding them in what was heard.

Sounds are 16-bit linear samples, 8 kHz, little endian.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from asterism.media.formats import SLIN
from asterism.media.g711 import linear_to_ulaw
from asterism.media.soundfiles import Sounds

RATE = 8000


def make_tone(*frequencies: float, seconds: float = 1.0, amplitude: float = 8000.0) -> bytes:
    """Linear samples of the sum of ``frequencies``."""
    steps = [2 * math.pi * one / RATE for one in frequencies]
    count = int(seconds * RATE)
    return array("h", [int(amplitude * sum(math.sin(step * n) for step in steps)) for n in range(count)]).tobytes()


def ulaw_tone(*frequencies: float) -> list[bytes]:
    """One second of a tone as fifty u-law packets; whole-number frequencies may be repeated without a click."""
    data = linear_to_ulaw(make_tone(*frequencies))
    return [data[start : start + 160] for start in range(0, len(data), 160)]


def level(samples: bytes, frequency: float) -> float:
    """How much of a sound's power is at ``frequency``, 0 to 1 (Goertzel's algorithm); 0 for silence.

    The band is about ``8000 / len`` Hz wide for ``len`` samples.
    """
    values = array("h", samples[: len(samples) & ~1])
    power = sum(value * value for value in values)
    if not power:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * frequency / RATE)
    before, last = 0.0, 0.0
    for value in values:
        before, last = last, value + turn * last - before
    found = last * last + before * before - turn * last * before
    return min(1.0, 2 * found / (power * len(values)))


def detect(samples: bytes, frequencies: Iterable[float], threshold: float = 0.3) -> list[float]:
    """Which of ``frequencies`` hold at least ``threshold`` of the sound's power, the strongest first."""
    levels = {one: level(samples, one) for one in frequencies}
    return sorted((one for one, value in levels.items() if value >= threshold), key=lambda one: -levels[one])


def prompt(name: str, language: str = "en", roots: Sequence[Path] = ()) -> bytes:
    """Linear samples of a sound that is installed, or in ``sounds`` of the first of ``roots``.

    Raises:
        SoundError: there is no such sound.
    """
    return b"".join(frame.payload for frame in Sounds(roots).load(name, language, SLIN).frames())


def likeness(heard: bytes, sound: bytes) -> float:
    """How much of ``sound`` is in ``heard``, wherever it begins: 0 to 1, whatever its level.

    1 is the sound itself; a codec or another rate on the way leaves it above 0.8; other speech stays below 0.3.
    """
    samples = np.frombuffer(heard[: len(heard) & ~1], "<i2").astype(np.float64)
    wanted = np.frombuffer(sound[: len(sound) & ~1], "<i2").astype(np.float64)
    strength = float(np.linalg.norm(wanted))
    if not strength or len(samples) < len(wanted):
        return 0.0
    size = 1 << (len(samples) + len(wanted)).bit_length()
    products = np.fft.irfft(np.fft.rfft(samples, size) * np.conj(np.fft.rfft(wanted, size)), size)
    energy = np.concatenate(([0.0], np.cumsum(samples * samples)))
    places = len(samples) - len(wanted) + 1
    power = energy[len(wanted) :] - energy[:places]
    loud = power > 1.0  # where the rest is the rounding of the sums
    return float(np.max(products[:places][loud] / np.sqrt(power[loud]), initial=0.0)) / strength
