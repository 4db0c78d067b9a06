"""Tones in the notation of indications.conf."""

from __future__ import annotations

import itertools
from array import array

import pytest

from asterism.core.errors import UsageError
from asterism.media import tones
from asterism.testing.tone import level


def take(tone: str, count: int) -> bytes:
    return b"".join(frame.payload for frame in itertools.islice(tones.tone_frames(tone), count))


def test_dial_tone_has_its_two_frequencies_and_no_end():
    data = take("dial", 100)
    assert len(data) == 100 * 320
    assert level(data, 350) > 0.4
    assert level(data, 440) > 0.4
    assert level(data, 620) < 0.05


def test_busy_is_interrupted():
    data = take("busy", 50)
    assert level(data[:8000], 480) > 0.4
    assert not any(data[8000:16000])


def test_parts_played_once_come_first_and_end():
    frames = list(tones.tone_frames("!1000/100,!0/50"))
    assert len(frames) == 8  # 150 ms, the last frame filled up
    assert all(len(frame.payload) == 320 for frame in frames)
    data = take("!1000/100,500/100", 100)
    assert level(data[:1600], 1000) > 0.9
    assert level(data[1600:3200], 500) > 0.9
    assert level(data[8000:9600], 1000) < 0.05


def test_frames_are_whole_whatever_the_parts():
    assert all(len(frame.payload) == 320 for frame in itertools.islice(tones.tone_frames("440/333,0/77"), 100))


@pytest.mark.parametrize("text", ["nonsense", "440/x", "9000/100", "440+/100", "440/-5", "1+2+3+4+5/10"])
def test_not_a_tone(text):
    with pytest.raises(UsageError):
        tones.tone_frames(text)


def test_dtmf():
    data = b"".join(frame.payload for frame in tones.dtmf_frames("5", 100))
    assert len(data) == 5 * 320
    assert level(data, 770) > 0.4
    assert level(data, 1336) > 0.4
    assert max(array("h", data)) < 16000
    assert tones.dtmf_frames("!") == []
    with pytest.raises(ValueError, match="digit"):
        tones.dtmf_frames("x")


def test_a_tone_of_any_length_is_made_a_second_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    make = tones.samples
    monkeypatch.setattr(tones, "samples", lambda *args: asked.append(args[1]) or make(*args))
    assert len(list(itertools.islice(tones.tone_frames("440/2000000000"), 120))) == 120
    assert max(asked) == 8000
    assert len(list(tones.tone_frames("!440/2500"))) == 125
