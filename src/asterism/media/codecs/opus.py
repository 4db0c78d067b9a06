"""Opus (RFC 6716, RFC 7587) by libopus: that of the Python package opuslib-next-bundled, or the system's.

It decodes straight to the rate that is wanted, and encodes from it: what libopus does inside costs less than a filter.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from asterism.media.codecs.codec import Codec, Loaded, Step, whole_by
from asterism.media.codecs.library import open_library
from asterism.media.codecs.native import BYTES, INT, POINTER
from asterism.media.formats import LINEAR, OPUS, Format

_VOIP = 2048
_SET_BITRATE, _SET_VBR, _SET_COMPLEXITY, _SET_FEC, _SET_LOSS, _SET_DTX = 4002, 4006, 4010, 4012, 4014, 4016
_COMPLEXITY = 5
"""Half the work of the highest, and hardly worse for speech."""
_EXPECTED_LOSS = 10
"""Per cent of lost packets that the encoder prepares for where the peer uses forward error correction."""
_LONGEST = 120
"""Milliseconds that a packet may have (RFC 6716 3.2)."""
_LARGEST = 1500
_LENGTHS = (60, 40, 20, 10)
"""Lengths in milliseconds of the packets that are made."""
_MOST_LOST = 5
"""Packets in a row that are concealed."""

_FUNCTIONS = {
    "opus_encoder_get_size": (INT, (INT,)),
    "opus_encoder_init": (INT, (POINTER, ctypes.c_int32, INT, INT)),
    "opus_encode": (ctypes.c_int32, (POINTER, BYTES, INT, POINTER, ctypes.c_int32)),
    "opus_decoder_get_size": (INT, (INT,)),
    "opus_decoder_init": (INT, (POINTER, ctypes.c_int32, INT)),
    "opus_decode": (INT, (POINTER, BYTES, ctypes.c_int32, POINTER, INT, INT)),
}  # fmt: skip


class _Decoder:
    """One stream, at one rate.

    What is lost is made up with the packet that follows: of the last one from what that packet says of it (forward
    error correction, if the sender does that), of those before from what was heard.
    """

    __slots__ = ("_decode", "_length", "_longest", "_lost", "_pcm", "_state", "_view")

    def __init__(self, library: ctypes.CDLL, rate: int) -> None:
        self._state = ctypes.create_string_buffer(library.opus_decoder_get_size(1))
        library.opus_decoder_init(self._state, rate, 1)
        self._decode = library.opus_decode
        self._longest = rate * _LONGEST // 1000
        self._pcm = ctypes.create_string_buffer(2 * self._longest)
        self._view = memoryview(self._pcm)
        self._length = rate // 50
        """Samples of the packet before."""
        self._lost = 0

    def __call__(self, payload: bytes) -> bytes:
        if not payload:
            self._lost = min(self._lost + 1, _MOST_LOST)
            return b""
        before = b""
        if self._lost:
            before = self._make_up(payload)
        samples = self._decode(self._state, payload, len(payload), self._pcm, self._longest, 0)
        if samples <= 0:  # it makes no sense
            return before + self._run(None, 0)
        self._length = samples
        return before + self._view[: 2 * samples].tobytes()

    def _make_up(self, following: bytes) -> bytes:
        pieces = [self._run(None, 0) for _ in range(self._lost - 1)]
        pieces.append(self._run(following, 1))
        self._lost = 0
        return b"".join(pieces)

    def _run(self, payload: bytes | None, correction: int) -> bytes:
        size = 0 if payload is None else len(payload)
        samples = self._decode(self._state, payload, size, self._pcm, self._length, correction)
        if samples <= 0:
            return bytes(2 * self._length)
        return self._view[: 2 * samples].tobytes()


class _Encoder:
    """One stream, at one rate: a packet of what has come, as long as one can be."""

    __slots__ = ("_encode", "_left", "_out", "_rate", "_sizes", "_state", "_view")

    def __init__(self, library: ctypes.CDLL, rate: int, parameters: str = "") -> None:
        said = _read(parameters)
        self._state = ctypes.create_string_buffer(library.opus_encoder_get_size(1))
        library.opus_encoder_init(self._state, rate, 1, _VOIP)
        self._encode = library.opus_encode
        settings = {_SET_COMPLEXITY: _COMPLEXITY}
        highest = said.get("maxaveragebitrate", 0)
        if 6000 <= highest <= 510000:
            settings[_SET_BITRATE] = highest
        if said.get("useinbandfec"):
            settings |= {_SET_FEC: 1, _SET_LOSS: _EXPECTED_LOSS}
        if said.get("usedtx"):
            settings[_SET_DTX] = 1
        if said.get("cbr"):
            settings[_SET_VBR] = 0
        for request, value in settings.items():
            library.opus_encoder_ctl(self._state, INT(request), ctypes.c_int32(value))
        self._sizes = tuple(2 * rate * length // 1000 for length in _LENGTHS)
        self._left = b""
        self._out = ctypes.create_string_buffer(_LARGEST)
        self._view = memoryview(self._out)

    def __call__(self, pcm: bytes) -> bytes:
        data = self._left + pcm if self._left else pcm
        size = next((one for one in self._sizes if one <= len(data)), 0)
        self._left = data[size : size + self._sizes[0]]
        if not size:
            return b""
        count = self._encode(self._state, data[:size], size // 2, self._out, _LARGEST)
        return self._view[:count].tobytes() if count > 0 else b""


def _read(parameters: str) -> dict[str, int]:
    """The numbers of ``a=fmtp`` (RFC 7587 6.1)."""
    found: dict[str, int] = {}
    for piece in parameters.split(";"):
        name, _, value = piece.partition("=")
        value = value.strip()
        if value.isascii() and value.isdigit() and len(value) < 8:
            found.setdefault(name.strip().lower(), int(value))
    return found


def _names() -> Iterator[str]:
    spec = find_spec("opuslib_next")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        yield from map(str, sorted(Path(folder, "_native").glob("*opus*")))
    yield from ("libopus.so.0", "libopus.0.dylib", "opus.dll")


def _load() -> Loaded:
    library = open_library(_names(), "the Python package opuslib-next-bundled, or libopus0", _FUNCTIONS)
    library.opus_encoder_ctl.restype = INT
    steps: list[Step] = []
    for rate in (8000, 12000, 16000, 24000, 48000):
        linear: Format = LINEAR[rate]
        decoder, encoder = partial(_Decoder, library, rate), partial(_Encoder, library, rate)
        steps.append(Step(OPUS, linear, whole_by(decoder), decoder))
        steps.append(Step(linear, OPUS, None, encoder, encoder))
    return Loaded(tuple(steps))


CODEC = Codec((OPUS,), _load)
