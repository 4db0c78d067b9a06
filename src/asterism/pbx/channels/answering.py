"""Answering a call, and waiting until its audio comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.media.stream import Frame
from asterism.pbx.vocabulary.controls import WAKE_AUDIO

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


async def answer(channel: Channel, delay: float = 0.0) -> None:
    """Answer the call, then wait ``delay`` seconds."""
    channel.check()
    channel.raw_answer()
    if delay > 0:
        await channel.wait(delay)


async def wait_for_media(channel: Channel, timeout: float) -> bool:
    """Wait until the far end sends audio, at most ``timeout`` seconds; whether it did.

    What is played before that the far end may not hear: its way back may not be open yet. At once ``False`` for
    a channel without audio.
    """
    stream = channel.driver.media if channel.driver is not None else None
    if stream is None or stream.closed:
        return False
    before = stream.sink

    def take(frame: Frame) -> None:
        if before is not None:
            before(frame)
        channel.wake(WAKE_AUDIO)

    stream.sink = take
    try:
        return await channel.park(timeout, WAKE_AUDIO)
    finally:
        if stream.sink is take:
            stream.sink = before
