"""GSM by libgsm, and by our own decoder where it is missing."""

from __future__ import annotations

import ctypes

import pytest
from codec_kit import check_nonsense, fit, packets, through, tone

from asterism.media.codecs import gsm
from asterism.media.codecs.codec import loaded
from asterism.media.formats import GSM, SLIN
from asterism.media.translate import stream_translator, translator

pytestmark = pytest.mark.skipif(bool(loaded(gsm.CODEC).reason), reason=loaded(gsm.CODEC).reason)


@pytest.mark.parametrize("ms", [10, 20, 30, 60])
def test_a_tone_stays_that_tone(ms):
    level, noise, count = through(GSM, 440, 8000, ms)
    assert level == pytest.approx(8000, rel=0.2)
    assert noise > 10
    assert count == pytest.approx(8000, abs=480)


def test_a_payload_may_have_several_frames():
    encode = stream_translator(SLIN, GSM)
    assert [len(encode(bytes(2 * size))) for size in (320, 100, 60, 160, 150)] == [66, 0, 33, 33, 0]
    assert len(stream_translator(GSM, SLIN)(b"".join(packets(GSM, 8000, tone(440, 8000, 0.06))))) == 960


def test_a_lost_packet_is_made_up_from_the_one_before_then_comes_silence():
    decode = stream_translator(GSM, SLIN)
    assert decode(b"") == bytes(320)
    for packet in packets(GSM, 8000, tone(440, 8000, 0.4)):
        decode(packet)
    made_up = [decode(b"") for _ in range(5)]
    assert fit(b"".join(made_up[:2]), 440, 8000)[0] > 2000
    assert made_up[3] == made_up[4] == bytes(320)


def test_whole_sounds_are_filled_up_to_a_frame():
    data = translator(SLIN, GSM)(tone(440, 8000, 0.05))
    assert len(data) == 3 * 33
    assert len(translator(GSM, SLIN)(data)) == 960


def test_nonsense_is_taken():
    check_nonsense(GSM)


def test_without_the_library_it_is_decoded_all_the_same(monkeypatch):
    made = packets(GSM, 8000, tone(440, 8000))
    native = b"".join(map(stream_translator(GSM, SLIN), made))

    def absent(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    found = loaded.__wrapped__(gsm.CODEC)
    assert found.reason == "it is decoded only, slowly; install libgsm1"
    (step,) = found.steps
    decode = step.stream()
    assert b"".join(map(decode, made)) == native
    assert step.whole(b"".join(made)) == native
