"""Music in the background of a channel: started and stopped by applications, by hold and by bridges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from asterism.media.player import Playback
from asterism.media.soundfiles import Sounds
from asterism.pbx.channels.music.classes import DEFAULT, MusicClass, MusicSettings, built_in
from asterism.pbx.channels.music.program import Program
from asterism.pbx.channels.music.tracks import tracks
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import ChannelState

if TYPE_CHECKING:
    from asterism.core.log import ServerLogger
    from asterism.media.formats import Format
    from asterism.media.stream import AudioStream, Frame
    from asterism.pbx.channels.channel import Channel

_KEY = "music"
"""Where ``channel.data`` keeps what was heard last, so that music goes on where it stopped."""


class MusicClasses:
    """The classes of one server, and the programs that run for them."""

    def __init__(self, log: ServerLogger) -> None:
        self._log = log
        self.settings = MusicSettings({DEFAULT: built_in()})
        self._programs: dict[MusicClass, Program] = {}
        self._sounds = Sounds(log=log)
        """What was played last, for all who listen to it."""

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs started for music classes with an ``application``."""
        return tuple(self._programs.values())

    def use(self, settings: MusicSettings) -> None:
        """Put ``settings`` in force for music that starts from now on."""
        self.settings = settings

    def close(self) -> None:
        """End every program."""
        for program in self._programs.values():
            program.close()
        self._programs.clear()

    def choose(self, channel: Channel, asked: str = "") -> MusicClass | None:
        """The class for a channel: the first existing one of its own, the requested one and ``default``."""
        settings = self.settings
        names = [channel.music_class, asked] if settings.prefer_channel_class else [asked, channel.music_class]
        for name in (*names, DEFAULT):
            if name and (found := settings.classes.get(name)) is not None:
                return found
            if name and name != DEFAULT:
                self._log.warning("%s hears other music: there is no music class '%s'", channel.name, name)
        return None

    def frames(self, channel: Channel, music: MusicClass, fmt: Format) -> Iterator[Frame]:
        """Frames of a music class for ``channel``; playback of files resumes where it stopped."""
        if music.application:
            for old in [one for one, program in self._programs.items() if program.idle]:
                del self._programs[old]
            program = self._programs.get(music)
            if program is None:
                program = self._programs[music] = Program(music, channel.pbx.loop, self._log)
            return program.frames()
        known: tuple[MusicClass, Format, Iterator[Frame]] | None = channel.data.get(_KEY)
        if known is None or known[0] is not music or known[1] is not fmt:
            known = channel.data[_KEY] = (music, fmt, tracks(music, fmt, self._sounds, self._log))
        return known[2]


class Music(Playback):
    """Music that plays on a channel; ``channel.tone`` while it does. Whatever stops it, MusicOnHoldStop tells."""

    __slots__ = ("_announced", "_channel", "_source", "music")

    def __init__(self, channel: Channel, music: MusicClass, stream: AudioStream, frames: Iterator[Frame]) -> None:
        self._channel = channel
        self._source = frames
        self._announced = False
        self.music = music
        super().__init__(stream, frames, channel.pbx.loop, on_end=lambda _: self._over())

    def announce(self) -> None:
        """Tell that it has started."""
        self._announced = True
        channel = self._channel
        channel.pbx.bus.publish(events.MUSIC_ON_HOLD_START, channel, self.music.name)
        log = channel.pbx.log
        if log.verbosity >= 3:
            log.verbose(3, "Started music on hold, class '%s', on channel '%s'", self.music.name, channel.name)

    def _over(self) -> None:
        """No file of the class can be played, or the stream is gone."""
        channel = self._channel
        if channel.tone is self:
            channel.stop_tone()

    def stop(self) -> None:
        """Stop, and tell."""
        super().stop()
        if self._announced:
            self._announced = False
            if self.music.application:
                self._source.close()  # type: ignore[attr-defined]  # a generator: the program counts its listeners
            channel = self._channel
            channel.pbx.bus.publish(events.MUSIC_ON_HOLD_STOP, channel)
            log = channel.pbx.log
            if log.verbosity >= 3:
                log.verbose(3, "Stopped music on hold on %s", channel.name)


def music_of(channel: Channel) -> Music | None:
    """The music that plays on a channel."""
    tone = channel.tone
    return tone if isinstance(tone, Music) else None


def start_music(channel: Channel, asked: str = "") -> bool:
    """Play music in the background until :func:`stop_music`, another sound, or the end; whether there is any.

    ``asked`` is the class that an application names or that the other party suggests. A channel in a bridge does not
    hear the others meanwhile.
    """
    classes: MusicClasses = channel.pbx.music
    music = classes.choose(channel, asked)
    playing = music_of(channel)
    stream = channel.stream
    if music is None or stream is None or (music.answered_only and channel.state is not ChannelState.UP):
        return False
    if playing is not None and playing.music is music:
        return True
    channel.stop_tone()
    playing = Music(channel, music, stream, classes.frames(channel, music, stream.format))
    if not playing.active:
        channel.data.pop(_KEY, None)  # no file of it could be played: the next time may be better
        return False
    channel.tone = playing
    playing.announce()
    _bridge_anew(channel)
    return True


def stop_music(channel: Channel) -> None:
    """Stop the music; nothing happens where there is none."""
    if music_of(channel) is not None:
        channel.stop_tone()
        _bridge_anew(channel)


def _bridge_anew(channel: Channel) -> None:
    if channel.bridge is not None:
        channel.bridge.reconnect(channel)


def class_by_digit(classes: Iterable[MusicClass], digit: str) -> MusicClass | None:
    """The class that a listener chooses by a key."""
    return next((one for one in classes if one.digit == digit), None)
