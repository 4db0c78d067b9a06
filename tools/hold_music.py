"""Compose the music on hold that is shipped: ``python tools/hold_music.py`` writes it into the package.

It is the beginning of Bach's Prelude in C (BWV 846), played by two decaying sine waves a note.
"""

from __future__ import annotations

import math
from array import array
from pathlib import Path

from asterism.media.g711 import linear_to_ulaw

RATE = 8000
STEP = 0.23
"""Seconds of a sixteenth."""
BARS = (
    (60, 64, 67, 72, 76), (60, 62, 69, 74, 77), (59, 62, 67, 74, 77), (60, 64, 67, 72, 76), (60, 64, 69, 76, 81),
    (60, 62, 66, 69, 74), (59, 62, 67, 74, 79), (59, 60, 64, 67, 72), (57, 60, 64, 67, 72), (50, 57, 62, 66, 72),
    (55, 59, 62, 67, 71), (60, 64, 67, 72, 76),
)  # fmt: skip
"""The five notes of each bar, as MIDI numbers."""
ORDER = (0, 1, 2, 3, 4, 2, 3, 4)


def compose() -> bytes:
    """The samples, u-law."""
    length = int(STEP * RATE)
    total = [0.0] * (length * 16 * len(BARS) + 2 * RATE)
    place = 0
    for bar in BARS:
        for index in ORDER * 2:
            frequency = 440.0 * 2.0 ** ((bar[index] - 69) / 12)
            ring = length * (16 - index * 2) if index < 2 else length * 3
            for number in range(min(ring, len(total) - place)):
                seconds = number / RATE
                strength = math.exp(-3.0 * seconds) * min(1.0, number / 40) * min(1.0, (ring - number) / 200)
                angle = 2 * math.pi * frequency * seconds
                total[place + number] += strength * (math.sin(angle) + 0.3 * math.sin(2 * angle))
            place += length
    loudest = max(map(abs, total))
    return linear_to_ulaw(array("h", (int(9000 * value / loudest) for value in total)).tobytes())


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "src/asterism/media/music/prelude.ulaw"
    target.write_bytes(compose())
