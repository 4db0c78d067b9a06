"""Whatever comes is decoded as one stream."""

from __future__ import annotations

import pytest
from codec_kit import fit, pieces, tone

from asterism.media.decoding import Decoding
from asterism.media.formats import G722, G723, SLIN, SLIN16, ULAW
from asterism.media.stream import Frame
from asterism.media.translate import stream_translator


def test_a_stream_is_decoded_without_a_seam_at_its_own_rate():
    encode, decoding = stream_translator(SLIN16, G722), Decoding()
    heard = [decoding.take(Frame(G722, encode(piece))) for piece in pieces(tone(440, 16000), 640)]
    assert decoding.linear is SLIN16
    level, noise = fit(b"".join(heard[5:]), 440, 16000)
    assert level == pytest.approx(8000, rel=0.02)
    assert noise > 40


def test_the_format_may_change_and_may_be_one_that_cannot_be_decoded():
    decoding = Decoding()
    assert len(decoding.take(Frame(ULAW, bytes(160)))) == 320
    assert decoding.linear is SLIN
    assert decoding.take(Frame(G723, bytes(24))) is None
    assert len(decoding.take(Frame(G722, bytes(160)))) == 640
