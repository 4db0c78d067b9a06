"""Sound files for tests: made here or by FFmpeg, and read wholly."""

from __future__ import annotations

import struct
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from asterism.media.formats import SLIN, Format
from asterism.media.soundfiles import Sound
from asterism.testing.tone import level


def tone(frequency: int = 440, rate: int = 8000, seconds: float = 1.0) -> bytes:
    """A tone as 16-bit samples, little endian."""
    at = np.arange(int(rate * seconds)) / rate
    return bytes((8000 * np.sin(2 * np.pi * frequency * at)).astype("<i2").tobytes())


def write_wav(path: Path, data: bytes, rate: int = 8000, channels: int = 1, width: int = 2) -> Path:
    """A WAV file of linear samples as they are."""
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(data)
    return path


def write_riff(path: Path, tag: int, bits: int, data: bytes, rate: int = 8000, channels: int = 1) -> Path:
    """A WAV file of any kind."""
    head = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def write_encoded(path: Path, codec: str, data: bytes, rate: int, container: str = "") -> Path:
    """A file that FFmpeg makes of linear samples."""
    import av

    layout = "stereo" if codec == "vorbis" else "mono"
    with av.open(str(path), "w", format=container or None) as file:
        stream: Any = file.add_stream(codec, rate=rate, layout=layout, options={"strict": "-2"})
        frame = av.AudioFrame.from_ndarray(np.frombuffer(data, "<i2").reshape(1, -1), format="s16", layout="mono")
        frame.rate, frame.pts = rate, 0
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
        for piece in resampler.resample(frame):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return path


def whole(path: Path, target: Format = SLIN, warn: Callable[[str], None] = print) -> tuple[Sound, bytes]:
    """A sound, and all of its frames' payloads."""
    sound = Sound(path, target, warn)
    return sound, b"".join(frame.payload for frame in sound.frames())


def level_at(data: bytes, frequency: float, rate: int = 8000) -> float:
    """How much of the power of 16-bit samples is at a frequency, 0 to 1."""
    return level(data, frequency * 8000 / rate)
