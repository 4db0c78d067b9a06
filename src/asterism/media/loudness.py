"""Loudness of a frame, and speech detection; time is counted in audio, not by the clock."""

from __future__ import annotations

from enum import Enum

import numpy as np

from asterism.media.decoding import Decoding
from asterism.media.resample import to_samples
from asterism.media.stream import Frame


class Loudness:
    """Measures the frames of one stream."""

    __slots__ = ("_decoding",)

    def __init__(self) -> None:
        self._decoding = Decoding()

    def take(self, frame: Frame) -> tuple[float, float] | None:
        """Loudness and length of a frame: the mean of its samples' magnitudes (0 to 32768), and milliseconds.

        ``None`` for a format that cannot be decoded, and for an empty frame.
        """
        decoded = self._decoding.take(frame)
        samples = to_samples(decoded or b"")
        if not len(samples):
            return None
        return float(np.abs(samples).mean()), len(samples) * 1000 / self._decoding.linear.sample_rate


class Speech(Enum):
    """Change of speech activity."""

    BEGAN = "began"
    ENDED = "ended"


class SpeechDetector:
    """Tells when somebody begins to talk, and when they have been silent for long enough."""

    __slots__ = ("_silent", "silence_ms", "talking", "threshold")

    def __init__(self, silence_ms: float, threshold: float) -> None:
        """Take a mean magnitude of ``threshold`` or more for talk, ``silence_ms`` of less for its end."""
        self.silence_ms = silence_ms
        self.threshold = threshold
        self.talking = False
        """Whether somebody talks now."""
        self._silent = 0.0

    def take(self, level: float, ms: float) -> Speech | None:
        """Take in a piece of audio of that loudness and length; returns the change that it caused, if any."""
        if level >= self.threshold:
            self._silent = 0.0
            if not self.talking:
                self.talking = True
                return Speech.BEGAN
            return None
        self._silent += ms
        if self.talking and self._silent >= self.silence_ms:
            self.talking = False
            return Speech.ENDED
        return None
