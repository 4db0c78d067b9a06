"""Topologies: the ordered streams of a channel."""

from __future__ import annotations

from asterism.media.formats import ULAW
from asterism.media.memory import MemoryStream
from asterism.media.stream import AUDIO, TEXT, VIDEO, ChannelStream, first_port


def test_the_first_open_port_of_a_type_is_found_whatever_stands_before() -> None:
    one, two, other = (MemoryStream((ULAW,)) for _ in range(3))
    streams = [
        None,
        ChannelStream(VIDEO, other),
        ChannelStream(AUDIO),
        ChannelStream(AUDIO, one),
        ChannelStream(AUDIO, two),
    ]
    assert first_port(streams, AUDIO) is one
    assert first_port(streams, VIDEO) is other
    assert first_port(streams, TEXT) is None
    assert first_port((), AUDIO) is None


def test_a_stream_shows_the_formats_of_its_port() -> None:
    assert ChannelStream(AUDIO, MemoryStream((ULAW,))).formats == (ULAW,)
    assert ChannelStream(TEXT).formats == ()
    assert ChannelStream(AUDIO).direction == "sendrecv"
