"""The announcer of a conference: a pair of channels, one in the bridge, whose other end sounds are played to.

They are no calls: listings show them, and no event tells of them, as in Asterisk 22.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from asterism.core.containment import FAILURES, report_failure, task_ends
from asterism.media.memory import memory_pair
from asterism.media.stream import AUDIO, ChannelStream
from asterism.pbx.channels.playing import play_or_tell
from asterism.pbx.channels.technology import Uncallable
from asterism.pbx.channels.transfer import TransferStatus
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import ChannelHangup

if TYPE_CHECKING:
    from asterism.media.memory import MemoryStream
    from asterism.media.stream import Offered
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.transfer import TransferOrder
    from asterism.pbx.vocabulary.host import Host


MOST_WAITING = 20
"""Announcements that wait for their turn; where users come and go faster than that, further ones are left out."""


class AnnouncerTechnology(Uncallable):
    """Cannot be dialled: a conference makes its own."""

    name = "CBAnn"
    description = "Conference Bridge Announcing Channel"


class MemoryEnd:
    """The far end of a channel of a conference: audio inside the server, and nothing else."""

    call_id = ""
    offered: Offered = ()

    def __init__(self, stream: MemoryStream) -> None:
        self._stream = stream
        self.streams = (ChannelStream(AUDIO, stream),)

    def call(self, timeout: float | None) -> bool:
        """It is not called."""
        return False

    def attach(self, channel: Channel) -> None:
        """It has one channel."""

    def answer(self) -> None:
        """It is answered always."""

    def indicate(self, condition: Control, data: object = None) -> bool:
        """Nobody is there to see it, nor to hear it as a tone."""
        return True

    def offer_streams(self, offered: Offered) -> None:
        """It has audio only."""

    def hangup(self, cause: int) -> None:
        """Close it."""
        self._stream.close()

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Nobody hears it."""

    def send_text(self, text: str, content_type: str = "text/plain") -> bool:
        """Nobody reads it."""
        return False

    def transfer(self, order: TransferOrder) -> None:
        """Not supported."""
        order.done(0, TransferStatus.UNSUPPORTED)

    def channel_item(self, name: str) -> str | None:
        """There are none."""
        return None


class Announcer:
    """The pair: ``speaker`` is played to, ``member`` goes into the bridge. Announcements follow each other."""

    def __init__(self, pbx: Host, name: str, language: str = "") -> None:
        technology = AnnouncerTechnology()
        self._pbx = pbx
        self.speaker, self.member = (
            pbx.create_quiet_channel(technology, f"{technology.name}/{name};{number}") for number in (1, 2)
        )
        self._waiting: deque[tuple[tuple[str, ...], asyncio.Future[bool]]] = deque()
        self._task: asyncio.Task[None] | None = None
        for channel, stream in zip((self.speaker, self.member), memory_pair(), strict=True):
            channel.driver = MemoryEnd(stream)
            channel.language = language or channel.language
            pbx.channels.add(channel)

    def say(self, sounds: tuple[str, ...]) -> asyncio.Future[bool]:
        """Have sounds heard after what waits already; what it returns tells later whether they were."""
        future: asyncio.Future[bool] = self._pbx.loop.create_future()
        if self.speaker.dead or len(self._waiting) >= MOST_WAITING:
            future.set_result(False)
            return future
        self._waiting.append((sounds, future))
        if self._task is None:
            self._task = self._pbx.loop.create_task(self._speak(), name=self.speaker.name)
        return future

    async def _speak(self) -> None:
        """Say what waits, until nothing does."""
        said: asyncio.Future[bool] | None = None
        try:
            while self._waiting:
                sounds, said = self._waiting.popleft()
                try:
                    for sound in sounds:
                        await play_or_tell(self.speaker, "A conference", sound)
                    _settle(said, True)
                except ChannelHangup:
                    raise
                except FAILURES as error:
                    if task_ends(error):
                        raise
                    report_failure(self._pbx.log, f"an announcement by {self.speaker.name}")
                    _settle(said, False)
        except ChannelHangup:
            pass
        finally:  # whatever ended it: users wait until the others have heard of them
            self._task = None
            if said is not None:
                _settle(said, False)
            while self._waiting:
                _settle(self._waiting.popleft()[1], False)

    def end(self) -> None:
        """Remove both."""
        for channel in (self.speaker, self.member):
            channel.hang_up()
            self._pbx.channels.remove(channel)


def _settle(future: asyncio.Future[bool], heard: bool) -> None:
    if not future.done():
        future.set_result(heard)
