"""Automatic gain, heard by its level."""

from __future__ import annotations

import numpy as np
import pytest

from asterism.media.agc import MAX_GAIN, AutomaticGain
from asterism.media.formats import LINEAR, ULAW, Format
from asterism.media.resample import to_octets, to_samples
from asterism.media.stream import Frame
from asterism.media.translate import translator


def tone(amplitude: float, seconds: float, fmt: Format = ULAW) -> list[Frame]:
    """Frames of 20 ms of 400 Hz."""
    linear = LINEAR[fmt.sample_rate]
    encode = translator(linear, fmt)
    assert encode is not None
    count = fmt.sample_rate // 50
    moments = np.arange(int(seconds * 50) * count) / fmt.sample_rate
    samples = (amplitude * np.sin(2 * np.pi * 400 * moments)).astype(np.float32)
    return [Frame(fmt, encode(to_octets(samples[at : at + count]))) for at in range(0, len(samples), count)]


def level(frame: Frame) -> float:
    """The root mean square of a frame of linear audio."""
    assert frame.format is LINEAR[frame.format.sample_rate]
    samples = to_samples(frame.payload)
    return float(np.sqrt(np.mean(samples * samples)))


@pytest.mark.parametrize("amplitude", [700, 2000, 12000, 30000])
def test_speech_of_any_loudness_comes_to_the_level(amplitude: float) -> None:
    tap = AutomaticGain(6000)
    found = [level(tap.change(frame)) for frame in tone(amplitude, 3)]
    assert found[-1] == pytest.approx(6000, rel=0.1)
    assert found[0] == pytest.approx(amplitude / 2**0.5, rel=0.15), "it begins as it was"


def test_silence_is_not_made_loud() -> None:
    tap = AutomaticGain(8000)
    found = [level(tap.change(frame)) for frame in tone(40, 2)]
    assert max(found) < 60
    assert tap.gain == 1.0


def test_the_gain_is_bounded_and_nothing_overflows() -> None:
    tap = AutomaticGain(32000)
    found = [tap.change(frame) for frame in tone(300, 6)]
    assert tap.gain == pytest.approx(MAX_GAIN)
    assert level(found[-1]) == pytest.approx(300 / 2**0.5 * MAX_GAIN, rel=0.15)
    loud = [tap.change(frame) for frame in tone(32000, 0.1)]
    assert max(abs(to_samples(frame.payload)).max() for frame in loud) <= 32767
    assert level(loud[0]) > 10000


def test_other_rates_and_what_cannot_be_decoded() -> None:
    wide = LINEAR[16000]
    tap = AutomaticGain(6000)
    found = [tap.change(frame) for frame in tone(1000, 3, wide)]
    assert level(found[-1]) == pytest.approx(6000, rel=0.1)
    strange = Frame(Format("strange", "STRANGE", 8000, 8000, 99), b"abc")
    assert tap.change(strange) is strange
    empty = Frame(ULAW, b"")
    assert tap.change(empty) is empty
