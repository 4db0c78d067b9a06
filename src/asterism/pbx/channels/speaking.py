"""Speaking to the far end: a paced queue of linear audio, written by one task and cleared, paused, awaited by any.

What is written is sent one packet's worth every 20 ms by absolute deadlines: when the loop was late, the next packets
follow at once, so nothing is missing and delays do not add up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Self

from asterism.core.containment import FAILURES, report_failure
from asterism.media.formats import LINEAR
from asterism.media.stream import Frame
from asterism.pbx.channels.listening import check_rate
from asterism.pbx.vocabulary.controls import WAKE_SPEECH

if TYPE_CHECKING:
    from asterism.media.stream import AudioStream
    from asterism.pbx.channels.channel import Channel

PERIOD = 0.020
"""Seconds of audio in a frame."""
DEPTH = 200
"""Milliseconds that are queued before a writer has to wait."""
_BEHIND = 0.2
"""Seconds of delay after which the schedule begins anew instead of catching up with a burst."""


class Mark:
    """A place in what is said; any number of tasks may wait until it was heard."""

    __slots__ = ("_channel", "_waiting", "at", "heard", "name")

    def __init__(self, channel: Channel, name: str, at: int) -> None:
        self._channel = channel
        self.at = at
        """Where it is, in samples since the beginning."""
        self._waiting: list[asyncio.Future[bool]] = []
        self.name = name
        self.heard: bool | None = None
        """Whether it was heard: ``False`` when what is before it was dropped, ``None`` while that is open."""

    async def wait(self) -> bool:
        """Wait until everything before the mark was sent and had its time (``True``), or was dropped (``False``)."""
        if self.heard is None:
            future: asyncio.Future[bool] = self._channel.pbx.loop.create_future()
            self._waiting.append(future)
            try:
                await self._channel.park(None, 0, future)
            finally:
                self._waiting.remove(future)
        return bool(self.heard)

    def settle(self, heard: bool) -> None:
        """Say which it is, and wake those who wait."""
        self.heard = heard
        for future in self._waiting:
            if not future.done():
                future.set_result(True)


class Speaker:
    """Audio that code sends to a channel: 16-bit linear mono samples in native little endian, at ``rate`` Hz.

    To be used as ``async with channel.speaker(rate=24000) as out``: leaving it waits until everything was heard, or,
    when an exception leaves it, drops what was not. One task writes; others may clear, pause, mark or wait.
    While nothing can be sent (the far end holds, or is sent a digit) it stands still, as after :meth:`pause`.
    """

    __slots__ = (
        "_base",
        "_channel",
        "_depth",
        "_format",
        "_generation",
        "_marks",
        "_next",
        "_odd",
        "_pcm",
        "_sent",
        "_timer",
        "_waited",
        "paused",
        "rate",
    )

    def __init__(self, channel: Channel, rate: int = 8000, depth: int = DEPTH) -> None:
        check_rate(rate)
        if depth < 20:
            raise ValueError("depth is at least 20 ms")
        self._channel = channel
        self._depth = depth
        self._pcm = bytearray()
        """Samples waiting to be sent, in the format in which they are sent."""
        self._odd = b""
        self._marks: deque[Mark] = deque()
        self._sent = 0
        """Samples sent since the beginning."""
        self._base = 0
        """Where the speech that :meth:`clear` tells about began."""
        self._next = 0.0
        self._waited = False
        self._generation = 0
        self._timer: asyncio.TimerHandle | None = None
        self._format = LINEAR[rate]
        self.rate = rate
        self.paused = False
        """Whether nothing is sent for now."""

    async def __aenter__(self) -> Self:
        """Begin to speak; a tone in the background ends.

        Raises:
            RuntimeError: The channel is spoken to already, by another speaker or a sound.
        """
        self._channel.check()
        self._channel.speak(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait until everything was heard, or drop it."""
        try:
            if kind is None:
                await self.drain()
        finally:
            self.stop()

    # -- what code does -------------------------------------------------------------------------------

    async def write(self, pcm: bytes | bytearray | memoryview) -> None:
        """Say ``pcm``: any number of octets; returns when no more than the depth is still to be sent.

        Returns at once when what it writes is cleared meanwhile: the rest of ``pcm`` is dropped as well.

        Raises:
            ChannelHangup: The channel has hung up.
            RuntimeError: Another task is writing.
        """
        channel = self._channel
        channel.check()
        self._require_turn()
        generation = self._generation
        view = memoryview(pcm).cast("B")
        piece = self.rate * 2 * 20 // 1000 & ~1
        position = 0
        while position < len(view):
            if self.queued >= self._depth:
                await channel.park(None, WAKE_SPEECH)
                if generation != self._generation:
                    return
                continue
            self._add(view[position : position + piece])
            position += piece
        while self.queued > self._depth:
            await channel.park(None, WAKE_SPEECH)
            if generation != self._generation:
                return

    def clear(self) -> float:
        """Drop what has not been sent, and what a writer is about to write; how many milliseconds were heard.

        They count from the last ``clear()`` or the last :meth:`drain` that came to its end. At most the packet that is
        under way is still heard.
        """
        heard = (self._sent - self._base) * 1000 / self.rate
        self._generation += 1
        self._pcm.clear()
        self._odd = b""
        self._base = self._sent
        self._settle_marks(len(self._marks), False)
        self._channel.wake(WAKE_SPEECH)
        return heard

    async def drain(self) -> None:
        """Wait until everything written so far was heard, or dropped."""
        mark = self.mark("")
        await mark.wait()
        if mark.heard:
            self._base = self._sent

    def mark(self, name: str) -> Mark:
        """Mark the end of what was written so far; ``await mark.wait()`` tells when it was heard, or dropped."""
        mark = Mark(self._channel, name, self._sent + len(self._pcm) // 2)
        if not self._pcm and self._timer is None:
            mark.heard = True
        else:
            self._marks.append(mark)
        return mark

    def pause(self) -> None:
        """Send nothing until :meth:`resume`; what is queued stays."""
        self.paused = True
        self._cancel()

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        if self.paused:
            self.paused = False
            self._begin()

    @property
    def queued(self) -> float:
        """Milliseconds of audio that wait to be sent."""
        return len(self._pcm) * 500 / self.rate

    @property
    def heard(self) -> float:
        """Milliseconds of audio sent since the beginning."""
        return self._sent * 1000 / self.rate

    def follow(self, stream: AudioStream) -> None:
        """Nothing to do: each frame goes to what is the audio then."""

    def stop(self) -> None:
        """End it: what has not been sent is dropped, and the channel may be spoken to by others."""
        self.clear()
        self._cancel()
        self._channel.silent(self)

    # -- sending --------------------------------------------------------------------------------------

    def _require_turn(self) -> None:
        if self._channel.speaks is not self:
            raise RuntimeError("the speaker is used outside of its 'async with'")

    def _add(self, piece: memoryview) -> None:
        data = self._odd + piece
        whole = len(data) & ~1
        self._odd = bytes(data[whole:])
        self._pcm += data[:whole]
        self._begin()

    def _begin(self) -> None:
        """Start the timer unless it runs or there is nothing to send."""
        if self._timer is not None or self.paused or not self._pcm:
            return
        loop = self._channel.pbx.loop
        now = loop.time()
        self._waited = False
        if self._next < now:
            self._next = now if len(self._pcm) >= self._size else now + PERIOD
        self._timer = loop.call_at(self._next, self._step)

    @property
    def _size(self) -> int:
        return self._format.frame_bytes

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _step(self) -> None:
        """A frame is due: the one before it has had its time."""
        self._timer = None
        channel = self._channel
        loop = channel.pbx.loop
        while self._marks and self._marks[0].at <= self._sent:
            self._settle_marks(1, True)
        if 0 < len(self._pcm) < self._size and not self._waited:
            self._waited = True  # the rest of the frame may be on its way
            self._next = loop.time() + PERIOD
            self._timer = loop.call_at(self._next, self._step)
            return
        if not self._pcm:
            self._settle_marks(len(self._marks), True)
            return
        stream = channel.stream
        if stream is not None and not stream.sends:  # on hold, or a digit is being sent: it would be lost
            self._next = loop.time() + PERIOD
            self._timer = loop.call_at(self._next, self._step)
            return
        self._waited = False
        payload = bytes(self._pcm[: self._size])
        del self._pcm[: self._size]
        self._sent += len(payload) // 2
        self._send(payload.ljust(self._size, b"\0"))
        if self.queued <= self._depth:
            channel.wake(WAKE_SPEECH)
        now = loop.time()
        self._next += PERIOD
        if self._next < now - _BEHIND:
            self._next = now
        self._timer = loop.call_at(self._next, self._step)

    def _send(self, payload: bytes) -> None:
        stream = self._channel.stream
        if stream is None:
            return
        try:
            stream.write(Frame(self._format, payload))
        except FAILURES:
            report_failure(self._channel.pbx.log, f"the audio of {self._channel.name}")

    def _settle_marks(self, count: int, heard: bool) -> None:
        for _ in range(count):
            self._marks.popleft().settle(heard)
