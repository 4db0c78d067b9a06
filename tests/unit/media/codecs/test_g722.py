"""G.722: tones stay tones at both rates, lost packets keep the time, nonsense is taken, and its absence is said."""

from __future__ import annotations

import sys

import pytest
from codec_kit import check_nonsense, through, tone

from asterism.media.codecs import g722
from asterism.media.codecs.codec import loaded
from asterism.media.formats import G722, LINEAR, SLIN, SLIN16
from asterism.media.translate import path, stream_translator, translator


@pytest.mark.parametrize("ms", [10, 20, 30, 60])
@pytest.mark.parametrize(("rate", "rate_out"), [(8000, 8000), (8000, 16000), (16000, 8000), (16000, 16000)])
def test_a_tone_stays_that_tone(rate, rate_out, ms):
    level, noise, count = through(G722, 1000, rate, ms, rate_out)
    assert level == pytest.approx(8000, rel=0.02)
    assert noise > 40
    assert count == pytest.approx(rate_out, abs=rate_out * ms // 1000)


def test_what_is_above_the_telephone_band_is_kept_at_16_khz():
    level, noise, _ = through(G722, 6000, 16000)
    assert level == pytest.approx(8000, rel=0.1)
    assert noise > 15


def test_half_an_octet_waits_and_nothing_is_written_behind_the_end():
    encode = stream_translator(SLIN16, G722)
    assert encode(b"\1\2") == b""
    assert len(encode(b"\3\4")) == 1


def test_a_lost_packet_keeps_the_time():
    assert stream_translator(G722, SLIN)(b"") == bytes(320)
    assert stream_translator(G722, SLIN16)(b"") == bytes(640)


def test_whole_sounds_have_the_length_of_the_sound():
    pcm = tone(1000, 16000, 0.5)
    assert len(translator(SLIN16, G722)(pcm)) == 25 * 160
    assert len(translator(SLIN16, G722)(pcm + b"\x01\x02")) == 26 * 160
    assert translator(SLIN16, G722)(b"") == b""
    assert len(translator(G722, SLIN)(bytes(161))) == 322


def test_the_way_from_g711_is_by_8_khz_and_from_wide_sound_by_16():
    assert [step.source for step in path(SLIN, G722).steps] == [SLIN]
    assert [step.source for step in path(LINEAR[48000], G722).steps] == [LINEAR[48000], SLIN16]


def test_nonsense_is_taken():
    check_nonsense(G722)


def test_without_the_package_the_reason_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "G722", None)
    found = loaded.__wrapped__(g722.CODEC)
    assert found == ((), "install the Python package G722")
