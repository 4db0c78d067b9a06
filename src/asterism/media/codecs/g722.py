"""ITU-T G.722 at 64 kbit/s (RFC 3551 4.5.2), by the Python package G722.

From and to 8 kHz only its lower band is used, as it is: no filter is needed for the upper one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from asterism.media.codecs.codec import Codec, Loaded, Step, whole_by
from asterism.media.codecs.library import MissingLibraryError
from asterism.media.formats import G722, LINEAR, Format

if TYPE_CHECKING:
    from G722 import G722 as Native  # noqa: N811

_BIT_RATE = 64000
_PACKAGE = "G722"


class _Decoder:
    """One stream; a lost packet is 20 ms of silence."""

    __slots__ = ("_decode", "_lost")

    def __init__(self, native: type[Native], linear: Format) -> None:
        self._decode = native(linear.sample_rate, _BIT_RATE).decode
        self._lost = bytes(linear.frame_bytes)

    def __call__(self, payload: bytes) -> bytes:
        return bytes(self._decode(payload)) if payload else self._lost


class _Encoder:
    """One stream; what makes no whole octet waits for more."""

    __slots__ = ("_encode", "_left", "_size")

    def __init__(self, native: type[Native], linear: Format) -> None:
        self._encode = native(linear.sample_rate, _BIT_RATE).encode
        self._size = linear.sample_rate // 4000
        """Octets of linear audio for one of G.722. For half of one the library writes beyond the end of its result."""
        self._left = b""

    def __call__(self, pcm: bytes) -> bytes:
        data = self._left + pcm if self._left else pcm
        end = len(data) - len(data) % self._size
        self._left = data[end:]
        return bytes(self._encode(np.frombuffer(data, "<i2", end // 2))) if end else b""


def _load() -> Loaded:
    try:
        from G722 import G722 as Native  # noqa: N811
    except ImportError as error:
        raise MissingLibraryError(f"install the Python package {_PACKAGE}") from error
    steps: list[Step] = []
    for rate in (8000, 16000):
        linear = LINEAR[rate]
        decoder, encoder = partial(_Decoder, Native, linear), partial(_Encoder, Native, linear)
        steps.append(Step(G722, linear, whole_by(decoder), decoder))
        steps.append(Step(linear, G722, whole_by(encoder, linear.frame_bytes), encoder))
    return Loaded(tuple(steps))


CODEC = Codec((G722,), _load)
