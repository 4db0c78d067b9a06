"""Packets that keep a NAT open while a session has nothing to send (``rtp_keepalive``, RFC 6263 4.2)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.media.rtp import RtpSession

COMFORT_NOISE = 13
_QUIET = b"\x7f"
"""Noise of -127 dBov (RFC 3389 section 3)."""


class KeepAlive:
    """Has a session send comfort noise when it has sent nothing for so many seconds."""

    __slots__ = ("_handle", "_loop", "_seconds", "_sent", "_session")

    def __init__(self, session: RtpSession, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._session = session
        self._loop = loop
        self._seconds = seconds
        self._sent = loop.time()
        self._handle = loop.call_later(seconds, self._check)

    def _check(self) -> None:
        now = self._loop.time()
        left = max(self._sent, self._session.last_sent) + self._seconds - now
        if left <= 0.001:
            self._sent, left = now, self._seconds
            self._session.send_aside(COMFORT_NOISE, _QUIET)
        self._handle = self._loop.call_later(left, self._check)

    def close(self) -> None:
        """Stop."""
        self._handle.cancel()
