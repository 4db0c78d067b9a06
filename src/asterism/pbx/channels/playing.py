"""Playing sounds and tones to a channel, paced, until they end or a digit ends them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.media.files import SoundError
from asterism.media.player import Playback
from asterism.media.stream import AudioStream, Frame
from asterism.media.tones import tone_frames
from asterism.pbx.vocabulary.controls import WAKE_DIGIT, WAKE_SPEECH

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


def stream_of(channel: Channel) -> AudioStream | None:
    """The audio of a channel's leg, once there is any."""
    return channel.stream


async def play_frames(channel: Channel, frames: Iterable[Frame], interrupt: str = "") -> str:
    """Play ``frames``, 20 ms each, to their end; return the digit that ended them early, or ``""``.

    Digits that are not in ``interrupt`` are dropped if any are given, else kept for a later read.
    Without audio on the channel it returns at once. Raises ``ChannelHangup`` like any await on a channel.
    """
    stream = stream_of(channel)
    channel.check()
    if stream is None:
        return ""
    channel.stop_tone()
    playback = Playback(stream, frames, channel.pbx.loop, on_end=lambda _: channel.wake(WAKE_SPEECH))
    kinds = WAKE_SPEECH | WAKE_DIGIT if interrupt else WAKE_SPEECH
    try:
        while playback.active:
            if interrupt:
                digit = await channel.read_digit(0)
                if digit is not None:
                    if digit in interrupt:
                        return digit
                    continue
            await channel.park(None, kinds)
    finally:
        playback.stop()
    return ""


async def play(channel: Channel, name: str, interrupt: str = "", language: str = "") -> str:
    """Play the sound ``name`` in the channel's language; see :func:`play_frames`.

    Raises:
        SoundError: there is no such sound, or its file cannot be read.
    """
    stream = stream_of(channel)
    sounds = channel.pbx.server.media.sounds
    if stream is None:
        if sounds.find(name, language or channel.language) is None:
            raise SoundError(f"there is no sound '{name}'")
        return ""
    sound = sounds.load(name, language or channel.language, stream.format)
    return await play_frames(channel, sound.frames(), interrupt)


def start_tone(channel: Channel, tone: str) -> bool:
    """Play a tone in the background until the channel's ``stop_tone``, another sound, or the end of the stream.

    Returns whether the channel has audio to play it on.

    Raises:
        UsageError: ``tone`` is neither a tone of ``indications.conf`` nor the name of one.
    """
    frames = tone_frames(tone)
    channel.stop_tone()
    stream = stream_of(channel)
    if stream is None:
        return False
    channel.tone = Playback(stream, frames, channel.pbx.loop)
    return True
