from __future__ import annotations

import math
from itertools import permutations

import pytest

from asterism.media.formats import ALAW, G722, G723, LINEAR, SLIN, SLIN16, SLIN48, SLIN192, ULAW
from asterism.media.g711 import alaw_to_linear, ulaw_to_linear
from asterism.media.resample import to_samples
from asterism.media.tones import tone_frames
from asterism.media.translate import path, silence, stream_translator, translator


@pytest.mark.parametrize(
    ("fmt", "decode"), [(ULAW, ulaw_to_linear), (ALAW, alaw_to_linear), (SLIN, bytes), (SLIN16, bytes)]
)
def test_silence_is_next_to_nothing(fmt, decode):
    payload = silence(fmt, 160)
    assert len(payload) == 160
    samples = memoryview(decode(payload)).cast("h")
    assert max(abs(sample) for sample in samples) <= 8


def test_there_is_none_where_it_would_have_to_be_encoded():
    assert silence(G722, 160) == b""


CONVERTED = (ULAW, ALAW, *LINEAR.values())


def steps(source, target):
    return [fmt.name for fmt in path(source, target).formats]


def test_the_way_of_each_pair():
    assert steps(ULAW, ALAW) == ["ulaw", "alaw"]
    assert steps(ULAW, SLIN48) == ["ulaw", "slin", "slin48"]
    assert steps(SLIN48, ALAW) == ["slin48", "slin", "alaw"]
    assert steps(SLIN16, SLIN192) == ["slin16", "slin192"]  # not through a narrower one
    assert path(ULAW, ULAW).formats == ()
    assert path(ULAW, G723) is None
    assert path(G723, ULAW) is None
    assert path(SLIN16, SLIN192) is path(SLIN16, SLIN192)
    for source, target in permutations(CONVERTED, 2):
        assert path(source, target).cost > 0


@pytest.mark.parametrize(("source", "target"), list(permutations(CONVERTED, 2)))
def test_each_pair_keeps_the_length_and_the_loudness(source, target):
    start = bytes(sample for _ in range(50) for sample in tone_frames("milliwatt").__next__().payload)
    assert len(start) == 16000
    data = translator(SLIN, source)(start)
    whole = translator(source, target)(data)
    stream = stream_translator(source, target)
    pieces = b"".join(stream(data[at : at + source.frame_bytes]) for at in range(0, len(data), source.frame_bytes))
    for found in (whole, pieces):
        assert len(found) == 50 * target.frame_bytes
        samples = to_samples(translator(target, SLIN)(found))
        level = math.sqrt(float((samples[400:-400] ** 2).mean()))
        assert level == pytest.approx(7219 / math.sqrt(2), rel=0.03)


def test_streams_do_not_share_what_they_remember():
    one, two = stream_translator(ULAW, SLIN16), stream_translator(ULAW, SLIN16)
    one(b"\x00" * 160)
    assert two(b"\xff" * 160) == bytes(640)
    assert one(b"\xff" * 160) != bytes(640)
