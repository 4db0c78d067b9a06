"""Topologies: the ordered streams of a channel."""

from __future__ import annotations

from asterism.media.formats import ULAW
from asterism.media.memory import MemoryStream
from asterism.media.stream import AUDIO, TEXT, VIDEO, ChannelStream, first_port, pair_ports


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


def test_streams_are_paired_by_type_and_place() -> None:
    def make(*kinds: str) -> list[ChannelStream]:
        return [ChannelStream(kind, MemoryStream(())) for kind in kinds]

    one = make(VIDEO, AUDIO, AUDIO, VIDEO, TEXT)
    two = [ChannelStream(VIDEO), *make(AUDIO, VIDEO, AUDIO, AUDIO)]
    ports, others = [each.port for each in one], [each.port for each in two]
    assert pair_ports(one, two) == [
        (VIDEO, ports[0], others[2]),
        (AUDIO, ports[2], others[3]),
        (VIDEO, ports[3], None),
        (TEXT, ports[4], None),
    ]
    assert pair_ports(make(AUDIO), two) == []
    assert pair_ports([], two) == []
