"""iLBC (RFC 3951, RFC 3952) by libilbc: frames of 30 ms, or of 20 where the peer asks for them (``mode=20``)."""

from __future__ import annotations

import ctypes
from functools import partial

from asterism.media.codecs.codec import Codec, Loaded, Step, whole_by
from asterism.media.codecs.library import open_library
from asterism.media.codecs.native import BYTES, INT, POINTER, Native, Pieces
from asterism.media.formats import ILBC, SLIN

_LIBRARIES, _PACKAGE = ("libilbc.so.3", "libilbc.so.2"), "libilbc"
_OCTETS = {30: 50, 20: 38}
"""Octets of a frame by its length in milliseconds."""
_MOST_LOST = 3
"""Packets in a row that are concealed; then comes silence."""
_SIZE = ctypes.c_size_t
_FUNCTIONS = {
    "WebRtcIlbcfix_EncoderCreate": (ctypes.c_int16, (POINTER,)),
    "WebRtcIlbcfix_EncoderInit": (ctypes.c_int16, (POINTER, ctypes.c_int16)),
    "WebRtcIlbcfix_EncoderFree": (ctypes.c_int16, (POINTER,)),
    "WebRtcIlbcfix_Encode": (INT, (POINTER, BYTES, _SIZE, POINTER)),
    "WebRtcIlbcfix_DecoderCreate": (ctypes.c_int16, (POINTER,)),
    "WebRtcIlbcfix_DecoderInit": (ctypes.c_int16, (POINTER, ctypes.c_int16)),
    "WebRtcIlbcfix_DecoderFree": (ctypes.c_int16, (POINTER,)),
    "WebRtcIlbcfix_Decode": (INT, (POINTER, BYTES, _SIZE, POINTER, POINTER)),
    "WebRtcIlbcfix_DecodePlc": (_SIZE, (POINTER, POINTER, _SIZE)),
}


class _Stream(Native):
    """State of one stream, for frames of one length."""

    __slots__ = ("_library", "_ms")

    def __init__(self, library: ctypes.CDLL, kind: str, size: int) -> None:
        state = POINTER()
        getattr(library, f"WebRtcIlbcfix_{kind}Create")(ctypes.byref(state))
        super().__init__(state.value, getattr(library, f"WebRtcIlbcfix_{kind}Free"), size)
        self._library = library
        self._ms = 0


class _Decoder(_Stream):
    """One stream, of frames of either length. A lost packet, and what is no frame, is concealed by the codec."""

    __slots__ = ("_kind", "_lost")

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__(library, "Decoder", 2 * 240)
        self._lost = 0
        self._kind = ctypes.c_int16()
        self._begin(30)

    def _begin(self, ms: int) -> None:
        if ms != self._ms:
            self._ms = ms
            self._library.WebRtcIlbcfix_DecoderInit(self._state, ms)

    def __call__(self, payload: bytes) -> bytes:
        ms = next((ms for ms, octets in _OCTETS.items() if payload and not len(payload) % octets), 0)
        if not ms:
            return self._conceal()
        self._begin(ms)
        self._lost = 0
        octets = _OCTETS[ms]
        return b"".join([self._frame(payload[at : at + octets]) for at in range(0, len(payload), octets)])

    def _frame(self, frame: bytes) -> bytes:
        kind = ctypes.byref(self._kind)
        samples = self._library.WebRtcIlbcfix_Decode(self._state, frame, len(frame), self.out, kind)
        return self._given(samples)

    def _conceal(self) -> bytes:
        self._lost += 1
        if self._lost > _MOST_LOST:
            return bytes(16 * self._ms)
        return self._given(self._library.WebRtcIlbcfix_DecodePlc(self._state, self.out, 1))

    def _given(self, samples: int) -> bytes:
        return self.view[: 2 * samples].tobytes() if 0 < samples <= 240 else bytes(16 * self._ms)


class _Encoder(_Stream):
    """One stream."""

    __slots__ = ("_pieces",)

    def __init__(self, library: ctypes.CDLL, parameters: str = "") -> None:
        super().__init__(library, "Encoder", 64)
        wanted = [piece.replace(" ", "").lower() for piece in parameters.split(";")]
        self._ms = 20 if "mode=20" in wanted else 30
        library.WebRtcIlbcfix_EncoderInit(self._state, self._ms)
        self._pieces = Pieces(16 * self._ms)

    def __call__(self, pcm: bytes) -> bytes:
        made: list[bytes] = []
        for piece in self._pieces.cut(pcm):
            octets = self._library.WebRtcIlbcfix_Encode(self._state, piece, len(piece) // 2, self.out)
            made.append(self.view[: max(0, octets)].tobytes())
        return b"".join(made)


def _load() -> Loaded:
    library = open_library(_LIBRARIES, _PACKAGE, _FUNCTIONS)
    decoder, encoder = partial(_Decoder, library), partial(_Encoder, library)
    return Loaded((Step(ILBC, SLIN, whole_by(decoder), decoder), Step(SLIN, ILBC, None, encoder, encoder)))


CODEC = Codec((ILBC,), _load)
