"""When somebody talks: by the audio's own time."""

from __future__ import annotations

import pytest
from codec_kit import tone

from asterism.media.formats import G722, G723, SLIN, SLIN16, ULAW
from asterism.media.loudness import Loudness, Speech, SpeechDetector
from asterism.media.stream import Frame
from asterism.media.tones import samples
from asterism.media.translate import stream_translator, translator


def loudness(frame):
    return Loudness().take(frame)


def test_how_loud_and_how_long():
    tone = samples((1000,), 160)
    level, ms = loudness(Frame(SLIN, tone))
    assert (level, ms) == (pytest.approx(7219 * 2 / 3.1416, rel=0.06), 20.0)
    assert loudness(Frame(ULAW, translator(SLIN, ULAW)(tone)))[0] == pytest.approx(level, rel=0.02)
    assert loudness(Frame(SLIN16, bytes(640))) == (0.0, 20.0)
    assert loudness(Frame(G723, bytes(20))) is None
    assert loudness(Frame(SLIN, b"")) is None


def test_a_stream_of_a_codec_is_as_loud_as_what_was_encoded():
    encode, measure = stream_translator(SLIN, G722), Loudness()
    heard = [measure.take(Frame(G722, encode(tone(440, 8000, 0.02)))) for _ in range(5)]
    assert heard[-1] == (pytest.approx(8000 * 2 / 3.1416, rel=0.05), 20.0)


def test_talk_begins_at_once_and_ends_after_the_silence():
    detector = SpeechDetector(300, 256)
    changes = []
    for number in range(200):
        level = 1000.0 if 50 <= number < 100 or number == 110 else 255.0
        change = detector.take(level, 20.0)
        if change is not None:
            changes.append((number, change))
    assert changes == [(50, Speech.BEGAN), (125, Speech.ENDED)]
    assert not detector.talking
