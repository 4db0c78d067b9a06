"""Two parties whose streams are connected: packets relayed where the media layer can, frames of audio otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.media.stream import AUDIO, pair_ports
from asterism.pbx.channels.music.playing import music_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.media.stream import AudioStream, ChannelStream
    from asterism.pbx.channels.channel import Channel


def connect_channels(first: Channel, second: Channel) -> bool:
    """Connect the streams of two channels both ways; whether audio is relayed inside the media layer.

    One that is away hears and sees nothing of the other, and is neither heard nor seen.
    """
    if first.away or second.away:
        disconnect_channel(first)
        disconnect_channel(second)
        return False
    topology, other = first.streams, second.streams
    if len(topology) == len(other) == 1 and topology[0].type == other[0].type == AUDIO:
        one, two = topology[0].port, other[0].port
    else:
        _connect_others(topology, other)
        _connect_others(other, topology)
        one, two = first.stream, second.stream
    if one is None or two is None:
        return False
    relayed = _connect(one, None if music_of(second) else two)
    _connect(two, None if music_of(first) else one)
    return relayed


def apart(channel: Channel) -> bool:
    """Whether a channel hears nothing of its bridge: music plays to it, or it is away."""
    return channel.away or music_of(channel) is not None


def disconnect_channel(channel: Channel) -> None:
    """Take a channel's streams from whatever they were connected to."""
    for each in channel.streams:
        stream = each.port
        if stream is not None:
            stream.relay_to(None)
            stream.sink = None


def _connect_others(streams: Sequence[ChannelStream], others: Sequence[ChannelStream]) -> None:
    """Connect what arrives behind the first audio: further audio, and what is only ever passed on."""
    for kind, source, target in pair_ports(streams, others):
        if kind == AUDIO:
            _connect(source, target)
        else:
            source.relay_to(target)


def _connect(source: AudioStream, target: AudioStream | None) -> bool:
    """Carry the audio of ``source`` to ``target``; ``None``: nowhere, because its recipient hears music."""
    if target is None:
        source.relay_to(None)
        source.sink = None
        return False
    if source.relay_to(target):
        source.sink = None
        return True
    source.sink = target.write
    return False
