"""What a codec makes of a tone, and what it does with nonsense."""

from __future__ import annotations

import random

import numpy as np
import pytest

from asterism.media.codecs.codec import Translator
from asterism.media.codecs.discovery import codec_steps
from asterism.media.formats import LINEAR, Format
from asterism.media.resample import to_octets, to_samples
from asterism.media.translate import stream_translator


def tone(frequency: float, rate: int, seconds: float = 1.0, level: float = 8000) -> bytes:
    """A sine, 16-bit little endian."""
    at = np.arange(int(rate * seconds)) / rate
    return to_octets(np.asarray(level * np.sin(2 * np.pi * frequency * at), np.float32))


def fit(pcm: bytes, frequency: float, rate: int) -> tuple[float, float]:
    """Level of the sine of that frequency in the samples, and how far all else is below it in dB."""
    samples = to_samples(pcm).astype(np.float64)
    at = 2 * np.pi * frequency * np.arange(len(samples)) / rate
    waves = np.stack([np.sin(at), np.cos(at)], axis=1)
    found, *_ = np.linalg.lstsq(waves, samples, rcond=None)
    sine = waves @ found
    rest = float(((samples - sine) ** 2).mean())
    return float(np.hypot(*found)), float(10 * np.log10(float((sine**2).mean()) / max(rest, 1e-9)))


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def packets(fmt: Format, rate: int, pcm: bytes, ms: int = 20) -> list[bytes]:
    """The packets that an encoder makes of linear audio that comes in pieces of ``ms``."""
    encode = stream_translator(LINEAR[rate], fmt)
    assert encode is not None
    return [packet for piece in pieces(pcm, rate * ms // 1000 * 2) if (packet := encode(piece))]


def through(fmt: Format, frequency: float, rate: int, ms: int = 20, rate_out: int = 0) -> tuple[float, float, int]:
    """Level and noise of a tone of level 8000 that was encoded and decoded, and how many samples came of a second."""
    rate_out = rate_out or rate
    decode = stream_translator(fmt, LINEAR[rate_out])
    assert decode is not None
    out = b"".join(decode(packet) for packet in packets(fmt, rate, tone(frequency, rate), ms))
    edge = rate_out // 10 * 2
    return (*fit(out[edge:-edge], frequency, rate_out), len(out) // 2)


def nonsense(translate: Translator, seed: int, most: int = 400) -> None:
    """Give a translator octets at random, of all lengths; it has to take them, and what it gives is bounded."""
    draw = random.Random(seed)
    for _ in range(300):
        given = draw.randbytes(draw.choice((0, 1, 2, 3, draw.randrange(most))))
        made = translate(given)
        assert isinstance(made, bytes)
        assert len(made) <= 100 * len(given) + 100_000
    # A library that writes behind the end of a result ruins b"", which the whole process shares.
    with pytest.raises(FileNotFoundError):
        open("")  # noqa: SIM115


def check_nonsense(fmt: Format) -> None:
    """Every step from and to a format takes whatever comes."""
    for seed, step in enumerate(codec_steps()):
        if fmt in (step.source, step.target):
            for translate in (step.whole, None if step.stream is None else step.stream()):
                if translate is not None:
                    nonsense(translate, seed)
