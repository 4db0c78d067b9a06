"""Less noise, heard by its level; a system without the library says what to install."""

from __future__ import annotations

import numpy as np
import pytest

from asterism.media import denoise
from asterism.media.denoise import Denoiser
from asterism.media.formats import LINEAR, ULAW
from asterism.media.resample import to_octets, to_samples
from asterism.media.stream import Frame

needed = pytest.mark.skipif(bool(denoise.reason()), reason=denoise.reason() or "there")


def level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


@needed
@pytest.mark.parametrize("rate", [8000, 16000])
def test_steady_noise_becomes_softer_and_speech_stays(rate: int) -> None:
    random, count, fmt = np.random.default_rng(7), rate // 50, LINEAR[rate]
    tap = Denoiser()

    def passed(samples: np.ndarray) -> np.ndarray:
        frames = [samples[at : at + count] for at in range(0, len(samples), count)]
        return np.concatenate(
            [to_samples(tap.change(Frame(fmt, to_octets(one.astype(np.float32)))).payload) for one in frames]
        )

    noise = random.normal(0, 300, rate * 3)
    quiet = passed(noise)[-rate:]
    assert level(quiet) < level(noise) / 2
    moments = np.arange(rate // 2) / rate
    speech = 8000 * np.sin(2 * np.pi * 500 * moments) * (np.sin(2 * np.pi * 4 * moments) > 0)
    loud = passed(speech + random.normal(0, 300, len(speech)))
    assert level(loud) > level(speech) / 3


@needed
def test_frames_of_other_lengths_and_formats() -> None:
    tap = Denoiser()
    assert tap.change(Frame(ULAW, b"\xff" * 160)).format is LINEAR[8000]
    assert len(tap.change(Frame(ULAW, b"\xff" * 240)).payload) == 480
    empty = Frame(ULAW, b"")
    assert tap.change(empty) is empty


def test_a_system_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denoise, "_library", lambda: None)
    assert denoise.reason() == "install libspeexdsp1"
