"""The tone of a fax machine that answers, by libspandsp: the preamble of V.21, which nothing but a fax machine says."""

from __future__ import annotations

from typing import Any

from asterism.media.fax.library import spandsp

_PREAMBLE = 6
"""``MODEM_CONNECT_TONES_FAX_PREAMBLE``."""


class AnswerDetector:
    """Listens for a fax machine in 16-bit linear samples at 8 kHz. To be closed."""

    def __init__(self) -> None:
        """Begin.

        Raises:
            MissingFaxLibraryError: the library is not there.
        """
        self._ffi, self._lib = spandsp()
        self.heard = False
        """Whether there was one."""
        # cffi's callbacks live as long as this reference.
        self._callback = self._ffi.callback("tone_handler_t", self._tone)
        self._state = self._lib.modem_connect_tones_rx_init(
            self._ffi.NULL, _PREAMBLE, self._callback, self._ffi.NULL
        )  # fmt: skip
        self._closed = False

    def _tone(self, _data: Any, code: int, _level: int, _delay: int) -> None:
        self.heard = self.heard or code == _PREAMBLE

    def hear(self, pcm: bytes) -> bool:
        """Samples; whether there was a fax machine in them, or before."""
        if not self._closed and len(pcm) > 1:
            self._lib.modem_connect_tones_rx(self._state, self._ffi.from_buffer("int16_t[]", pcm), len(pcm) // 2)
        return self.heard

    def close(self) -> None:
        """Free it."""
        if not self._closed:
            self._closed = True
            self._lib.modem_connect_tones_rx_free(self._state)
