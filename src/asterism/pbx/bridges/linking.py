"""Two audio streams that hear each other: packets relayed where the media layer can, frames otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.channels.music.playing import music_of

if TYPE_CHECKING:
    from asterism.media.stream import AudioStream
    from asterism.pbx.channels.channel import Channel


def connect_channels(first: Channel, second: Channel) -> bool:
    """Connect the audio of two channels both ways; whether it is relayed inside the media layer."""
    one, two = first.stream, second.stream
    if one is None or two is None:
        return False
    relayed = _connect(one, None if music_of(second) else two)
    _connect(two, None if music_of(first) else one)
    return relayed


def disconnect_channel(channel: Channel) -> None:
    """Take a channel's audio from whatever it was connected to."""
    stream = channel.stream
    if stream is not None:
        stream.relay_to(None)
        stream.sink = None


def _connect(source: AudioStream, target: AudioStream | None) -> bool:
    """Carry what arrives at ``source`` to ``target``; ``None``: nowhere, whom it is for hears music."""
    if target is None:
        source.relay_to(None)
        source.sink = None
        return False
    if source.relay_to(target):
        source.sink = None
        return True
    source.sink = target.write
    return False
