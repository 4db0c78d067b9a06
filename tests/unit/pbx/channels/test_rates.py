"""Audio of one sampling rate as that of another."""

from __future__ import annotations

import math
from array import array

import pytest

from asterism.media.formats import SLIN, SLIN16
from asterism.pbx.channels.rates import RATES, RateConverter, linear


def tone(rate: int, seconds: float = 1.0) -> bytes:
    return array(
        "h", [int(8000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(int(rate * seconds))]
    ).tobytes()


@pytest.mark.parametrize("source", RATES)
@pytest.mark.parametrize("target", [8000, 16000, 24000, 44100])
def test_a_tone_stays_what_it_is_without_seams(source: int, target: int) -> None:
    converter = RateConverter(source, target)
    data, piece = tone(source), source // 50 * 2
    parts = [converter.convert(data[start : start + piece]) for start in range(0, len(data), piece)]
    samples = array("h", b"".join([*parts, converter.flush()]))
    assert abs(len(samples) - target) <= 2
    expected = array("h", tone(target))
    best = min(
        max(abs(a - b) for a, b in zip(samples[1000:5000], expected[1000 + shift : 5000 + shift], strict=True))
        for shift in range(-2, 3)
    )
    assert best < 400


def test_nothing_is_nothing_and_the_same_rate_is_the_same() -> None:
    assert RateConverter(8000, 16000).convert(b"") == b""
    assert RateConverter(8000, 16000).flush() == b""
    assert RateConverter(8000, 8000).convert(b"ab") == b"ab"


def test_linear_formats_are_single_objects() -> None:
    assert linear(8000) is SLIN
    assert linear(16000) is SLIN16
    assert linear(24000) is linear(24000)
    assert linear(24000).name == "slin24"
    assert linear(44100).frame_bytes == 1764
