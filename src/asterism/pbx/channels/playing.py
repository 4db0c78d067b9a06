"""Playing sounds and tones to a channel, paced, until they end or a digit ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.core.containment import attempt
from asterism.media.player import Playback, SoundFrames
from asterism.media.soundfiles import SoundError
from asterism.media.stream import AudioStream, Frame
from asterism.media.tones import tone_frames
from asterism.pbx.vocabulary import inner_events
from asterism.pbx.vocabulary.controls import WAKE_DIGIT, Control

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

SKIP_MS = 3000
"""Milliseconds that a sound is wound at a time where nobody says otherwise."""


def stream_of(channel: Channel) -> AudioStream | None:
    """The audio of a channel's leg, once there is any."""
    return channel.stream


def _early(channel: Channel) -> AudioStream | None:
    """The audio of a leg that opens some because it is wanted (:class:`~.technology.EarlyAudio`)."""
    wanted = getattr(channel.driver, "audio_wanted", None)
    if wanted is None:
        return None
    attempt(channel.pbx.log, f"audio_wanted of the {channel.technology.name} driver", None, wanted)
    return stream_of(channel)


class Playing:
    """A sound that is being played to a channel: any task may stop, pause or wind it, one may :meth:`wait` for its end.

    ``skip_ms`` is how far whoever controls it from outside winds it at a time; ``controlled`` says whether that may
    pause it and have it begin again as well. ``remote`` is set when it was stopped in that way.
    """

    __slots__ = (
        "_channel", "_frames", "_interrupt", "_playback", "_told", "_waiting", "controlled", "remote", "skip_ms",
    )  # fmt: skip

    def __init__(
        self,
        channel: Channel,
        frames: Iterable[Frame],
        interrupt: str = "",
        shown: tuple[str, str, str] | None = None,
    ) -> None:
        """Play ``frames``, 20 ms each; a channel without audio has heard them at once.

        ``shown`` is the sound file that they are: its name, kind and language; it is told that it begins and ends.

        Raises:
            ChannelHangup: The channel has hung up.
            RuntimeError: It is spoken to already.
        """
        channel.check()
        self._channel = channel
        self._frames = frames
        self._interrupt = interrupt
        self._waiting: asyncio.Future[bool] | None = None
        self._playback: Playback | None = None
        self.skip_ms = SKIP_MS
        self.controlled = False
        self.remote = False
        self._told = False
        channel.speak(self)
        stream = stream_of(channel) or _early(channel)
        if stream is None:
            self._ended(None)
            return
        if shown is not None:
            self._told = True
            channel.pbx.bus.publish(inner_events.SOUND_BEGIN, channel, *shown)
        try:
            self._playback = Playback(stream, frames, channel.pbx.loop, on_end=self._ended)
        except BaseException:
            self._ended(None)
            raise
        if not self._playback.active:
            self._ended(None)

    @property
    def active(self) -> bool:
        """Whether it still plays, or is paused."""
        return self._playback is not None and self._playback.active

    @property
    def finished(self) -> bool:
        """Whether it was played to its end."""
        return self._playback is None or self._playback.finished

    @property
    def heard(self) -> int:
        """Milliseconds of it that were sent so far; what passed while the far end held is not among them."""
        return 0 if self._playback is None else self._playback.heard * 20

    @property
    def position(self) -> int:
        """Milliseconds from its beginning to what is played next; what was played so far where it cannot be wound."""
        if isinstance(self._frames, SoundFrames):
            return self._frames.position
        return 0 if self._playback is None else self._playback.played * 20

    @property
    def winds(self) -> bool:
        """Whether it is a sound file, which can be wound."""
        return isinstance(self._frames, SoundFrames)

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._playback is not None and self._playback.paused

    def stop(self) -> None:
        """Stop it now; whoever waits for its end goes on. Harmless when it has ended."""
        if self._playback is not None:
            self._playback.stop()
        self._ended(None)

    def seek(self, ms: int) -> None:
        """Go on ``ms`` milliseconds after its beginning; before that it begins anew, past its end it is over.

        Raises:
            RuntimeError: It is made of frames that cannot be wound.
        """
        if not isinstance(self._frames, SoundFrames):
            raise RuntimeError("only sound files can be wound")
        self._frames.seek(ms)

    def skip(self, ms: int) -> None:
        """Go ``ms`` milliseconds forward, or back where it is negative; see :meth:`seek`."""
        self.seek(self.position + ms)

    def pause(self) -> None:
        """Let the far end hear nothing until :meth:`resume`."""
        if self._playback is not None:
            self._playback.pause()

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        if self._playback is not None:
            self._playback.resume()

    def follow(self, stream: AudioStream) -> None:
        """Go on with what is the channel's audio now."""
        if self._playback is not None:
            self._playback.follow(stream)

    def _ended(self, _playback: Playback | None) -> None:
        self._channel.silent(self)
        if self._told:
            self._told = False
            self._channel.pbx.bus.publish(inner_events.SOUND_END, self._channel)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(True)

    async def next_digit(self) -> str:
        """Wait for the next digit while the sound plays on; ``""`` once it has ended.

        Raises what :meth:`wait` raises; a hang-up stops the sound.
        """
        return await self._wait(True)

    async def wait(self) -> str:
        """Wait for its end; the digit that ended it early, or ``""``.

        Digits that are not among those that interrupt it are dropped if any do, else kept for a later read. A wait
        that is cancelled, or ended by a hang-up, stops the sound.

        Raises:
            ChannelHangup: The channel has hung up.
            RuntimeError: Another task waits for it, or reads digits that are to interrupt it.
        """
        interrupt = self._interrupt
        self._check_alone()
        try:
            while digit := await self._wait(bool(interrupt)):
                if digit in interrupt:
                    return digit
            return ""
        finally:
            self.stop()

    def _check_alone(self) -> None:
        if self._waiting is not None:
            raise RuntimeError("another task waits for the end of this sound")

    async def _wait(self, digits: bool) -> str:
        """The next digit, ``""`` at the end; a wait that is ended otherwise stops the sound."""
        channel = self._channel
        self._check_alone()
        try:
            while self.active:
                if digits:
                    digit = await channel.read_digit(0)
                    if digit is not None:
                        return digit
                self._waiting = channel.pbx.loop.create_future()
                try:
                    await channel.park(None, WAKE_DIGIT if digits else 0, self._waiting)
                finally:
                    self._waiting = None
        except BaseException:
            self.stop()
            raise
        if self._playback is not None and self._playback.error is not None:
            raise self._playback.error
        return ""


