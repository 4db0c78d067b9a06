"""Saying the number of a space: to whoever parks a call, digit by digit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.media.soundfiles import SoundError
from asterism.pbx.channels.playing import start_play

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.playing import Playing

FAILED = "pbx-parkingfailed"
"""What a channel hears that cannot be parked."""
NOBODY_THERE = "pbx-invalidpark"
"""What a channel hears that wants a call from a space without one."""


class Announcement:
    """The digits of a number, said to a channel; any task may :meth:`stop` it."""

    __slots__ = ("_channel", "_names", "_playing", "_stopped")

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel = channel
        self._names = [f"digits/{digit}" for digit in str(number)]
        self._playing: Playing | None = None
        self._stopped = False

    async def say(self) -> None:
        """Say it; returns when all is said, when it is stopped, or when a sound is missing, which is logged.

        Raises:
            ChannelHangup: The channel has hung up.
            Goto: It was sent elsewhere.
        """
        for name in self._names:
            if self._stopped:
                return
            try:
                self._playing = start_play(self._channel, name)
                await self._playing.wait()
            except (SoundError, RuntimeError) as error:
                self._channel.pbx.log.warning("%s does not hear '%s': %s", self._channel.name, name, error)
                return
            finally:
                self._playing = None

    def stop(self) -> None:
        """Say no more."""
        self._stopped = True
        if self._playing is not None:
            self._playing.stop()


async def tell(channel: Channel, name: str) -> None:
    """Play a sound; one that is missing is logged.

    Raises:
        ChannelHangup: The channel has hung up.
        Goto: It was sent elsewhere.
    """
    try:
        await start_play(channel, name).wait()
    except (SoundError, RuntimeError) as error:
        channel.pbx.log.warning("%s does not hear '%s': %s", channel.name, name, error)
