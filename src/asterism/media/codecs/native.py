"""What the bindings of C libraries have in common: the state of one stream, and the buffers it works with."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

POINTER, BYTES, INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int


class Native:
    """State of one stream in a library, freed with the object."""

    __slots__ = ("_destroy", "_state", "out", "view")

    def __init__(self, state: Any, destroy: Callable[[Any], object], size: int) -> None:
        """Take over a state that the library has made, and a buffer of ``size`` octets for what it gives.

        Raises:
            MemoryError: there is no state.
        """
        self._destroy = destroy
        self._state = state
        if not state:
            raise MemoryError("no memory for the state of a codec")
        self.out = ctypes.create_string_buffer(size)
        self.view = memoryview(self.out)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._destroy(self._state)


class Pieces:
    """Cuts linear audio into pieces of one length; what is left over waits for more."""

    __slots__ = ("_left", "size")

    def __init__(self, size: int) -> None:
        """Cut pieces of ``size`` octets."""
        self.size = size
        self._left = b""

    def cut(self, pcm: bytes) -> list[bytes]:
        """The pieces that are complete with ``pcm``."""
        data = self._left + pcm if self._left else pcm
        size = self.size
        if len(data) == size:
            self._left = b""
            return [data]
        end = len(data) - len(data) % size
        self._left = data[end:]
        return [data[at : at + size] for at in range(0, end, size)]
