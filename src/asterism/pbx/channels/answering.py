"""Answering a call, and waiting until its audio comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap

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
    stream = channel.stream
    if stream is None or stream.closed:
        return False
    first = _First(channel.pbx.loop.create_future())
    channel.attach(first, Direction.IN)
    try:
        return await channel.park(timeout, 0, first.heard)
    finally:
        channel.detach(first)


class _First(Tap):
    """Tells of the first frame."""

    shows_simple: ClassVar[bool] = False

    def __init__(self, heard: asyncio.Future[bool]) -> None:
        self.heard = heard

    def take(self, frame: Frame) -> None:
        """A frame has come."""
        if not self.heard.done():
            self.heard.set_result(True)