async def play_or_tell(
    channel: Channel, application: str, name: str, interrupt: str = "", language: str = ""
) -> str | None:
    """As :func:`play`; a sound that there is not, or that cannot be read, is a warning of the application: ``None``."""
    try:
        return await play(channel, name, interrupt, language)
    except SoundError as error:
        channel.pbx.log.warning("%s on %s: %s", application, channel.name, error)
        return None


async def play_frames(channel: Channel, frames: Iterable[Frame], interrupt: str = "") -> str:
    """Play ``frames``, 20 ms each, to their end; return the digit that ended them early, or ``""``.

    Without audio on the channel it returns at once. See :meth:`Playing.wait`.
    """
    return await Playing(channel, frames, interrupt).wait()


def start_play(channel: Channel, name: str, interrupt: str = "", language: str = "", offset_ms: int = 0) -> Playing:
    """Begin to play the sound ``name`` in the channel's language, from ``offset_ms`` milliseconds on.

    Raises:
        SoundError: there is no such sound, or its file cannot be read.
        ChannelHangup: The channel has hung up.
        RuntimeError: It is spoken to already.
    """
    stream = stream_of(channel)
    sounds = channel.pbx.server.media.sounds
    language = language or channel.language
    if stream is None:
        if sounds.find(name, language) is None:
            raise SoundError(f"there is no sound '{name}'")
        channel.check()
        stream = _early(channel)
    if stream is None:
        return Playing(channel, (), interrupt)
    sound = sounds.load(name, language, stream.format)
    pbx = channel.pbx
    if pbx.log.verbosity >= 3:
        shown = f"{name}{sound.path.suffix}"
        pbx.log.verbose(3, "<%s> Playing '%s' (language '%s')", channel.name, shown, language)
    if pbx.test_events.wanted:
        pbx.test_events.send("PLAYBACK", (("Message", name), ("Channel", channel.name)))
    wanted = pbx.bus.listeners[inner_events.SOUND_BEGIN]
    file = (name, sound.path.suffix[1:], language) if wanted else None
    return Playing(channel, SoundFrames(sound, offset_ms), interrupt, file)


async def play(channel: Channel, name: str, interrupt: str = "", language: str = "", offset_ms: int = 0) -> str:
    """Play the sound ``name`` to its end; see :func:`start_play` and :meth:`Playing.wait`."""
    return await start_play(channel, name, interrupt, language, offset_ms).wait()


def start_tone(channel: Channel, tone: str) -> bool:
    """Play a tone in the background until the channel's ``stop_tone``, another sound, or the end of the stream.

    ``tone`` is the name of one of the channel's zone, or a list in the notation of ``indications.conf``. Returns
    whether the channel has audio to play it on.

    Raises:
        UsageError: ``tone`` is neither.
    """
    frames = tone_frames(tone, channel.pbx.tone_zones.of(channel).tones)
    channel.stop_tone()
    stream = stream_of(channel) or _early(channel)
    if stream is None:
        return False
    channel.tone = Playback(stream, frames, channel.pbx.loop)
    return True


class ShownTone:
    """A tone that the driver of an answered channel shows; ``channel.tone`` until it ends.

    A half of a Local channel shows it to whoever is with the other half, who must be told when it is over: the channel
    is answered long since, so that no answer tells it.
    """

    __slots__ = ("_channel",)

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def stop(self) -> None:
        """It is over."""
        self._channel.ask_driver("indicate", False, Control.STOP)

    def follow(self, stream: AudioStream) -> None:
        """Whoever plays it looks after that itself."""
