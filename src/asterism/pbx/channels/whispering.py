"""Saying something into a call: audio that is added to one direction of a channel's own."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar

from asterism.media.codecs.codec import Translator
from asterism.media.decoding import Decoding
from asterism.media.resample import to_octets, to_samples
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap
from asterism.media.translate import stream_translator

if TYPE_CHECKING:
    from asterism.media.formats import Format
    from asterism.pbx.channels.channel import Channel

_QUIET = 0.06
"""Seconds without a frame after which audio is sent by itself, because there is nothing to add it to."""
_MOST = 10
"""Frames that wait for one to be added to; the oldest are dropped."""


class Whisper(Tap):
    """Adds what it is given by :meth:`say` to one direction of a channel; paced by whoever says it.

    Where nothing passes (a phone that is silent sends nothing), what is said goes by itself.
    """

    changes: ClassVar[bool] = True

    def __init__(self, channel: Channel, direction: Direction) -> None:
        """Prepare for ``channel``; to be attached to the same direction of it."""
        self._channel = channel
        self._direction = direction
        self._queue: deque[Frame] = deque(maxlen=_MOST)
        self._passed = float("-inf")
        """Time at which the last frame other than our own passed."""
        self._pair: tuple[Format, Format] | None = None
        self._convert: Translator | None = None
        self._decoding: Decoding | None = None
        """Decodes what is added to, while something is."""
        self._pcm = b""

    def say(self, frame: Frame) -> None:
        """Have a frame heard, in any format that can be decoded."""
        self._queue.append(frame)
        if self._channel.pbx.loop.time() - self._passed < _QUIET:
            return
        stream = self._channel.stream
        while self._queue:
            frame = self._queue.popleft()
            if stream is None:
                continue
            if self._direction is Direction.OUT:
                stream.write_behind(self, frame)
                continue
            passed = stream.change_behind(self, frame)
            if passed is not None and stream.sink is not None:
                stream.sink(passed)

    def change(self, frame: Frame) -> Frame:
        """Add what was said to a frame."""
        self._passed = self._channel.pbx.loop.time()
        if not (self._queue or self._pcm):
            self._decoding = None
            return frame
        if self._decoding is None:
            self._decoding = Decoding()
        decoded = self._decoding.take(frame)
        if decoded is None:
            return frame
        linear, samples = self._decoding.linear, to_samples(decoded)
        added = to_samples(self._take(2 * len(samples), linear))
        if not len(added):
            return frame
        samples[: len(added)] += added
        return Frame(linear, to_octets(samples))

    def _take(self, size: int, linear: Format) -> bytes:
        """Up to ``size`` octets of what was said."""
        while len(self._pcm) < size and self._queue:
            fmt, payload, _ = self._queue.popleft()
            if self._pair is None or self._pair[0] is not fmt or self._pair[1] is not linear:
                self._pair = fmt, linear
                self._convert, self._pcm = stream_translator(fmt, linear), b""
            if self._convert is not None:
                self._pcm += self._convert(payload)
        taken, self._pcm = self._pcm[:size], self._pcm[size:]
        return taken
