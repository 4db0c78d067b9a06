"""Louder, softer, silent: in the format that comes, where that is possible."""

from __future__ import annotations

import pytest
from codec_kit import fit, tone

from asterism.media.formats import ALAW, G722, G723, OPUS, SLIN, SLIN16, SLIN48, ULAW
from asterism.media.resample import to_octets, to_samples
from asterism.media.stream import Frame
from asterism.media.tones import samples
from asterism.media.translate import stream_translator, translator
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
    assert Mute().change(Frame(G722, b"\x01" * 160)) == Frame(SLIN16, bytes(640))
    assert Mute().change(Frame(OPUS, b"\x01" * 60)) == Frame(SLIN48, bytes(1920))  # twice 10 ms
    assert Mute().change(Frame(G723, b"\x01" * 20)) == Frame(SLIN, bytes(480))
    assert Gain(2).change(Frame(G723, b"\x01" * 20)) == Frame(G723, b"\x01" * 20)


def test_audio_of_a_codec_is_made_louder_without_a_seam():
    encode, gain = stream_translator(SLIN16, G722), Gain(2.0)
    frames = [
        gain.change(Frame(G722, encode(piece)))
        for piece in [tone(440, 16000)[at : at + 640] for at in range(0, 32000, 640)]
    ]
    assert {frame.format for frame in frames} == {SLIN16}
    level, noise = fit(b"".join(frame.payload for frame in frames[5:]), 440, 16000)
    assert level == pytest.approx(16000, rel=0.03)
    assert noise > 35
