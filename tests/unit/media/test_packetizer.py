"""Packets of the length that the peer asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.media.formats import FORMATS, G729, GSM, OPUS, ULAW
from asterism.media.packetizer import Packetizer, packet_bytes


@pytest.mark.parametrize(
    ("fmt", "ptime", "octets"),
    [(ULAW, 10, 80), (ULAW, 30, 240), (ULAW, 25, 200), (ULAW, 500, 1200), (ULAW, 1, 8), (G729, 30, 30), (G729, 25, 20),
     (G729, 5, 10), (GSM, 30, 33), (GSM, 40, 66), (OPUS, 40, 0)],
)  # fmt: skip
def test_the_length_is_one_that_the_codec_has(fmt, ptime: int, octets: int) -> None:
    assert packet_bytes(fmt, ptime) == octets


@given(
    st.sampled_from([one for one in FORMATS.values() if packet_bytes(one, 20)]),
    st.integers(1, 200),
    st.lists(st.binary(min_size=1, max_size=700), max_size=20),
)
def test_nothing_is_lost_or_reordered(fmt, ptime: int, payloads: list[bytes]) -> None:
    packetizer = Packetizer(ptime)
    packets = [packet for payload in payloads for packet in packetizer.cut(fmt, payload)]
    everything = b"".join(payloads)
    size = packet_bytes(fmt, ptime)
    assert all(len(one) == size for one in packets)
    assert everything.startswith(b"".join(packets))
    assert len(everything) - sum(map(len, packets)) < size


def test_another_codec_and_a_pause_begin_anew() -> None:
    packetizer = Packetizer(30)
    assert packetizer.cut(ULAW, b"u" * 160) == []
    assert packetizer.cut(G729, b"g" * 30) == [b"g" * 30]
    assert packetizer.cut(ULAW, b"v" * 160) == []
    packetizer.begin()
    assert packetizer.cut(ULAW, b"w" * 240) == [b"w" * 240]
