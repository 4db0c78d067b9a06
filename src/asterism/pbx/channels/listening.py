"""What the far end says, and what is said to it, frame by frame; digits, several at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from asterism.media.formats import SLIN, SLIN16
from asterism.media.stream import Frame
from asterism.media.translate import translator
from asterism.pbx.vocabulary.controls import WAKE_AUDIO

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


MAX_FRAMES = 50
"""Frames kept for :func:`audio` (a second of 20 ms frames); the oldest are dropped."""


async def audio(channel: Channel) -> AsyncIterator[Frame]:
    """What the far end says: frames of 16-bit linear PCM, normally 20 ms, at 8 or 16 kHz.

    ``frame.payload`` are the samples, ``frame.format`` tells the rate. Ends by
    :class:`ChannelHangup`. A reader that is slow loses the oldest frames.
    """
    channel.check()
    stream = channel.stream
    if stream is None:
        return
    queue: deque[Frame] = deque(maxlen=MAX_FRAMES)

    def take(frame: Frame) -> None:
        queue.append(frame)
        channel.wake(WAKE_AUDIO)

    channel.stop_tone()
    stream.sink = take
    try:
        while True:
            while queue:
                frame = queue.popleft()
                linear = SLIN16 if frame.format.sample_rate > 8000 else SLIN
                convert = translator(frame.format, linear)
                if convert is not None:
                    yield Frame(linear, convert(frame.payload))
                    channel.check()
            await channel.park(None, WAKE_AUDIO)
    finally:
        if stream.sink is take:
            stream.sink = None


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
