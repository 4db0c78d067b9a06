"""Hearing whether a user talks: by the thresholds of its profile, only while it is heard."""

from __future__ import annotations

import numpy as np
import pytest

from asterism.media.formats import LINEAR
from asterism.media.stream import Frame
from asterism.pbx.calls.conference.profiles import UserProfile
from asterism.pbx.calls.conference.talking import Ear, Gate, ear_of

LOUD = Frame(LINEAR[8000], np.full(160, 2000, "<i2").tobytes())
SOFT = Frame(LINEAR[8000], np.full(160, 100, "<i2").tobytes())
PROFILE = UserProfile("p", talk_detection_events=True, dsp_silence_threshold=100, dsp_talking_threshold=160)


def test_it_tells_when_talk_begins_and_ends() -> None:
    told: list[bool] = []
    ear = Ear(PROFILE, lambda: True, told.append)
    for frame in (SOFT, LOUD, LOUD, *[SOFT] * 4):
        ear.take(frame)
    assert told == [True]
    ear.take(SOFT)
    assert told == [True, False]
    ear.take(Frame(LINEAR[8000], b""))
    assert told == [True, False]


def test_who_is_not_heard_does_not_talk() -> None:
    told: list[bool] = []
    heard = True
    ear = Ear(PROFILE, lambda: heard, told.append)
    ear.take(LOUD)
    heard = False
    ear.take(LOUD)
    ear.take(LOUD)
    assert told == [True, False]
    heard = True
    ear.take(LOUD)
    ear.silence()
    ear.silence()
    assert told == [True, False, True, False]


def test_a_gate_lets_only_talk_pass() -> None:
    gate = Gate(PROFILE, lambda: True, lambda _: None)
    passed = [gate.change(frame) for frame in (SOFT, LOUD, *[SOFT] * 6)]
    assert [frame is not None for frame in passed] == [False, True, True, True, True, True, False, False]


@pytest.mark.parametrize(
    ("options", "kind"),
    [({}, type(None)), ({"talk_detection_events": True}, Ear), ({"dsp_drop_silence": True}, Gate)],
)
def test_a_profile_says_what_is_there(options: dict[str, bool], kind: type) -> None:
    assert type(ear_of(UserProfile("p", **options), lambda: True, lambda _: None)) is kind  # type: ignore[arg-type]
