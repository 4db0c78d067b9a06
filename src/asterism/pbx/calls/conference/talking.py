"""Hearing whether a user of a conference talks, and keeping silence out of the mix."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from asterism.media.loudness import Loudness, Speech, SpeechDetector
from asterism.media.taps import Tap

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.calls.conference.profiles import UserProfile


class Ear(Tap):
    """Tells when somebody begins to talk, and when they have been silent for long enough."""

    def __init__(self, profile: UserProfile, heard: Callable[[], bool], told: Callable[[bool], None]) -> None:
        """Prepare it.

        Args:
            profile: says what counts as talk.
            heard: whether the others could hear it now: what a muted user says is no talk.
            told: called with whether they talk, when that changes.
        """
        self._loudness = Loudness()
        self._heard = heard
        self._told = told
        self.detector = SpeechDetector(profile.dsp_silence_threshold, profile.dsp_talking_threshold)

    def take(self, frame: Frame) -> None:
        """Hear one frame."""
        self.hear(frame)

    def hear(self, frame: Frame) -> bool:
        """Hear one frame; whether it is part of what is said."""
        if not self._heard():
            self.silence()
            return True
        level = self._loudness.take(frame)
        if level is None:
            return True
        change = self.detector.take(*level)
        if change is not None:
            self._told(change is Speech.BEGAN)
        return self.detector.talking

    def silence(self) -> None:
        """They are not heard from now on."""
        if self.detector.talking:
            self.detector.talking = False
            self._told(False)


class Gate(Ear):
    """The same, and lets nothing pass while they are silent."""

    changes: ClassVar[bool] = True

    def change(self, frame: Frame) -> Frame | None:
        """Let one frame pass, or not."""
        return frame if self.hear(frame) else None


def ear_of(profile: UserProfile, heard: Callable[[], bool], told: Callable[[bool], None]) -> Ear | None:
    """What a profile asks for; ``None``: nothing."""
    if profile.dsp_drop_silence:
        return Gate(profile, heard, told)
    return Ear(profile, heard, told) if profile.talk_detection_events else None
