"""Digits in audio: every one, at the limits of Q.24, and none in speech-like sound."""

from __future__ import annotations

import numpy as np
import pytest

from asterism.media.formats import LINEAR, SLIN, ULAW
from asterism.media.inband import InbandDigits
from asterism.media.resample import to_octets
from asterism.media.stream import Frame
from asterism.media.tones import dtmf_frequencies
from asterism.media.translate import stream_translator

ALL = "123A456B789C*0#D"


def tones(digit, ms, *, off=1.0, twist_db=0.0, level=3000.0):
    low, high = dtmf_frequencies(digit)
    at = np.arange(8 * ms) / 8000
    more = 10 ** (twist_db / 20)
    return level * np.sin(2 * np.pi * low * off * at) + level * more * np.sin(2 * np.pi * high * off * at)


def heard(samples, fmt=ULAW, detector=None):
    detector = detector or InbandDigits()
    convert, found = stream_translator(SLIN, fmt), []
    for start in range(0, len(samples) - 159, 160):
        found += detector.take(Frame(fmt, convert(to_octets(samples[start : start + 160]))))
    return found


def quiet(ms):
    return np.zeros(8 * ms)


@pytest.mark.parametrize("fmt", [ULAW, *LINEAR.values()])
def test_every_digit_once_with_its_length(fmt):
    sound = np.concatenate([part for digit in ALL for part in (tones(digit, 100), quiet(60))])
    found = heard(np.concatenate((quiet(45), sound, quiet(100))), fmt)
    assert [digit for digit, ms in found if ms < 0] == list(ALL)
    lengths = [ms for _, ms in found if ms >= 0]
    assert len(lengths) == 16
    assert all(90 <= ms <= 120 for ms in lengths), lengths


@pytest.mark.parametrize(
    "options", [{"off": 1.015}, {"off": 0.985}, {"twist_db": 6}, {"twist_db": -6}, {"level": 400.0}]
)
@pytest.mark.parametrize("shift", [0, 7, 13])
def test_short_digits_at_the_limits(options, shift):
    sound = np.concatenate([part for digit in ALL for part in (tones(digit, 45, **options), quiet(45))])
    found = heard(np.concatenate((quiet(20 + shift), sound, quiet(100))))
    assert "".join(digit for digit, ms in found if ms < 0) == ALL


def test_nothing_in_other_sounds():
    random = np.random.default_rng(7)
    at = np.arange(8000 * 20) / 8000
    pitch = 110 + 40 * np.sin(2 * np.pi * 0.7 * at)
    phase = 2 * np.pi * np.cumsum(pitch) / 8000
    voice = sum(np.sin(number * phase) / number for number in range(1, 25)) * 4000
    for sound in (voice, random.normal(0, 4000, len(at)), 8000 * np.sin(2 * np.pi * 697 * at),
                  4000 * (np.sin(2 * np.pi * 440 * at) + np.sin(2 * np.pi * 480 * at)), quiet(1000)):  # fmt: skip
        assert heard(sound) == []
    assert heard(np.concatenate((quiet(100), tones("5", 15), quiet(100)))) == []
