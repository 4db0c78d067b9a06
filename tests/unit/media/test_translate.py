from __future__ import annotations

import pytest

from asterism.media.formats import ALAW, G722, SLIN, SLIN16, ULAW
from asterism.media.g711 import alaw_to_linear, ulaw_to_linear
from asterism.media.translate import silence


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
