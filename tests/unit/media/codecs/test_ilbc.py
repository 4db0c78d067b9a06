"""iLBC by libilbc: how it is called, simulated where it is not installed; and with it, where it is."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
from codec_kit import check_nonsense, fit, packets, pieces, through, tone

from asterism.media.codecs import ilbc
from asterism.media.codecs.codec import loaded
from asterism.media.formats import ILBC, SLIN
from asterism.media.translate import stream_translator, translator

needs_library = pytest.mark.skipif(bool(loaded(ilbc.CODEC).reason), reason=loaded(ilbc.CODEC).reason)


class Library:
    """Calls as libilbc takes them. A frame is every so manieth sample, so that order, lengths and loss are seen."""

    def __init__(self) -> None:
        self.modes: dict[int, int] = {}
        self.freed: list[int] = []

    def _create(self, place) -> int:
        handle = len(self.modes) + 1
        ctypes.cast(place, ctypes.POINTER(ctypes.c_void_p))[0] = handle
        self.modes[handle] = 0
        return 0

    def _init(self, handle, ms) -> int:
        assert ms in (20, 30)
        self.modes[handle] = ms
        return 0

    def _free(self, handle) -> int:
        self.freed.append(handle)
        return 0

    WebRtcIlbcfix_EncoderCreate = WebRtcIlbcfix_DecoderCreate = _create
    WebRtcIlbcfix_EncoderInit = WebRtcIlbcfix_DecoderInit = _init
    WebRtcIlbcfix_EncoderFree = WebRtcIlbcfix_DecoderFree = _free

    def WebRtcIlbcfix_Encode(self, handle, pcm, samples, out) -> int:
        ms = self.modes[handle]
        assert samples == 8 * ms == len(pcm) // 2
        octets = {20: 38, 30: 50}[ms]
        ctypes.memmove(out, bytes([pcm[0]]) * octets, octets)
        return octets

    def WebRtcIlbcfix_Decode(self, handle, frame, size, out, kind) -> int:
        ms = self.modes[handle]
        assert size == len(frame) == {20: 38, 30: 50}[ms]
        ctypes.memmove(out, frame[:1] * (16 * ms), 16 * ms)
        return 8 * ms

    def WebRtcIlbcfix_DecodePlc(self, handle, out, frames) -> int:
        assert frames == 1
        ms = self.modes[handle]
        ctypes.memmove(out, b"\x7f" * (16 * ms), 16 * ms)
        return 8 * ms


def simulated() -> Any:
    return Library()


def test_audio_of_20_ms_becomes_frames_of_30_or_as_the_peer_asks_of_20():
    pcm = [bytes([n]) * 320 for n in range(6)]
    made = list(map(ilbc._Encoder(simulated()), pcm))
    assert [len(one) for one in made] == [0, 50, 50, 0, 50, 50]
    assert [one[:1] for one in made if one] == [b"\0", b"\1", b"\3", b"\4"]
    for parameters in ("mode=20", "x=1; MODE = 20"):
        made = list(map(ilbc._Encoder(simulated(), parameters), pcm))
        assert made == [bytes([n]) * 38 for n in range(6)]
    assert [len(one) for one in map(ilbc._Encoder(simulated(), "mode=30"), pcm[:2])] == [0, 50]
    assert len(ilbc._Encoder(simulated())(bytes(960))) == 100


def test_frames_of_either_length_are_decoded_and_loss_is_concealed_for_a_while():
    library = simulated()
    decode = ilbc._Decoder(library)
    assert decode(b"\1" * 50 + b"\2" * 50) == b"\1" * 480 + b"\2" * 480
    assert decode(b"\3" * 38) == b"\3" * 320
    assert [decode(b"") for _ in range(4)] == [b"\x7f" * 320] * 3 + [bytes(320)]
    assert decode(b"nonsense") == bytes(320)
    assert decode(b"\4" * 50) == b"\4" * 480
    assert decode(b"") == b"\x7f" * 480
    del decode
    assert library.freed == [1]


@needs_library
@pytest.mark.parametrize("ms", [10, 20, 30, 60])
def test_a_tone_stays_that_tone(ms):
    level, noise, count = through(ILBC, 440, 8000, ms)
    assert level == pytest.approx(8000, rel=0.2)
    assert noise > 10
    assert count == pytest.approx(8000, abs=480)


@needs_library
def test_a_lost_packet_is_concealed():
    decode = stream_translator(ILBC, SLIN)
    for packet in packets(ILBC, 8000, tone(440, 8000, 0.3)):
        decode(packet)
    assert fit(decode(b""), 440, 8000)[0] > 1000


@needs_library
def test_frames_of_20_ms():
    encode = stream_translator(SLIN, ILBC, "mode=20")
    assert {len(encode(piece)) for piece in pieces(tone(440, 8000), 320)} == {38}


@needs_library
def test_nonsense_is_taken():
    check_nonsense(ILBC)
    assert translator(SLIN, ILBC) is None


def test_without_the_library_the_reason_says_what_to_install(monkeypatch):
    def absent(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    assert loaded.__wrapped__(ilbc.CODEC) == ((), "install libilbc")
