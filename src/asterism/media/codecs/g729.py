"""G.729 Annex A and B (RFC 3551 4.5.6) by libbcg729, which is under the GPL: it is used where it is installed."""

from __future__ import annotations

import ctypes
from functools import partial

from asterism.media.codecs.codec import Codec, Loaded, Step, whole_by
from asterism.media.codecs.library import open_library
from asterism.media.codecs.native import BYTES, POINTER, Native, Pieces
from asterism.media.formats import G729, SLIN

_LIBRARY, _PACKAGE = "libbcg729.so.0", "libbcg729-0"
_FRAME, _NOISE = 10, 2
"""Octets of a frame of speech, and of one of comfort noise: 10 ms each."""
_PCM_BYTES = 160
_MOST_LOST = 10
"""Frames in a row that are concealed; then comes silence."""
_BYTE = ctypes.c_uint8
_FUNCTIONS = {
    "initBcg729EncoderChannel": (POINTER, (_BYTE,)),
    "closeBcg729EncoderChannel": (None, (POINTER,)),
    "bcg729Encoder": (None, (POINTER, BYTES, POINTER, POINTER)),
    "initBcg729DecoderChannel": (POINTER, ()),
    "closeBcg729DecoderChannel": (None, (POINTER,)),
    "bcg729Decoder": (None, (POINTER, BYTES, _BYTE, _BYTE, _BYTE, _BYTE, POINTER)),
}


class _Decoder(Native):
    """One stream. A lost packet, and what is no frame, is concealed by the codec."""

    __slots__ = ("_decode", "_frames", "_lost")

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__(library.initBcg729DecoderChannel(), library.closeBcg729DecoderChannel, _PCM_BYTES)
        self._decode = library.bcg729Decoder
        self._lost = 0
        self._frames = 2
        """Frames of the packet before."""

    def __call__(self, payload: bytes) -> bytes:
        whole, rest = divmod(len(payload), _FRAME)
        frames = [payload[at : at + _FRAME] for at in range(0, whole * _FRAME, _FRAME)]
        if rest == _NOISE:
            frames.append(payload[-_NOISE:])
        if not frames:
            return b"".join([self._conceal() for _ in range(self._frames)])
        self._frames, self._lost = min(len(frames), 10), 0
        return b"".join(map(self._frame, frames))

    def _frame(self, frame: bytes) -> bytes:
        self._decode(self._state, frame, len(frame), 0, len(frame) == _NOISE, 0, self.out)
        return self.view.tobytes()

    def _conceal(self) -> bytes:
        self._lost += 1
        if self._lost > _MOST_LOST:
            return bytes(_PCM_BYTES)
        self._decode(self._state, None, 0, 1, 0, 0, self.out)
        return self.view.tobytes()


class _Encoder(Native):
    """One stream, without comfort noise: not every phone takes it."""

    __slots__ = ("_encode", "_pieces", "_size")

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__(library.initBcg729EncoderChannel(0), library.closeBcg729EncoderChannel, _FRAME)
        self._encode = library.bcg729Encoder
        self._pieces = Pieces(_PCM_BYTES)
        self._size = _BYTE()

    def __call__(self, pcm: bytes) -> bytes:
        made: list[bytes] = []
        for piece in self._pieces.cut(pcm):
            self._encode(self._state, piece, self.out, ctypes.byref(self._size))
            made.append(self.view[: self._size.value].tobytes())
        return b"".join(made)


def _load() -> Loaded:
    library = open_library((_LIBRARY,), _PACKAGE, _FUNCTIONS)
    decoder, encoder = partial(_Decoder, library), partial(_Encoder, library)
    return Loaded(
        (
            Step(G729, SLIN, whole_by(decoder), decoder),
            Step(SLIN, G729, whole_by(encoder, SLIN.frame_bytes), encoder),
        )
    )


CODEC = Codec((G729,), _load)
