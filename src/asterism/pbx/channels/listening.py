"""Receiving the far end's audio frame by frame in code, and reading several digits at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from asterism.media.codecs.codec import Translator
from asterism.media.conversion import why_none
from asterism.media.formats import LINEAR, SLIN, SLIN16, Format
from asterism.media.order import Sequencer
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap
from asterism.media.translate import stream_translator
from asterism.pbx.vocabulary.controls import WAKE_AUDIO

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


MAX_FRAMES = 50
"""Frames kept for a reader (a second of 20 ms frames); the oldest are dropped."""


def check_rate(rate: int) -> None:
    """Raise ``ValueError`` for a rate that linear audio does not have."""
    if rate not in LINEAR:
        raise ValueError(f"{rate} Hz is none of {', '.join(map(str, LINEAR))}")


class Listening(Tap):
    """Audio of the far end, as an asynchronous iterator of frames of 16-bit linear mono audio.

    To be used as ``async with channel.listen(rate=16000) as audio``, then ``async for frame in audio``. It is a tap: a
    call that is bridged goes on as it was. One at a time on a channel; any task may :meth:`stop` it, which ends the
    iteration. A reader that is slow loses the oldest frames (:attr:`dropped`).

    What was sent in another order than it comes is put in order. What is in order is given at once; for a packet that
    is missing the next three are waited for, then silence takes its place.
    """

    shows_simple: ClassVar[bool] = True

    def __init__(self, channel: Channel, rate: int | None = None) -> None:
        """Listen at ``rate`` Hz, frames of 20 ms; without one frames are as they come, at 8 or 16 kHz.

        Raises:
            ValueError: ``rate`` is none that linear audio has.
        """
        if rate is not None:
            check_rate(rate)
        self._channel = channel
        self._queue: deque[Frame] = deque(maxlen=MAX_FRAMES)
        self._order = Sequencer()
        self._source: Format | None = None
        self._target = SLIN
        self._translate: Translator | None = None
        self._pcm = bytearray()
        self._open = False
        self.rate = rate
        self.dropped = 0
        """Frames that were lost because nobody read them in time."""

    async def __aenter__(self) -> Self:
        """Begin to listen.

        Raises:
            ChannelHangup: The channel has hung up.
            RuntimeError: Somebody listens already.
        """
        channel = self._channel
        channel.check()
        if channel.listens is not None:
            raise RuntimeError(f"another task listens to {channel.name} already")
        channel.listens = self
        self._open = True
        channel.attach(self, Direction.IN)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening."""
        self.stop()

    def stop(self) -> None:
        """Stop listening: the iteration ends, in whatever task it is. Harmless when it has ended."""
        if not self._open:
            return
        self._open = False
        channel = self._channel
        channel.detach(self)
        if channel.listens is self:
            channel.listens = None
        self._queue.clear()
        channel.wake(WAKE_AUDIO)

    def __aiter__(self) -> Self:
        """The frames."""
        return self

    async def __anext__(self) -> Frame:
        """The next frame; :class:`ChannelHangup` when the channel has hung up."""
        while self._open:
            frame = self._next()
            if frame is not None:
                self._channel.check()
                return frame
            if not self._queue:
                await self._channel.park(None, WAKE_AUDIO)
        self._channel.check()
        raise StopAsyncIteration

    def take(self, frame: Frame) -> None:
        """A frame has come; it is converted when it is read."""
        queue = self._queue
        for one in self._order.put(frame):
            if len(queue) == MAX_FRAMES:
                self.dropped += 1
            queue.append(one)
        if queue:
            self._channel.wake(WAKE_AUDIO)

    def ended(self) -> None:
        """The channel is over."""
        self.stop()

    def _next(self) -> Frame | None:
        """The next frame that the reader gets, ``None`` when what has come makes none."""
        size = 0 if self.rate is None else self.rate // 50 * 2
        while size == 0 or len(self._pcm) < size:
            if not self._queue:
                return None
            frame = self._queue.popleft()
            if frame.format is not self._source:
                self._follow(frame.format)
            if self._translate is None:
                continue
            samples = self._translate(frame.payload)
            if self.rate is None:
                return Frame(self._target, samples)
            self._pcm += samples
        payload = bytes(self._pcm[:size])
        del self._pcm[:size]
        return Frame(self._target, payload)

    def _follow(self, source: Format) -> None:
        """The far end speaks in another format from now on."""
        self._source = source
        if self.rate is not None:
            self._target = LINEAR[self.rate]
        else:
            self._target = SLIN16 if source.sample_rate > SLIN.sample_rate else SLIN
        self._translate = stream_translator(source, self._target)
        if self._translate is None:
            name, why = self._channel.name, why_none(source, self._target)
            self._channel.pbx.log.warning("%s is not heard: %s", name, why)


async def audio(channel: Channel) -> AsyncIterator[Frame]:
    """Audio of the far end: frames of 16-bit linear PCM, normally 20 ms, at 8 or 16 kHz.

    ``frame.payload`` are the samples, ``frame.format`` tells the rate. Ends by
    :class:`ChannelHangup`. A reader that is slow loses the oldest frames.
    """
    channel.check()
    if channel.stream is None:
        return
    channel.stop_tone()
    async with Listening(channel) as heard:
        async for frame in heard:
            yield frame


async def write_audio(channel: Channel, frame: Frame) -> None:
    """Send a frame to the far end now; the writer keeps the pace."""
    channel.check()
    stream = channel.stream
    if stream is not None:
        stream.write(frame)


async def read_digits(channel: Channel, count: int, timeout: float = 5.0, terminator: str = "#") -> str:
    """Up to ``count`` digits; ends at the terminator, which is left out, or after a pause of ``timeout``."""
    digits = ""
    while len(digits) < count:
        digit = await channel.read_digit(timeout)
        if digit is None or digit == terminator:
            break
        digits += digit
    return digits
