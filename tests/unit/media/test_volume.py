"""Louder, softer, silent: in the format that comes, where that is possible."""

from __future__ import annotations

import pytest

from asterism.media.formats import ALAW, G722, SLIN, SLIN16, ULAW
from asterism.media.resample import to_octets, to_samples
from asterism.media.stream import Frame
from asterism.media.tones import samples
from asterism.media.translate import translator
from asterism.media.volume import Gain, Mute

TONE = samples((440,), 160)


def peak(frame):
    return abs(to_samples(translator(frame.format, SLIN)(frame.payload))).max()


@pytest.mark.parametrize("fmt", [ULAW, ALAW, SLIN])
@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_a_factor(fmt, factor):
    frame = Frame(fmt, translator(SLIN, fmt)(TONE))
    changed = Gain(factor).change(frame)
    assert changed.format is fmt
    assert peak(changed) == pytest.approx(7219 * factor, rel=0.05)


@pytest.mark.parametrize("fmt", [ULAW, ALAW, SLIN])
def test_what_is_too_loud_is_cut_off_and_does_not_wrap(fmt):
    loud = translator(SLIN, fmt)(to_octets(to_samples(TONE) * 4))
    changed = Gain(50).change(Frame(fmt, loud))
    before, after = (to_samples(translator(fmt, SLIN)(data)) for data in (loud, changed.payload))
    assert ((before > 0) == (after > 0)).all()
    assert abs(after).max() > 32000


def test_silence_of_each_format():
    assert Mute().change(Frame(ULAW, b"\x01" * 160)) == Frame(ULAW, b"\xff" * 160)
    assert Mute().change(Frame(SLIN16, b"\x01" * 640)) == Frame(SLIN16, bytes(640))
    assert Mute().change(Frame(G722, b"\x01" * 160)) is None
    assert Gain(2).change(Frame(G722, b"\x01" * 160)) == Frame(G722, b"\x01" * 160)
