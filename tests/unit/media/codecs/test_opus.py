"""Opus: tones at every rate and packet length, loss and its repair, the peer's parameters, nonsense, absence."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from codec_kit import check_nonsense, fit, packets, pieces, through, tone

from asterism.media.codecs import opus
from asterism.media.codecs.codec import loaded
from asterism.media.formats import LINEAR, OPUS, SLIN, SLIN16, SLIN48, ULAW
from asterism.media.resample import to_octets, to_samples
from asterism.media.translate import path, stream_translator, translator

RATES = (8000, 12000, 16000, 24000, 48000)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("rate_out", RATES)
def test_a_tone_stays_that_tone_at_every_rate(rate, rate_out):
    level, noise, count = through(OPUS, 1000, rate, rate_out=rate_out)
    assert level == pytest.approx(8000, rel=0.1)
    assert noise > 10
    assert count == rate_out


@pytest.mark.parametrize("ms", [10, 20, 30, 40, 60])
def test_pieces_of_other_lengths_than_20_ms_become_packets(ms):
    level, noise, count = through(OPUS, 1000, 16000, ms)
    assert level == pytest.approx(8000, rel=0.1)
    assert noise > 10
    assert count == pytest.approx(16000, abs=960)


def test_what_is_less_than_a_packet_waits_for_more():
    encode = stream_translator(SLIN, OPUS)
    assert encode(bytes(80)) == b""
    assert encode(bytes(80)) != b""


def test_a_flood_leaves_no_more_than_a_packet_behind():
    encode = stream_translator(SLIN16, OPUS)
    for _ in range(20):
        assert len(encode(bytes(64000))) < 1500
    assert len(encode(b"")) < 1500  # what waited
    assert encode(b"") == b""


def test_lost_packets_are_made_up_with_the_one_that_follows():
    made = packets(OPUS, 16000, tone(440, 16000))
    decode = stream_translator(OPUS, SLIN16)
    out = [decode(packet) if index not in (20, 21) else decode(b"") for index, packet in enumerate(made)]
    assert out[20] == out[21] == b""
    assert len(out[22]) == 3 * 640
    assert fit(out[22], 440, 16000)[0] > 3000  # no silence
    assert sum(map(len, out)) == 32000
    assert len(decode(b"")) == 0


def test_many_lost_packets_are_not_made_up_for_ever():
    decode = stream_translator(OPUS, SLIN)
    for _ in range(1000):
        assert decode(b"") == b""
    assert len(decode(packets(OPUS, 8000, tone(440, 8000, 0.1))[0])) == 6 * 320


def test_forward_error_correction_is_used_where_the_peer_asks_for_it():
    pcm = speech(0.4) + tone(250, 16000, 0.02) + speech(0.4)

    def repaired(parameters: str) -> float:
        encode = stream_translator(SLIN16, OPUS, parameters)
        made = [encode(piece) for piece in pieces(pcm, 640)]
        heard, repairing = stream_translator(OPUS, SLIN16), stream_translator(OPUS, SLIN16)
        whole = to_samples(b"".join(map(heard, made)))[6400:6720]
        made[20] = b""
        again = to_samples(b"".join(map(repairing, made)))[6400:6720]
        return float(10 * np.log10((whole**2).mean() / ((whole - again) ** 2).mean()))

    assert repaired("useinbandfec=1") > 10
    assert repaired("useinbandfec=0") < 3


def speech(seconds: float) -> bytes:
    """Something like a voice at 16 kHz."""
    at = np.arange(int(16000 * seconds)) / 16000
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(4 * np.pi * at)) / 16000
    voice = sum(np.sin(k * phase) / k for k in range(1, 15)) * (0.6 + 0.4 * np.sin(8 * np.pi * at))
    return to_octets((3000 * voice + np.random.default_rng(1).normal(0, 60, len(at))).astype(np.float32))


def test_the_peer_may_bound_the_bit_rate():
    def octets(parameters: str) -> int:
        encode = stream_translator(SLIN48, OPUS, parameters)
        return sum(len(encode(piece)) for piece in pieces(tone(440, 48000), 1920))

    assert octets("maxaveragebitrate=8000; cbr=1") == pytest.approx(1000, rel=0.1)
    assert octets("") > 2000
    assert octets("maxaveragebitrate=99999999999;x;=;cbr=\u0661") > 2000


def test_there_are_no_whole_sounds_in_opus():
    assert translator(SLIN16, OPUS) is None
    assert translator(ULAW, OPUS) is None
    assert len(translator(OPUS, SLIN16)(packets(OPUS, 16000, tone(440, 16000, 0.1))[0])) == 640


def test_it_converts_straight_to_the_rate_wanted():
    for rate in RATES:
        assert len(path(OPUS, LINEAR[rate]).steps) == len(path(LINEAR[rate], OPUS).steps) == 1


def test_nonsense_is_taken():
    check_nonsense(OPUS)


def test_without_the_library_the_reason_says_what_to_install(monkeypatch):
    def absent(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    found = loaded.__wrapped__(opus.CODEC)
    assert found == ((), "install the Python package opuslib-next-bundled, or libopus0")


def test_without_the_package_the_library_of_the_system_is_taken(monkeypatch):
    monkeypatch.setattr(opus, "find_spec", lambda name: None)
    assert list(opus._names()) == ["libopus.so.0", "libopus.0.dylib", "opus.dll"]
