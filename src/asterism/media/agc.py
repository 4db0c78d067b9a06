"""Automatic gain: what passes is brought to one loudness, slowly enough that nobody hears it happen."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from asterism.media.decoding import Decoding
from asterism.media.resample import to_octets, to_samples
from asterism.media.stream import Frame
from asterism.media.taps import Tap

MAX_GAIN = 10 ** (30 / 20)
"""At most 30 dB louder; and as much softer."""
UP, DOWN = 12.0, 40.0
"""dB in a second by which the gain grows, and falls, at most."""
NOISE = 60.0
"""Root mean square of a frame below which nobody speaks: the gain stays."""
_LOUDEST = 32767.0


class AutomaticGain(Tap):
    """Brings speech to a level; audio of a format that cannot be decoded passes as it is."""

    changes: ClassVar[bool] = True

    def __init__(self, level: float) -> None:
        """Have speech have a root mean square of ``level`` (0 to 32768)."""
        self.level = level
        self.gain = 1.0
        self._decoding = Decoding()

    def change(self, frame: Frame) -> Frame:
        """Amplify a frame as much as those before it ask for."""
        decoded = self._decoding.take(frame)
        if decoded is None:
            return frame
        linear = self._decoding.linear
        samples = to_samples(decoded).astype(np.float64)
        if not len(samples):
            return frame if frame.format.frame_bytes else Frame(linear, b"")  # the decoder has the loss in hand
        loudness = float(np.sqrt(np.mean(samples * samples)))
        if loudness > NOISE:
            self._follow(self.level / loudness, len(samples) / linear.sample_rate)
        gain = self.gain
        peak = float(np.abs(samples).max())
        if peak * gain > _LOUDEST:
            gain = _LOUDEST / peak
        return Frame(linear, to_octets((samples * gain).astype(np.float32)))

    def _follow(self, wanted: float, seconds: float) -> None:
        wanted = min(max(wanted, 1 / MAX_GAIN), MAX_GAIN)
        most, least = self.gain * 10 ** (UP * seconds / 20), self.gain * 10 ** (-DOWN * seconds / 20)
        self.gain = min(max(wanted, least), most)
