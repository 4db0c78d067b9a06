"""Our own GSM decoder gives bit by bit what libgsm gives."""

from __future__ import annotations

import random

import numpy as np
import pytest
from codec_kit import nonsense, packets, pieces, tone

from asterism.media.codecs import gsm
from asterism.media.codecs.codec import loaded
from asterism.media.codecs.gsm_decoder import GsmDecoder
from asterism.media.formats import GSM, SLIN
from asterism.media.resample import to_octets
from asterism.media.translate import stream_translator

needs_library = pytest.mark.skipif(bool(loaded(gsm.CODEC).reason), reason=loaded(gsm.CODEC).reason)
SILENT = bytes.fromhex("d820a2e15a50004924924924500049249249245000492492492450004924924924")


def test_silence_is_silent():
    decode = GsmDecoder()
    assert max(abs(np.frombuffer(decode(SILENT * 10), "<i2"))) <= 32


def test_what_is_no_frame_is_silence():
    decode = GsmDecoder()
    assert decode(b"") == decode(b"\xd0" * 12) == decode(bytes(33)) == bytes(320)
    assert len(decode(SILENT + SILENT[:5])) == 640


def test_nonsense_is_taken():
    nonsense(GsmDecoder(), 1)


@needs_library
@pytest.mark.parametrize("kind", ["tone", "noise", "loud", "random frames"])
def test_it_is_the_same_as_libgsm_bit_by_bit(kind):
    draw = random.Random(7)
    if kind == "random frames":
        made = [bytes([0xD0 | draw.randrange(16)]) + draw.randbytes(32) for _ in range(50)]
    else:
        noise = np.random.default_rng(2).normal(0, 3000 if kind == "noise" else 30000, 8000)
        pcm = tone(440, 8000) if kind == "tone" else to_octets(noise.astype(np.float32))
        made = packets(GSM, 8000, pcm)
    theirs, ours = stream_translator(GSM, SLIN), GsmDecoder()
    for frame in made:
        assert pieces(ours(frame), 40) == pieces(theirs(frame), 40)
