"""Speex by libspeex, at 8 and 16 kHz."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest
from codec_kit import check_nonsense, fit, packets, through, tone

from asterism.media.codecs import speex
from asterism.media.codecs.codec import loaded
from asterism.media.durations import speex_frames, ticks_of
from asterism.media.formats import LINEAR, SPEEX, SPEEX16
from asterism.media.translate import stream_translator, translator

needs_library = pytest.mark.skipif(bool(loaded(speex.CODEC).reason), reason=loaded(speex.CODEC).reason)
BOTH = pytest.mark.parametrize("fmt", [SPEEX, SPEEX16])


@needs_library
@BOTH
@pytest.mark.parametrize("ms", [10, 20, 30, 60])
def test_a_tone_stays_that_tone(fmt, ms):
    level, noise, count = through(fmt, 440, fmt.sample_rate, ms)
    assert level == pytest.approx(8000, rel=0.1)
    assert noise > 15
    assert count == pytest.approx(fmt.sample_rate, abs=fmt.sample_rate * 60 // 1000)


@needs_library
@BOTH
def test_a_packet_of_several_frames_says_how_many(fmt):
    rate = fmt.sample_rate
    (packet,) = packets(fmt, rate, tone(440, rate, 0.06), 60)
    assert speex_frames(packet, fmt is SPEEX16) == 3
    assert ticks_of(fmt, packet) == 3 * rate // 50
    assert len(stream_translator(fmt, LINEAR[rate])(packet)) == 3 * rate // 50 * 2


@needs_library
@BOTH
def test_lost_packets_are_concealed_then_comes_silence(fmt):
    rate = fmt.sample_rate
    decode = stream_translator(fmt, LINEAR[rate])
    for packet in packets(fmt, rate, tone(440, rate, 0.4)):
        decode(packet)
    made_up = [decode(b"") for _ in range(7)]
    assert {len(one) for one in made_up} == {rate // 25}
    assert fit(made_up[0], 440, rate)[0] > 1000
    assert made_up[-1] == bytes(rate // 25)


@needs_library
@BOTH
def test_a_flood_makes_a_packet_no_longer_than_others(fmt):
    assert len(stream_translator(LINEAR[fmt.sample_rate], fmt)(bytes(200_000))) < 600


@needs_library
def test_there_are_no_whole_sounds_in_speex():
    assert translator(LINEAR[8000], SPEEX) is None
    assert len(translator(SPEEX, LINEAR[8000])(packets(SPEEX, 8000, tone(440, 8000, 0.1))[0])) == 320
    assert translator(SPEEX, LINEAR[8000])(b"") == b""


@needs_library
@BOTH
def test_nonsense_is_taken(fmt):
    check_nonsense(fmt)


@needs_library
def test_the_library_says_nothing_of_nonsense_on_the_standard_error_stream():
    """A peer could fill the disk with it."""
    code = "from codec_kit import check_nonsense; from asterism.media.formats import SPEEX, SPEEX16\n"
    code += "check_nonsense(SPEEX); check_nonsense(SPEEX16)"
    here = str(Path(__file__).parent)
    ran = subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, check=True, timeout=100)
    assert ran.stderr == b""


def test_without_the_library_the_reason_says_what_to_install(monkeypatch):
    def absent(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    assert loaded.__wrapped__(speex.CODEC) == ((), "install libspeex1")
