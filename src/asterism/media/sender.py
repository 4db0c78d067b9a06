"""Sending digits on a session: telephone-event packets, paced, one digit after another."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from asterism.media import tones
from asterism.media.dtmf import DIGITS, event_payloads
from asterism.media.stream import Frame

if TYPE_CHECKING:
    from asterism.media.transmitter import RtpTransmitter

_MAX_QUEUED = 128
_PACKET = 0.020
_PAUSE = 0.060
"""Seconds of silence between two digits."""


class DigitSender:
    """The digits waiting to be sent on one session; one timer while there are any."""

    __slots__ = ("_frames", "_loop", "_marker", "_next", "_packets", "_queue", "_session", "_timer", "_timestamp")

    def __init__(self, session: RtpTransmitter, loop: asyncio.AbstractEventLoop) -> None:
        self._session = session
        self._loop = loop
        self._queue: deque[tuple[str, int]] = deque()
        self._packets: Iterator[bytes] | None = None
        self._frames: Iterator[Frame] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0
        self._timestamp = 0
        self._marker = 0

    @property
    def busy(self) -> bool:
        """Whether a digit is being sent or waits."""
        return self._timer is not None

    def add(self, digit: str, duration_ms: int) -> None:
        """Queue one digit; beyond 128 waiting ones it is dropped.

        Raises:
            ValueError: ``digit`` is not one.
        """
        if len(digit) != 1 or digit.upper() not in DIGITS:
            raise ValueError(f"not a digit: {digit!r}")
        if self._session.closed or len(self._queue) >= _MAX_QUEUED:
            return
        self._queue.append((digit.upper(), duration_ms))
        if self._timer is None:
            self._next = self._loop.time()
            self._timer = self._loop.call_at(self._next, self._step)
            self._session.sender_changed()

    def _step(self) -> None:
        if self._packets is None and self._frames is None:
            if not self._queue:
                self._timer = None
                self._session.sender_changed()
                return
            self._begin(*self._queue.popleft())
        if self._send_one():
            self._next += _PACKET
        else:
            self._packets = self._frames = None
            self._next += _PAUSE
        self._next = max(self._next, self._loop.time() - 0.1)
        self._timer = self._loop.call_at(self._next, self._step)

    def _begin(self, digit: str, duration_ms: int) -> None:
        session = self._session
        event_type = session.event_type
        if event_type is None:
            self._frames = iter(tones.dtmf_frames(digit, duration_ms))
        else:
            self._timestamp = session.tx_timestamp(self._loop.time())
            self._packets = event_payloads(digit, duration_ms, event_type[1])
            session.test_digit(digit, *event_type)
            self._marker = 0x80

    def _send_one(self) -> bool:
        session = self._session
        event_type = session.event_type
        if self._packets is not None and event_type is not None:
            payload = next(self._packets, None)
            if payload is not None:
                session.send_packet(self._marker | event_type[0], self._timestamp, payload)
                self._marker = 0
            return payload is not None
        frame = next(self._frames, None) if self._frames is not None else None
        if frame is not None:
            session.write_audio(frame)
        return frame is not None

    def close(self) -> None:
        """Drop what waits."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
