"""How loud a channel's far end is, piece by piece; a far end that sends nothing is silent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from asterism.media.answering_machine import AnsweringMachineDetector, Rhythm, Verdict
from asterism.media.loudness import Loudness
from asterism.media.taps import Direction, Tap

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.channels.channel import Channel

LOUD = 256
"""Mean magnitude of samples (of 32768) from which on somebody talks."""
GAP = 0.1
"""Seconds without a packet that count as silence."""
_MAX_PIECES = 50


class Heard(NamedTuple):
    """A piece of audio."""

    level: float
    """Mean magnitude of its samples, 0 to 32768."""
    ms: float
    """Its length in milliseconds."""


class Hearing(Tap):
    """Measures what the far end says, for one task: ``with Hearing(channel) as hearing``, then :meth:`next`.

    A call that is bridged goes on as it was.
    """

    shows_simple: ClassVar[bool] = False

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._pieces: deque[Heard] = deque(maxlen=_MAX_PIECES)
        self._loudness = Loudness()
        self._future: asyncio.Future[bool] | None = None

    def __enter__(self) -> Self:
        self._channel.attach(self, Direction.IN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._channel.detach(self)

    def take(self, frame: Frame) -> None:
        """Hear one frame."""
        heard = self._loudness.take(frame)
        if heard is not None:
            self._pieces.append(Heard(*heard))
            if self._future is not None and not self._future.done():
                self._future.set_result(True)

    async def next(self) -> Heard:
        """The next piece; one of silence when none came for :data:`GAP` seconds.

        Raises:
            ChannelHangup: The channel has hung up.
        """
        channel = self._channel
        channel.check()
        if not self._pieces:
            self._future = channel.pbx.loop.create_future()
            try:
                await channel.park(GAP, 0, self._future)
            finally:
                self._future = None
        return self._pieces.popleft() if self._pieces else Heard(0.0, GAP * 1000)


async def wait_for_silence(
    channel: Channel, seconds: float, timeout: float | None = None, *, noise: bool = False
) -> float:
    """Wait until the far end has been silent, or has made noise, for ``seconds``; how long it was, in milliseconds.

    Returns 0 when ``timeout`` seconds passed before.
    """
    loop = channel.pbx.loop
    end = None if timeout is None else loop.time() + timeout
    lasted = 0.0
    with Hearing(channel) as hearing:
        while True:
            level, ms = await hearing.next()
            lasted = lasted + ms if (level >= LOUD) is noise else 0.0
            if lasted >= seconds * 1000:
                return lasted
            if end is not None and loop.time() >= end:
                return 0.0


async def who_answered(channel: Channel, rhythm: Rhythm, tell: Callable[[str], object] = len) -> Verdict:
    """Whether a human or an answering machine is at the far end; ``tell`` is given lines for the log.

    Raises:
        ChannelHangup: The channel has hung up before it was known.
    """
    detector = AnsweringMachineDetector(rhythm, tell)
    with Hearing(channel) as hearing:
        while True:
            verdict = detector.take(*await hearing.next())
            if verdict is not None:
                return verdict
