"""G.726 by libspandsp."""

from __future__ import annotations

import ctypes

import pytest
from codec_kit import check_nonsense, packets, through, tone

from asterism.media.codecs import g726
from asterism.media.codecs.codec import loaded
from asterism.media.formats import G726, G726_NON_STANDARD, G726AAL2, SLIN
from asterism.media.translate import stream_translator, translator

needs_library = pytest.mark.skipif(bool(loaded(g726.CODEC).reason), reason=loaded(g726.CODEC).reason)


@needs_library
@pytest.mark.parametrize("ms", [10, 20, 30, 60])
def test_a_tone_stays_that_tone(ms):
    level, noise, count = through(G726, 1000, 8000, ms)
    assert level == pytest.approx(8000, rel=0.02)
    assert noise > 25
    assert count == pytest.approx(8000, abs=480)


@needs_library
def test_the_first_sample_is_in_the_lower_half_of_an_octet():
    """RFC 3551 4.5.4."""
    packet = packets(G726, 8000, tone(440, 8000, 0.02))[0]
    swapped = bytes((octet & 15) << 4 | octet >> 4 for octet in packet)
    one, other = (translator(G726, SLIN)(data) for data in (packet, swapped))
    assert len(packet) == 80
    assert one != other


@needs_library
def test_whole_sounds_lost_packets_and_odd_samples():
    assert len(translator(SLIN, G726)(bytes(640 * 100))) == 100 * 160
    assert len(translator(G726, SLIN)(bytes(10_000))) == 40_000
    assert stream_translator(G726, SLIN)(b"") == bytes(320)
    encode = stream_translator(SLIN, G726)
    assert [len(encode(bytes(size))) for size in (2, 2, 7, 1)] == [0, 1, 1, 1]


@needs_library
def test_nonsense_is_taken():
    check_nonsense(G726)


def test_without_the_library_the_reason_says_what_to_install(monkeypatch):
    def absent(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    assert loaded.__wrapped__(g726.CODEC) == ((), "install libspandsp2")


@needs_library
@pytest.mark.parametrize("fmt", [G726AAL2, G726_NON_STANDARD])
def test_aal2_has_the_first_sample_in_the_upper_half(fmt):
    """RFC 3551 4.5.4: the same codewords, octets filled from the other end."""
    sound = tone(440, 8000, 0.2)
    ours = translator(SLIN, G726)(sound)
    swapped = bytes((octet & 15) << 4 | octet >> 4 for octet in ours)
    assert translator(SLIN, fmt)(sound) == swapped
    assert translator(fmt, SLIN)(swapped) == translator(G726, SLIN)(ours)
    level, noise, _ = through(fmt, 1000, 8000, 20)
    assert level == pytest.approx(8000, rel=0.02)
    assert noise > 25


@needs_library
def test_from_one_packing_to_another_nothing_is_lost():
    octets = bytes(range(256))
    swapped = bytes((octet & 15) << 4 | octet >> 4 for octet in octets)
    assert translator(G726, G726AAL2)(octets) == translator(G726_NON_STANDARD, G726)(octets) == swapped
    assert stream_translator(G726AAL2, G726)(swapped) == octets
    assert translator(G726_NON_STANDARD, G726AAL2)(octets) == octets
