"""G.711 as a codec: both laws, to each other and to linear audio."""

from __future__ import annotations

import pytest
from codec_kit import check_nonsense, through

from asterism.media.codecs.codec import loaded
from asterism.media.codecs.g711 import CODEC
from asterism.media.formats import ALAW, SLIN, ULAW


@pytest.mark.parametrize("fmt", [ULAW, ALAW])
@pytest.mark.parametrize("ms", [10, 20, 30])
def test_a_tone_stays_that_tone(fmt, ms):
    level, noise, count = through(fmt, 1000, 8000, ms)
    assert level == pytest.approx(8000, rel=0.02)
    assert noise > 33
    assert count == pytest.approx(8000, abs=240)


def test_its_steps():
    pairs = {(step.source, step.target) for step in loaded(CODEC).steps}
    assert pairs == {(ULAW, ALAW), (ALAW, ULAW), (ULAW, SLIN), (ALAW, SLIN), (SLIN, ULAW), (SLIN, ALAW)}


@pytest.mark.parametrize("fmt", [ULAW, ALAW])
def test_nonsense_is_taken(fmt):
    check_nonsense(fmt)
