"""GSM full rate (RFC 3551 4.5.8) by libgsm; without it a decoder of our own, and nothing encodes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial

from asterism.media.codecs.codec import Codec, Loaded, Step, Translator, whole_by
from asterism.media.codecs.gsm_decoder import FRAME_BYTES, GsmDecoder
from asterism.media.codecs.library import MissingLibraryError, open_library
from asterism.media.codecs.native import BYTES, INT, POINTER, Native, Pieces
from asterism.media.formats import GSM, SLIN

_LIBRARY, _PACKAGE = "libgsm.so.1", "libgsm1"
_PCM_BYTES = 320
_MOST_LOST = 3
"""Packets in a row that are made up from the one before; then comes silence."""
_FUNCTIONS = {
    "gsm_create": (POINTER, ()),
    "gsm_destroy": (None, (POINTER,)),
    "gsm_encode": (None, (POINTER, BYTES, POINTER)),
    "gsm_decode": (INT, (POINTER, BYTES, POINTER)),
}


class _Decoder(Native):
    """One stream; a lost packet is made up from the one before."""

    __slots__ = ("_before", "_decode", "_lost")

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__(library.gsm_create(), library.gsm_destroy, _PCM_BYTES)
        self._decode = library.gsm_decode
        self._before = b""
        self._lost = 0

    def __call__(self, payload: bytes) -> bytes:
        frames = [payload[at : at + FRAME_BYTES] for at in range(0, len(payload), FRAME_BYTES)] or [b""]
        return b"".join([self._frame(frame) for frame in frames])

    def _frame(self, frame: bytes) -> bytes:
        if len(frame) == FRAME_BYTES and not self._decode(self._state, frame, self.out):
            self._before, self._lost = frame, 0
            return self.view.tobytes()
        self._lost += 1
        if self._before and self._lost <= _MOST_LOST and not self._decode(self._state, self._before, self.out):
            return self.view.tobytes()
        return bytes(_PCM_BYTES)


class _Encoder(Native):
    """One stream: the frames that are full."""

    __slots__ = ("_encode", "_pieces")

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__(library.gsm_create(), library.gsm_destroy, FRAME_BYTES)
        self._encode = library.gsm_encode
        self._pieces = Pieces(_PCM_BYTES)

    def __call__(self, pcm: bytes) -> bytes:
        made: list[bytes] = []
        for piece in self._pieces.cut(pcm):
            self._encode(self._state, piece, self.out)
            made.append(self.view.tobytes())
        return b"".join(made)


def _decoding(decoder: Callable[[], Translator]) -> Step:
    return Step(GSM, SLIN, whole_by(decoder), decoder)


def _load() -> Loaded:
    try:
        library = open_library((_LIBRARY,), _PACKAGE, _FUNCTIONS)
    except MissingLibraryError as error:
        return Loaded((_decoding(GsmDecoder),), f"it is decoded only, slowly; {error}")
    encoder = partial(_Encoder, library)
    encoding = Step(SLIN, GSM, whole_by(encoder, _PCM_BYTES), encoder)
    return Loaded((_decoding(partial(_Decoder, library)), encoding))


CODEC = Codec((GSM,), _load)
