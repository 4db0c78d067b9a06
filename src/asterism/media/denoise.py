"""Less noise in speech, by SpeexDSP where the system has it."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import ClassVar

from asterism.media.codecs.library import MissingLibraryError, open_library
from asterism.media.codecs.native import INT, POINTER, Native
from asterism.media.decoding import Decoding
from asterism.media.stream import Frame
from asterism.media.taps import Tap

LIBRARY, PACKAGE = "libspeexdsp.so.1", "libspeexdsp1"
_SET_DENOISE = 0
"""``SPEEX_PREPROCESS_SET_DENOISE``."""


_FUNCTIONS = {
    "speex_preprocess_state_init": (POINTER, (INT, INT)),
    "speex_preprocess_state_destroy": (None, (POINTER,)),
    "speex_preprocess_ctl": (INT, (POINTER, INT, POINTER)),
    "speex_preprocess_run": (INT, (POINTER, POINTER)),
}


@cache
def _library() -> ctypes.CDLL | None:
    try:
        return open_library((LIBRARY,), PACKAGE, _FUNCTIONS)
    except MissingLibraryError:
        return None


def reason() -> str:
    """Why noise cannot be taken out; empty where it can."""
    return "" if _library() is not None else f"install {PACKAGE}"


class _State(Native):
    """The filter for frames of one length and rate."""

    __slots__ = ("_run", "key")

    def __init__(self, library: ctypes.CDLL, samples: int, rate: int) -> None:
        state = library.speex_preprocess_state_init(samples, rate)
        super().__init__(state, library.speex_preprocess_state_destroy, 2 * samples)
        self.key = samples, rate
        self._run = library.speex_preprocess_run
        library.speex_preprocess_ctl(state, _SET_DENOISE, ctypes.byref(INT(1)))

    def run(self, audio: bytes) -> bytes:
        """A frame of 16-bit samples with less noise."""
        self.out.raw = audio
        self._run(self._state, self.out)
        return self.out.raw


class Denoiser(Tap):
    """Takes steady noise out of what passes; audio of a format that cannot be decoded passes as it is."""

    changes: ClassVar[bool] = True

    def __init__(self) -> None:
        self._decoding = Decoding()
        self._state: _State | None = None

    def change(self, frame: Frame) -> Frame:
        """Filter a frame."""
        library = _library()
        decoded = None if library is None else self._decoding.take(frame)
        if library is None or decoded is None:
            return frame
        linear = self._decoding.linear
        audio = bytes(decoded)
        if len(audio) < 2 or len(audio) % 2:
            return frame if audio or frame.format.frame_bytes else Frame(linear, b"")  # the decoder has its loss
        key = len(audio) // 2, linear.sample_rate
        if self._state is None or self._state.key != key:
            self._state = _State(library, *key)
        return Frame(linear, self._state.run(audio))
