"""A converted stream: in order, lost packets made up, pauses, and why there is none."""

from __future__ import annotations

import pytest
from codec_kit import fit, packets, tone

from asterism.media.conversion import Conversion, why_none
from asterism.media.formats import ALAW, G722, G723, GSM, OPUS, SLIN, ULAW
from asterism.media.translate import stream_translator


def heard(fmt, pieces):
    decode = stream_translator(fmt, SLIN)
    return b"".join(map(decode, pieces))


@pytest.mark.parametrize("source", [ULAW, G722, OPUS])
@pytest.mark.parametrize("lost", [(), (10,), (10, 11, 12), (49,)])
def test_what_is_lost_is_made_up_so_that_the_time_is_right(source, lost):
    conversion, made = Conversion(source, ALAW), []
    step = source.timestamp_step
    for number, packet in enumerate(packets(source, 8000, tone(440, 8000, 1.2))):
        if number not in lost:
            made += conversion.take(packet, 0xFFFFF000 + number * step & 0xFFFFFFFF)
    pcm = heard(ALAW, made)
    assert len(pcm) == 60 * 320
    assert fit(pcm[320 * 20 : 320 * 45], 440, 8000)[1] > 5


def test_what_comes_late_or_twice_is_dropped():
    conversion = Conversion(ULAW, ALAW)
    lengths = [len(b"".join(conversion.take(bytes(160), at))) for at in (0, 160, 160, 640, 320, 800)]
    assert lengths == [160, 160, 0, 480, 0, 160]


def test_a_pause_and_another_source_begin_anew():
    conversion = Conversion(ULAW, ALAW)
    assert [len(b"".join(conversion.take(bytes(160), at))) for at in (0, 8000, 3, 163)] == [160] * 4
    conversion.begin()
    assert len(conversion.take(bytes(160), 643)) == 1


def test_tiny_packets_do_not_make_many():
    conversion = Conversion(GSM, ALAW)
    assert len(conversion.take(b"\xd0", 0)) == 1
    assert len(conversion.take(b"\xd0", 700)) <= 11


def test_packets_without_a_time_are_taken_as_they_come():
    conversion = Conversion(ULAW, ALAW)
    assert [len(conversion.take(bytes(160), None)) for _ in range(3)] == [1, 1, 1]


def test_why_there_is_none():
    assert why_none(ULAW, OPUS) == ""
    assert why_none(G723, ULAW) == why_none(ULAW, G723) == "no codec for g723"
    none = Conversion(ULAW, G723)
    assert not none
    assert none.take(bytes(160), 0) == []
