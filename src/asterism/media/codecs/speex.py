"""Speex, narrowband and wideband (RFC 5574), by libspeex."""

from __future__ import annotations

import ctypes
from functools import partial

from asterism.media.codecs.codec import Codec, Loaded, Step, whole_by
from asterism.media.codecs.library import open_library
from asterism.media.codecs.native import BYTES, INT, POINTER, Native, Pieces
from asterism.media.durations import speex_frames
from asterism.media.formats import LINEAR, SPEEX, SPEEX16, Format

_LIBRARY, _PACKAGE = "libspeex.so.1", "libspeex1"
_SET_QUALITY, _QUALITY = 4, 8
_LARGEST = 600
"""Octets of the packets that are made."""
_MOST_LOST = 5
"""Packets in a row that are concealed; then comes silence."""


class _Bits(ctypes.Structure):
    """``SpeexBits``."""

    _fields_ = (
        ("chars", POINTER), ("nb_bits", INT), ("char_place", INT), ("bit_place", INT), ("owner", INT),
        ("overflow", INT), ("size", INT), ("reserved", INT), ("reserved_too", POINTER),
    )  # fmt: skip


_FUNCTIONS = {
    "speex_lib_get_mode": (POINTER, (INT,)),
    "speex_encoder_init": (POINTER, (POINTER,)),
    "speex_encoder_ctl": (INT, (POINTER, INT, POINTER)),
    "speex_encoder_destroy": (None, (POINTER,)),
    "speex_encode_int": (INT, (POINTER, BYTES, POINTER)),
    "speex_decoder_init": (POINTER, (POINTER,)),
    "speex_decoder_destroy": (None, (POINTER,)),
    "speex_decode_int": (INT, (POINTER, POINTER, POINTER)),
    "speex_bits_init": (None, (POINTER,)),
    "speex_bits_destroy": (None, (POINTER,)),
    "speex_bits_reset": (None, (POINTER,)),
    "speex_bits_read_from": (None, (POINTER, BYTES, INT)),
    "speex_bits_write": (INT, (POINTER, POINTER, INT)),
}


class _Stream(Native):
    """State of one stream, with the bits it reads or writes."""

    __slots__ = ("_bits", "_free", "_library", "_place")

    def __init__(self, library: ctypes.CDLL, state: int, destroy: str, size: int) -> None:
        super().__init__(state, getattr(library, destroy), size)
        self._library = library
        self._bits = _Bits()
        self._place = ctypes.byref(self._bits)
        library.speex_bits_init(self._place)
        self._free = library.speex_bits_destroy

    def __del__(self) -> None:
        if hasattr(self, "_free"):
            self._free(self._place)
        super().__del__()


class _Decoder(_Stream):
    """One stream. A lost packet, and what is no frame, is concealed by the codec.

    What the library would complain of on the standard error stream is not given to it.
    """

    __slots__ = ("_frame", "_frames", "_lost", "_wide")

    def __init__(self, library: ctypes.CDLL, mode: int, linear: Format) -> None:
        self._frame, self._wide = linear.frame_bytes, mode > 0
        state = library.speex_decoder_init(library.speex_lib_get_mode(mode))
        super().__init__(library, state, "speex_decoder_destroy", self._frame)
        self._lost = 0
        self._frames = 1
        """Frames of the packet before."""

    def __call__(self, payload: bytes) -> bytes:
        count = speex_frames(payload, self._wide)
        if count:
            self._library.speex_bits_read_from(self._place, payload, len(payload))
            self._frames, self._lost = count, 0
            return b"".join([self._next(self._place) for _ in range(count)])
        self._lost += 1
        if self._lost > _MOST_LOST:
            return bytes(self._frames * self._frame)
        return b"".join([self._next(None) for _ in range(self._frames)])

    def _next(self, bits: object) -> bytes:
        if self._library.speex_decode_int(self._state, bits, self.out):
            return bytes(self._frame)
        return self.view.tobytes()


class _Encoder(_Stream):
    """One stream: a packet of all frames that are full."""

    __slots__ = ("_pieces",)

    def __init__(self, library: ctypes.CDLL, mode: int, linear: Format) -> None:
        state = library.speex_encoder_init(library.speex_lib_get_mode(mode))
        super().__init__(library, state, "speex_encoder_destroy", _LARGEST)
        library.speex_encoder_ctl(self._state, _SET_QUALITY, ctypes.byref(INT(_QUALITY)))
        self._pieces = Pieces(linear.frame_bytes)

    def __call__(self, pcm: bytes) -> bytes:
        pieces = self._pieces.cut(pcm)[-6:]
        if not pieces:
            return b""
        library = self._library
        library.speex_bits_reset(self._place)
        for piece in pieces:
            library.speex_encode_int(self._state, piece, self._place)
        return self.view[: library.speex_bits_write(self._place, self.out, _LARGEST)].tobytes()


def _load() -> Loaded:
    library = open_library((_LIBRARY,), _PACKAGE, _FUNCTIONS)
    steps: list[Step] = []
    for mode, fmt in enumerate((SPEEX, SPEEX16)):
        linear = LINEAR[fmt.sample_rate]
        decoder, encoder = partial(_Decoder, library, mode, linear), partial(_Encoder, library, mode, linear)
        steps += (Step(fmt, linear, whole_by(decoder), decoder), Step(linear, fmt, None, encoder))
    return Loaded(tuple(steps))


CODEC = Codec((SPEEX, SPEEX16), _load)
