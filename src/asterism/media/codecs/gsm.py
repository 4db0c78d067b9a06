"""GSM full rate (RFC 3551 4.5.8) by libgsm; without it a decoder of our own, and nothing encodes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial

from asterism.media.codecs.codec import Codec, Loaded, Step, Translator, whole_by
from asterism.media.codecs.gsm_decoder import FRAME_BYTES, GsmDecoder
from asterism.media.codecs.library import MissingLibraryError, open_library
from asterism.media.formats import GSM, SLIN

_LIBRARY, _PACKAGE = "libgsm.so.1", "libgsm1"
_PCM_BYTES = 320
_MOST_LOST = 3
"""Packets in a row that are made up from the one before; then comes silence."""
_POINTER, _BYTES = ctypes.c_void_p, ctypes.c_char_p
_FUNCTIONS = {
    "gsm_create": (_POINTER, ()),
    "gsm_destroy": (None, (_POINTER,)),
    "gsm_encode": (None, (_POINTER, _BYTES, _POINTER)),
    "gsm_decode": (ctypes.c_int, (_POINTER, _BYTES, _POINTER)),
}


class _Native:
    """State of one stream in the library."""

    __slots__ = ("_destroy", "_out", "_state", "_view")

    def __init__(self, library: ctypes.CDLL, size: int) -> None:
        self._destroy = library.gsm_destroy
        self._state = library.gsm_create()
        if not self._state:
            raise MemoryError("libgsm has no memory for a stream")
        self._out = ctypes.create_string_buffer(size)
        self._view = memoryview(self._out)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._destroy(self._state)


class _Decoder(_Native):
    """One stream; a lost packet is made up from the one before."""

    __slots__ = ("_before", "_decode", "_lost")

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__(library, _PCM_BYTES)
        self._decode = library.gsm_decode
        self._before = b""
        self._lost = 0

    def __call__(self, payload: bytes) -> bytes:
        frames = [payload[at : at + FRAME_BYTES] for at in range(0, len(payload), FRAME_BYTES)] or [b""]
        return b"".join([self._frame(frame) for frame in frames])

    def _frame(self, frame: bytes) -> bytes:
        if len(frame) == FRAME_BYTES and not self._decode(self._state, frame, self._out):
            self._before, self._lost = frame, 0
            return self._view.tobytes()
        self._lost += 1
        if self._before and self._lost <= _MOST_LOST and not self._decode(self._state, self._before, self._out):
            return self._view.tobytes()
        return bytes(_PCM_BYTES)


class _Encoder(_Native):
    """One stream: the frames that are full."""

    __slots__ = ("_encode", "_left")

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__(library, FRAME_BYTES)
        self._encode = library.gsm_encode
        self._left = b""

    def __call__(self, pcm: bytes) -> bytes:
        data = self._left + pcm if self._left else pcm
        end = len(data) - len(data) % _PCM_BYTES
        self._left = data[end:]
        pieces: list[bytes] = []
        for at in range(0, end, _PCM_BYTES):
            self._encode(self._state, data[at : at + _PCM_BYTES], self._out)
            pieces.append(self._view.tobytes())
        return b"".join(pieces)


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


CODEC = Codec((GSM,), _load, _LIBRARY, _PACKAGE)
