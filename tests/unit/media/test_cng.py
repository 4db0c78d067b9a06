"""The tone of a calling fax machine, found in whatever it comes in."""

from __future__ import annotations

import numpy as np
import pytest

from asterism.media.cng import CallingTone
from asterism.media.formats import ALAW, SLIN16, ULAW, Format
from asterism.media.g711 import linear_to_alaw, linear_to_ulaw
from asterism.media.stream import Frame


def frames(data: bytes, size: int = 320, fmt: Format = ULAW) -> list[Frame]:
    encode = {ULAW: linear_to_ulaw, ALAW: linear_to_alaw}[fmt]
    return [Frame(fmt, encode(data[at : at + size])) for at in range(0, len(data), size)]


def heard(data: bytes, size: int = 320, fmt: Format = ULAW) -> float | None:
    """Seconds after which the tone is found."""
    tone, passed = CallingTone(), 0
    for frame in frames(data, size, fmt):
        passed += len(frame.payload)
        if tone.take(frame):
            return passed / 8000
    return None


def tone(frequency: float, seconds: float = 0.5, level: float = 0.3) -> bytes:
    at = np.arange(int(8000 * seconds)) / 8000
    return (np.sin(2 * np.pi * frequency * at) * level * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize("frequency", [1062, 1085, 1100, 1115, 1138])
@pytest.mark.parametrize("level", [0.02, 0.3, 1.0])
def test_the_tone_is_found_within_half_a_second(frequency: float, level: float) -> None:
    found = heard(tone(frequency, 0.5, level))
    assert found is not None
    assert 0.4 <= found <= 0.44


@pytest.mark.parametrize("size", [160, 320, 480, 960, 1000])
@pytest.mark.parametrize("fmt", [ULAW, ALAW])
def test_whatever_the_packets_are_like(size: int, fmt: Format) -> None:
    assert heard(bytes(4000) + tone(1100), size, fmt) is not None


def test_a_lost_packet_does_not_hide_it() -> None:
    whole = tone(1100, 0.6)
    assert heard(whole[:2560] + bytes(320) + whole[2880:]) is not None
    assert heard((whole[:2560] + bytes(960)) * 3) is None


@pytest.mark.parametrize("frequency", [350, 440, 700, 941, 1000, 1209, 1336, 1633, 2100])
def test_other_tones_are_none(frequency: float) -> None:
    assert heard(tone(frequency, 3.0)) is None


def test_neither_are_digits_noise_silence_and_what_is_too_quiet_or_short() -> None:
    chance = np.random.default_rng(1)
    two = np.frombuffer(tone(941, 2, 0.2), "<i2") + np.frombuffer(tone(1209, 2, 0.2), "<i2")
    noise = (chance.standard_normal(16000) * 4000).astype("<i2")
    mixed = np.frombuffer(tone(1100, 2, 0.05), "<i2") + noise
    for data in (two, noise, mixed):
        assert heard(data.astype("<i2").tobytes()) is None
    for piece in (bytes(32000), tone(1100, 0.35) + bytes(8000) + tone(1100, 0.35), tone(1100, 2, 0.002)):
        assert heard(piece) is None


def test_of_other_formats_too() -> None:
    wide = CallingTone()
    data = tone(550, 1.2)  # played at twice the rate
    assert sum(wide.take(Frame(SLIN16, data[at : at + 640])) for at in range(0, len(data), 640)) > 1
