"""What a phone heard, as the names of the prompts that were said to it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from asterism.media.formats import SLIN
from asterism.media.soundfiles import Sounds

_FRAME = 160
_LIKE = 0.8
"""How like a prompt a piece must be; companding costs less than a tenth, another prompt has less than half."""


class Recogniser:
    """Recognises prompts by comparing what was heard with their files, sample by sample."""

    def __init__(self, sounds: Sounds, names: Iterable[str], language: str = "en") -> None:
        self._prompts: dict[str, np.ndarray] = {}
        for name in names:
            sound = b"".join(frame.payload for frame in sounds.load(name, language, SLIN).frames())
            self._prompts[name] = np.frombuffer(sound, "<i2").astype(float)

    def hear(self, heard: bytes) -> list[str]:
        """The prompts in ``heard`` (linear, 8 kHz), in order; what is none is passed over."""
        samples = np.frombuffer(heard, "<i2").astype(float)
        names = []
        place = 0
        while place < len(samples):
            name = self._at(samples, place)
            if name:
                names.append(name)
                place += len(self._prompts[name])
            else:
                place += _FRAME
        return names

    def _at(self, samples: np.ndarray, place: int) -> str:
        """The prompt that begins at a frame, or ``""``; of several the longest."""
        found, longest = "", 0
        for name, prompt in self._prompts.items():
            piece = samples[place : place + len(prompt)]
            if len(piece) < len(prompt) or len(prompt) <= longest:
                continue
            size = np.linalg.norm(piece) * np.linalg.norm(prompt)
            if size and float(piece @ prompt) / size > _LIKE:
                found, longest = name, len(prompt)
        return found
