"""The watch for sources that have stopped sending (``rtp_timeout``, ``rtp_timeout_hold``)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.media.receiver import RtpReceiver


class InactivityWatch:
    """Calls ``expired`` once, when no packet has come for ``seconds``, counted from now at the earliest."""

    __slots__ = ("_expired", "_handle", "_loop", "_received", "_seconds", "_since")

    def __init__(
        self, received: RtpReceiver, loop: asyncio.AbstractEventLoop, seconds: float, expired: Callable[[], None]
    ) -> None:
        self._received = received
        self._loop = loop
        self._seconds = seconds
        self._expired = expired
        self._since = loop.time()
        self._handle = loop.call_later(seconds, self._check)

    def _check(self) -> None:
        left = max(self._received.last_rx, self._since) + self._seconds - self._loop.time()
        if left > 0.001:
            self._handle = self._loop.call_later(left, self._check)
        else:
            self._expired()

    def close(self) -> None:
        """Stop."""
        self._handle.cancel()
