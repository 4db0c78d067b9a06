"""Sample rates: every pair keeps a tone as it is, adds none, and knows no seams."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from asterism.media.formats import LINEAR
from asterism.media.resample import Resampler, resample, to_octets, to_samples

PAIRS = list(itertools.permutations(LINEAR, 2))


def sine(frequency: float, rate: int, at: np.ndarray | None = None) -> np.ndarray:
    at = np.arange(rate) if at is None else at
    return 8000 * np.sin(2 * np.pi * frequency * at / rate)


def ratio(expected: np.ndarray, found: np.ndarray) -> float:
    """Signal to noise in dB."""
    return float(10 * np.log10((expected**2).mean() / ((found - expected) ** 2).mean()))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_tone_in_pieces_is_the_same_tone_late_by_half_a_filter(source, target):
    run = Resampler(source, target)
    data = to_octets(sine(1000, source))
    sizes = itertools.cycle((source // 50 * 2, 2, 34, source // 100 * 2))
    pieces, start = [], 0
    while start < len(data):
        size = next(sizes)
        pieces.append(run(data[start : start + size]))
        start += size
    found = to_samples(b"".join(pieces))
    assert len(found) == target
    expected = sine(1000, target, np.arange(target) - run.delay * target / source)
    settled = target // 50
    assert ratio(expected[settled:], found[settled:]) > 60


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_whole_sound_stays_where_it_is(source, target):
    found = to_samples(resample(to_octets(sine(1000, source)), source, target))
    assert len(found) == target
    edge = target // 50
    assert ratio(sine(1000, target)[edge:-edge], found[edge:-edge]) > 60


@pytest.mark.parametrize(("source", "target"), [(16000, 8000), (48000, 8000), (44100, 16000), (192000, 48000)])
def test_what_the_lower_rate_cannot_carry_is_not_folded_into_it(source, target):
    found = to_samples(resample(to_octets(sine(target * 0.6, source)), source, target))
    edge = target // 50
    assert abs(found[edge:-edge]).max() < 8000 * 10 ** (-60 / 20)


def test_loud_and_odd_and_nothing():
    assert resample(b"", 8000, 16000) == b""
    assert Resampler(8000, 44100)(b"") == b""
    square = to_octets(np.where(np.arange(8000) // 8 % 2, 32767.0, -32768.0))
    assert abs(to_samples(resample(square + b"\0", 8000, 48000))).max() <= 32768
