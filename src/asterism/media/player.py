"""Paced playout: frames to one stream, one every 20 ms, on one timer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Self

from asterism.media.soundfiles.converting import FRAME_MS
from asterism.media.stream import AudioStream, Frame

if TYPE_CHECKING:
    from asterism.media.soundfiles import Sound

_BEHIND = 0.2
"""Seconds of delay after which the schedule starts anew instead of catching up with a burst."""


class SoundFrames:
    """The frames of a sound, the last filled up with silence; it can be wound while it is played."""

    __slots__ = ("_at", "_frames", "_sound")

    def __init__(self, sound: Sound, offset_ms: int = 0) -> None:
        """The frames of ``sound`` from ``offset_ms`` milliseconds on; none when it is shorter."""
        self._sound = sound
        self.seek(offset_ms)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        frame = next(self._frames)
        self._at += 1
        return frame

    @property
    def position(self) -> int:
        """Milliseconds from the beginning to what comes next."""
        return self._at * FRAME_MS

    @property
    def duration(self) -> int:
        """Milliseconds of the whole sound; 0 when its file does not tell."""
        return math.ceil(self._sound.seconds * 1000 / FRAME_MS) * FRAME_MS

    def seek(self, ms: int) -> None:
        """Go on ``ms`` milliseconds after the beginning: not before it, and at the end where the sound is shorter."""
        self._at = max(0, min(ms, self.duration or ms)) // FRAME_MS
        self._frames = self._sound.frames(self.position)


class Playback:
    """Frames being played on a stream: started when made, stopped by :meth:`stop` or the last frame.

    The schedule is that of the start, so timer errors do not add up.
    """

    __slots__ = (
        "_frames",
        "_future",
        "_loop",
        "_next",
        "_on_end",
        "_period",
        "_stream",
        "_timer",
        "error",
        "finished",
        "heard",
        "paused",
        "played",
    )

    def __init__(
        self,
        stream: AudioStream,
        frames: Iterable[Frame],
        loop: asyncio.AbstractEventLoop,
        period: float = 0.020,
        on_end: Callable[[Playback], None] | None = None,
    ) -> None:
        """Play ``frames`` on ``stream``, one each ``period`` seconds, the first at once.

        ``on_end`` is called when the last one has had its time, or when the frames or the stream have raised
        (``error``); not after :meth:`stop`.
        """
        self._stream = stream
        self._frames = iter(frames)
        self._loop = loop
        self._period = period
        self._on_end = on_end
        self.error: Exception | None = None
        """The exception of the frame source or the stream that ended the playback."""
        self._future: asyncio.Future[bool] | None = None
        self.finished = False
        """Whether every frame was played."""
        self.played = 0
        """Frames played so far; time goes on while the far end holds."""
        self.heard = 0
        """Number of the played frames that were sent."""
        self._next = loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.paused = False
        """Whether it stands still; it is active nevertheless."""
        self._step()

    @property
    def active(self) -> bool:
        """Whether it is still playing, or will when it is resumed."""
        return self._timer is not None or self.paused

    def pause(self) -> None:
        """Send nothing until :meth:`resume`; nothing happens when it has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self.paused = True

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        if self.paused:
            self.paused = False
            self._next = self._loop.time()
            self._step()

    def follow(self, stream: AudioStream) -> None:
        """Go on with another stream, which hears what is due now."""
        self._stream = stream

    def _step(self) -> None:
        try:
            frame = next(self._frames, None)
            if frame is not None and not self._stream.closed:
                self.heard += self._stream.sends
                self._stream.write(frame)
        except Exception as error:
            # Whoever waits is told; without anybody it is the loop that logs it.
            self._timer = None
            self.error = error
            if self._on_end is not None:
                self._on_end(self)
            elif self._future is None:
                raise
            if self._future is not None and not self._future.done():
                self._future.set_exception(error)
            return
        if frame is None or self._stream.closed:
            self._timer = None
            self.finished = frame is None
            self._tell()
            if self._on_end is not None:
                self._on_end(self)
            return
        self.played += 1
        self._next += self._period
        now = self._loop.time()
        if self._next < now - _BEHIND:
            self._next = now
        self._timer = self._loop.call_at(self._next, self._step)

    def _tell(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result(self.finished)

    def stop(self) -> None:
        """Stop playing now; waiting callers get ``False``."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._tell()
        elif self.paused:
            self.paused = False
            self._tell()

    async def wait(self) -> bool:
        """Wait for the end; whether every frame was played. Cancelling the wait stops the playback.

        Raises:
            Exception: what the source of the frames, or the stream, has raised.
        """
        if self.error is not None:
            raise self.error
        if not self.active:
            return self.finished
        self._future = self._loop.create_future()
        try:
            return await self._future
        finally:
            self.stop()
