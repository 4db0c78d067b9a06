"""A sound that is added to what channels hear, or say: beeps and announcements of recordings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from asterism.media.formats import SLIN
from asterism.media.player import Playback
from asterism.media.soundfiles import SoundError
from asterism.media.taps import Direction
from asterism.pbx.channels.whispering import Whisper

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.channels.channel import Channel


class _Voice:
    """What a :class:`Playback` writes to: whispers on one or two directions of a channel."""

    sends = True

    def __init__(self, channel: Channel, directions: Iterable[Direction]) -> None:
        self._channel = channel
        self._whispers = [Whisper(channel, direction) for direction in directions]
        for whisper, direction in zip(self._whispers, directions, strict=True):
            channel.attach(whisper, direction)

    @property
    def closed(self) -> bool:
        """Whether the channel is over."""
        return self._channel.dead

    def write(self, frame: Frame) -> None:
        """Have a frame heard."""
        for whisper in self._whispers:
            whisper.say(frame)

    def end(self, _playback: Playback) -> None:
        """The sound is over."""
        for whisper in self._whispers:
            self._channel.detach(whisper)


def announce(
    channels: Iterable[Channel], sound: str, directions: tuple[Direction, ...] = (Direction.OUT,)
) -> list[Playback]:
    """Add a sound to what channels hear, without ending what they do; a sound that is missing is warned of.

    Args:
        channels: who is to hear it.
        sound: its name, as for Playback.
        directions: ``IN`` as well: who is bridged with the channel hears it too.
    """
    found: list[Playback] = []
    for channel in channels:
        if channel.dead or channel.stream is None:
            continue
        pbx = channel.pbx
        try:
            frames = pbx.server.media.sounds.load(sound, channel.language, SLIN).frames()
        except SoundError as error:
            pbx.log.warning("%s: %s", channel.name, error)
            continue
        voice: Any = _Voice(channel, directions)
        found.append(Playback(voice, frames, pbx.loop, on_end=voice.end))
    return found
