"""G.726 at 32 kbit/s by libspandsp: octets filled from their lower end, or from the upper one as in AAL2.

Both are in RFC 3551 4.5.4. From one to the other the halves of octets change places.
"""

from __future__ import annotations

import ctypes
from functools import partial
from itertools import permutations

from asterism.media.codecs.codec import Codec, Loaded, Step, whole_by
from asterism.media.codecs.library import open_library
from asterism.media.codecs.native import BYTES, INT, POINTER, Native
from asterism.media.formats import G726, G726_NON_STANDARD, G726AAL2, SLIN, Format

_LIBRARY, _PACKAGE = "libspandsp.so.2", "libspandsp2"
_BIT_RATE, _LINEAR = 32000, 0
_HIGH_END_FIRST, _LOW_END_FIRST = 1, 2
_SWAPPED = bytes((octet & 15) << 4 | octet >> 4 for octet in range(256))
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

    def __init__(self, library: ctypes.CDLL, packing: int) -> None:
        state = library.g726_init(None, _BIT_RATE, _LINEAR, packing)
        super().__init__(state, library.g726_free, 4 * _PIECE)


class _Decoder(_Stream):
    """One stream; a lost packet is 20 ms of silence."""

    __slots__ = ()

    def __init__(self, library: ctypes.CDLL, packing: int) -> None:
        super().__init__(library, packing)
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

    def __init__(self, library: ctypes.CDLL, packing: int) -> None:
        super().__init__(library, packing)
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


def _coding(library: ctypes.CDLL, fmt: Format, packing: int) -> tuple[Step, Step]:
    decoder, encoder = partial(_Decoder, library, packing), partial(_Encoder, library, packing)
    return (
        Step(fmt, SLIN, whole_by(decoder), decoder),
        Step(SLIN, fmt, whole_by(encoder, SLIN.frame_bytes), encoder),
    )


def _swap(payload: bytes) -> bytes:
    return payload.translate(_SWAPPED)


def _load() -> Loaded:
    library = open_library((_LIBRARY,), _PACKAGE, _FUNCTIONS)
    packings = {G726: _LOW_END_FIRST, G726AAL2: _HIGH_END_FIRST, G726_NON_STANDARD: _HIGH_END_FIRST}
    coding = (step for fmt, packing in packings.items() for step in _coding(library, fmt, packing))
    packing = (
        Step(one, other, bytes if packings[one] == packings[other] else _swap)
        for one, other in permutations(packings, 2)
    )
    return Loaded((*coding, *packing))


CODEC = Codec((G726, G726AAL2, G726_NON_STANDARD), _load)
