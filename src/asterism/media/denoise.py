"""Less noise in speech, by SpeexDSP where the system has it."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, ClassVar

from asterism.media.formats import LINEAR
from asterism.media.stream import Frame
from asterism.media.taps import Tap
from asterism.media.translate import translator

LIBRARY, PACKAGE = "libspeexdsp.so.1", "libspeexdsp1"
_SET_DENOISE = 0
"""``SPEEX_PREPROCESS_SET_DENOISE``."""


@cache
def _library() -> Any:
    try:
        found = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    found.speex_preprocess_state_init.restype = ctypes.c_void_p
    found.speex_preprocess_state_init.argtypes = (ctypes.c_int, ctypes.c_int)
    found.speex_preprocess_state_destroy.argtypes = (ctypes.c_void_p,)
    found.speex_preprocess_ctl.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    found.speex_preprocess_run.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
    return found


def reason() -> str:
    """Why noise cannot be taken out; empty where it can."""
    return "" if _library() is not None else f"install {PACKAGE}"


class _State:
    """The filter for frames of one length and rate."""

    __slots__ = ("_library", "_state", "key")

    def __init__(self, samples: int, rate: int) -> None:
        self.key = samples, rate
        self._library = _library()
        self._state = self._library.speex_preprocess_state_init(samples, rate)
        on = ctypes.c_int(1)
        self._library.speex_preprocess_ctl(self._state, _SET_DENOISE, ctypes.byref(on))

    def run(self, audio: bytes) -> bytes:
        """A frame of 16-bit samples with less noise."""
        buffer = ctypes.create_string_buffer(audio, len(audio))
        self._library.speex_preprocess_run(self._state, buffer)
        return buffer.raw

    def __del__(self) -> None:
        self._library.speex_preprocess_state_destroy(self._state)


class Denoiser(Tap):
    """Takes steady noise out of what passes; audio of a format that cannot be decoded passes as it is."""

    changes: ClassVar[bool] = True

    def __init__(self) -> None:
        self._state: _State | None = None

    def change(self, frame: Frame) -> Frame:
        """Filter a frame."""
        fmt, payload, _ = frame
        linear = LINEAR.get(fmt.sample_rate)
        decode = None if linear is None else translator(fmt, linear)
        if linear is None or decode is None:
            return frame
        audio = bytes(decode(payload))
        if len(audio) < 2 or len(audio) % 2:
            return frame
        key = len(audio) // 2, fmt.sample_rate
        if self._state is None or self._state.key != key:
            self._state = _State(*key)
        return Frame(linear, self._state.run(audio))
