"""G.726 at 32 kbit/s, octets filled from their lower end (RFC 3551 4.5.4), by libspandsp."""

from __future__ import annotations

import ctypes
from functools import partial

from asterism.media.codecs.codec import Codec, Loaded, Step, whole_by
from asterism.media.codecs.library import open_library
from asterism.media.codecs.native import BYTES, INT, POINTER, Native
from asterism.media.formats import G726, SLIN

_LIBRARY, _PACKAGE = "libspandsp.so.2", "libspandsp2"
_BIT_RATE, _LINEAR, _LOW_END_FIRST = 32000, 0, 2
_PIECE = 4096
"""Octets of a payload that are translated at once."""
_FUNCTIONS = {
    "g726_init": (POINTER, (POINTER, INT, INT, INT)),
    "g726_free": (INT, (POINTER,)),
    "g726_decode": (INT, (POINTER, POINTER, BYTES, INT)),
    "g726_encode": (INT, (POINTER, POINTER, BYTES, INT)),
}


class _Stream(Native):
    """State of one stream: two samples an octet."""

    __slots__ = ("_run",)

    def __init__(self, library: ctypes.CDLL) -> None:
        state = library.g726_init(None, _BIT_RATE, _LINEAR, _LOW_END_FIRST)
        super().__init__(state, library.g726_free, 4 * _PIECE)


class _Decoder(_Stream):
    """One stream; a lost packet is 20 ms of silence."""

    __slots__ = ()

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__(library)
        self._run = library.g726_decode

    def __call__(self, payload: bytes) -> bytes:
        if not payload:
            return bytes(SLIN.frame_bytes)
        made: list[bytes] = []
        for at in range(0, len(payload), _PIECE):
            piece = payload[at : at + _PIECE]
            samples = self._run(self._state, self.out, piece, len(piece))
            made.append(self.view[: 2 * samples].tobytes())
        return b"".join(made)


class _Encoder(_Stream):
    """One stream; an odd sample waits for the next."""

    __slots__ = ("_left",)

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__(library)
        self._run = library.g726_encode
        self._left = b""

    def __call__(self, pcm: bytes) -> bytes:
        data = self._left + pcm
        end = len(data) & ~3
        self._left = data[end:]
        made: list[bytes] = []
        for at in range(0, end, 4 * _PIECE):
            piece = data[at : min(end, at + 4 * _PIECE)]
            octets = self._run(self._state, self.out, piece, len(piece) // 2)
            made.append(self.view[:octets].tobytes())
        return b"".join(made)


def _load() -> Loaded:
    library = open_library((_LIBRARY,), _PACKAGE, _FUNCTIONS)
    decoder, encoder = partial(_Decoder, library), partial(_Encoder, library)
    return Loaded(
        (
            Step(G726, SLIN, whole_by(decoder), decoder),
            Step(SLIN, G726, whole_by(encoder, SLIN.frame_bytes), encoder),
        )
    )


CODEC = Codec((G726,), _load, _LIBRARY, _PACKAGE)
