"""Make prompts: ``python tools/prompts.py [--folder FOLDER] [name ...]`` writes them beside their list.

The list is ``prompts.txt``; without a folder it is that of the prompts that are shipped.

Speech is made by flite (Debian's package of that name, version 2.2), with its voice ``slt``, from the texts in
the list: 16 kHz, made less deep, cut to the speech, all equally loud, u-law at 8 kHz. Only signals and
silence are made here. The same list gives the same files. Without names all are made, and files without a line in the
list are removed.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import tempfile
import wave
from array import array
from pathlib import Path

from asterism.media.g711 import linear_to_ulaw

FOLDER = Path(__file__).parents[1] / "src/asterism/media/sounds/en"
VOICE = "slt"
RATE = 8000
LOUDNESS = 2600.0
"""Root mean square of the loud parts of speech: -22 dB of full scale."""
PEAK = 28000
EMPHASIS = 0.7
"""How much of the sample before is taken from each one, at 16 kHz: the voice is too deep for a telephone as it is."""
LOWEST = 280
"""Hz; what is below is weakened, by 12 dB an octave: a telephone does not carry it."""
TAPS = 64
"""Half the length of the low-pass filter, in samples of 16 kHz."""
BEFORE, AFTER = 160, 400
"""Samples of 8 kHz kept around speech: 20 and 50 ms."""


def prompts(folder: Path) -> dict[str, tuple[str, str]]:
    """Text and spoken text of each name in the list."""
    found: dict[str, tuple[str, str]] = {}
    for line in (folder / "prompts.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(": ")
            text, _, spoken = rest.partition(" | ")
            found[name] = (text, spoken or text)
    return found


def synthesise(text: str) -> list[float]:
    """Speech, 16 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/said.wav"
        subprocess.run(["flite", "-voice", VOICE, "-t", text, "-o", path], check=True)
        with wave.open(path, "rb") as file:
            assert file.getframerate() == 2 * RATE
            samples = array("h", file.readframes(file.getnframes()))
    return [float(value) for value in samples]


def halve(samples: list[float]) -> list[float]:
    """To 8 kHz: a low-pass filter at 3.9 kHz (windowed sinc), then every second sample."""
    cut = 3900 / RATE
    kernel = []
    for index in range(-TAPS, TAPS + 1):
        ideal = cut if not index else math.sin(math.pi * cut * index) / (math.pi * index)
        kernel.append(ideal * (0.54 + 0.46 * math.cos(math.pi * index / TAPS)))
    padded = [0.0] * TAPS + samples + [0.0] * TAPS
    return [
        sum(map(float.__mul__, kernel, padded[place : place + 2 * TAPS + 1])) for place in range(0, len(samples), 2)
    ]


def high_pass(samples: list[float]) -> list[float]:
    """Without what is below ``LOWEST``: a Butterworth filter of the second order, at 8 kHz."""
    angle = 2 * math.pi * LOWEST / RATE
    alpha = math.sin(angle) / math.sqrt(2)
    cosine = math.cos(angle)
    scale = 1 + alpha
    gain, first, second = (1 + cosine) / 2 / scale, 2 * cosine / scale, (alpha - 1) / scale
    said: list[float] = []
    x1 = x2 = y1 = y2 = 0.0
    for value in samples:
        y1, y2 = gain * (value - 2 * x1 + x2) + first * y1 + second * y2, y1
        x1, x2 = value, x1
        said.append(y1)
    return said


def levels(samples: list[float]) -> list[float]:
    """Root mean square of each 10 ms."""
    size = RATE // 100
    pieces = (samples[place : place + size] for place in range(0, len(samples), size))
    return [math.sqrt(sum(value * value for value in piece) / len(piece)) for piece in pieces]


def speech(text: str) -> list[float]:
    """The samples of a text: cut, and as loud as the others."""
    deep = synthesise(text)
    bright = [value - EMPHASIS * before for value, before in zip(deep, [0.0, *deep[:-1]], strict=True)]
    samples = high_pass(halve(bright))
    level = levels(samples)
    loud = max(level)
    spoken = [number for number, value in enumerate(level) if value > loud / 40]
    start = max(0, spoken[0] * 80 - BEFORE)
    samples = samples[start : (spoken[-1] + 1) * 80 + AFTER]
    heard = [value for value in level if value > loud / 8]
    factor = LOUDNESS / math.sqrt(sum(value * value for value in heard) / len(heard))
    factor = min(factor, PEAK / max(map(abs, samples)))
    fade = 40
    samples = [value * factor for value in samples]
    for place in range(fade):
        samples[place] *= place / fade
        samples[-1 - place] *= place / fade
    return samples


def tone(frequency: float, seconds: float) -> list[float]:
    """A sine with soft edges."""
    count = int(seconds * RATE)
    return [
        9000 * min(1.0, place / 80, (count - place) / 80) * math.sin(2 * math.pi * frequency * place / RATE)
        for place in range(count)
    ]


def signal(name: str) -> list[float] | None:
    """What is no speech; ``None`` for the files that are not made here."""
    if name.startswith("silence/"):
        return [0.0] * int(name.removeprefix("silence/")) * RATE
    if name == "beeperr":
        return [*tone(480, 0.2), *[0.0] * 400, *tone(340, 0.35)]
    if name == "confbridge-join":
        return [*tone(523, 0.12), *tone(784, 0.18)]
    if name == "confbridge-leave":
        return [*tone(784, 0.12), *tone(523, 0.18)]
    if name == "beep":
        return tone(1000, 0.3)
    return None


def make(path: Path, name: str, text: str, spoken: str) -> None:
    """Write one file."""
    samples = signal(name) if text.startswith("(") else speech(spoken)
    if samples is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(linear_to_ulaw(array("h", (round(value) for value in samples)).tobytes()))


def main() -> None:
    """Make all of the list, or only the named ones."""
    parser = argparse.ArgumentParser(description="Make prompts from their list.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where prompts.txt is and the files go")
    parser.add_argument("names", nargs="*", help="only these")
    options = parser.parse_args()
    folder: Path = options.folder
    known = prompts(folder)
    for name in options.names or known:
        make(folder / f"{name}.ulaw", name, *known[name])
    if not options.names:
        for path in folder.rglob("*.ulaw"):
            if str(path.relative_to(folder).with_suffix("")) not in known:
                path.unlink()


if __name__ == "__main__":
    main()
