"""Recording the name of a user who enters, so that the others can be told who comes and goes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.core.identifiers import random_uuid
from asterism.media.dtmf import KEYS
from asterism.media.recording.mixdown import Output, Source
from asterism.pbx.calls.conference.hearing import hear
from asterism.pbx.calls.recording.settings import RecordingError, RecordingSettings

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

FOLDER = "confbridge"
"""Where names are kept while their users are there, below the spool folder."""
_PREFIX = "name-of-"
LONGEST = 10.0
"""Seconds of a name."""
_SHORTEST = 0.3
ATTEMPTS = 3
_ENDS = "#"
_CLOSING = 5.0
_REVIEW_WAIT = 6.0
ASK, BEEP, REVIEW = "vm-rec-name", "beep", "vm-review"


class Name:
    """The recorded name of one user; a file that is there until :meth:`forget`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._pbx: Host = channel.pbx
        self.path = folder_of(channel.pbx) / f"{_PREFIX}{random_uuid()}.wav"  # an id may come from outside
        self.recorded = False
        self.kept = False
        """Whether an announcement of it is still to be heard; the file is removed after that."""

    @property
    def sound(self) -> str:
        """It as a sound, ``""`` where there is none."""
        return str(self.path.with_suffix("")) if self.recorded else ""

    async def ask(self, review: bool) -> bool:
        """Ask for it and record it, with ``review`` until the user accepts it; whether there is one.

        Raises:
            ChannelHangup: The channel has hung up; there is no file then.
            Goto: It was sent elsewhere.
        """
        try:
            for _ in range(ATTEMPTS):
                self.recorded = await self._record()
                if self.recorded and (not review or await self._accepted()):
                    break
        except BaseException:
            self.forget()
            raise
        return self.recorded

    async def _record(self) -> bool:
        channel = self._channel
        channel.flush_digits()
        await hear(channel, ASK, BEEP)
        channel.flush_digits()
        self.forget()
        settings = RecordingSettings((Output(self.path, Source.RECEIVED),))
        try:
            recording = self._pbx.recordings.start(channel, settings, announced=False)
        except RecordingError as error:
            channel.pbx.log.warning("The name of %s is not recorded: %s", channel.name, error)
            return False
        loop = self._pbx.loop
        begun = loop.time()
        try:
            while (left := begun + LONGEST - loop.time()) > 0:
                digit = await channel.read_digit(left)
                if digit is None or digit in _ENDS:
                    break
            long_enough = loop.time() - begun >= _SHORTEST
        finally:
            recording.stop()
            with suppress(TimeoutError):
                await recording.wait(_CLOSING)
        return long_enough and not recording.error and self.path.exists()

    async def _accepted(self) -> bool:
        """Ask whether it is right: 1 yes, 2 hear it, 3 once more; who says nothing has accepted it."""
        channel = self._channel
        for _ in range(ATTEMPTS):
            digit = await hear(channel, REVIEW, interrupt=KEYS) or await channel.read_digit(_REVIEW_WAIT) or "1"
            if digit == "2":
                await hear(channel, self.sound)
            elif digit == "3":
                return False
            elif digit in "1#":
                return True
        return True

    def forget(self) -> None:
        """Remove the file."""
        self.recorded = False
        with suppress(OSError):
            self.path.unlink()

    def forget_after(self, said: asyncio.Future[bool]) -> None:
        """Remove the file when an announcement of it is over."""
        self.kept = True
        said.add_done_callback(lambda _: self.forget())


def folder_of(pbx: Host) -> Path:
    """The folder of the files."""
    return Path(pbx.server.paths.spool) / FOLDER


def remove_left_over(pbx: Host) -> None:
    """Remove the names of users of an earlier run, which a crash has left."""
    with suppress(OSError):
        for path in folder_of(pbx).glob(f"{_PREFIX}*.wav"):
            path.unlink()
