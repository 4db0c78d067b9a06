"""G.729 by libbcg729."""

from __future__ import annotations

import ctypes

import pytest
from codec_kit import check_nonsense, fit, packets, through, tone

from asterism.media.codecs import g729
from asterism.media.codecs.codec import loaded
from asterism.media.formats import G729, SLIN
from asterism.media.translate import stream_translator, translator

needs_library = pytest.mark.skipif(bool(loaded(g729.CODEC).reason), reason=loaded(g729.CODEC).reason)


@needs_library
@pytest.mark.parametrize("ms", [10, 20, 30, 60])
def test_a_tone_stays_that_tone(ms):
    level, noise, count = through(G729, 440, 8000, ms)
    assert level == pytest.approx(8000, rel=0.15)
    assert noise > 12
    assert count == pytest.approx(8000, abs=480)


@needs_library
def test_lost_packets_are_concealed_then_comes_silence():
    decode = stream_translator(G729, SLIN)
    for packet in packets(G729, 8000, tone(440, 8000, 0.4)):
        decode(packet)
    made_up = [decode(b"") for _ in range(8)]
    assert {len(one) for one in made_up} == {320}
    assert fit(made_up[0], 440, 8000)[0] > 2000
    assert made_up[-1] == bytes(320)


@needs_library
def test_a_frame_of_comfort_noise_is_10_ms():
    decode = stream_translator(G729, SLIN)
    speech = packets(G729, 8000, tone(440, 8000, 0.02))[0]
    assert [len(speech), len(decode(speech)), len(decode(speech[:10] + b"\x12\x34")), len(decode(b"\x12\x34"))] == [
        20, 320, 320, 160,
    ]  # fmt: skip
    assert len(decode(b"\x12\x34\x56")) == 160  # no frame: as long as the packet before


@needs_library
def test_whole_sounds_are_filled_up_to_a_packet():
    data = translator(SLIN, G729)(tone(440, 8000, 0.05))
    assert len(data) == 60
    assert len(translator(G729, SLIN)(data)) == 960


@needs_library
def test_nonsense_is_taken():
    check_nonsense(G729)


def test_without_the_library_the_reason_says_what_to_install(monkeypatch):
    def absent(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    assert loaded.__wrapped__(g729.CODEC) == ((), "install libbcg729-0")
