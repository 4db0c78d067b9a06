"""The true length of IFP packets of T.38 that have zeros behind them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.media.ifp import true_length

PACKETS = {
    "no signal": "00",
    "CNG": "02",
    "V.8 indicator, by extension": "20 80",
    "HDLC data, 1998": "c0 01 80 0002 ff c8 01",
    "data and FCS OK in one packet, 1998": "c0 02 80 0000 ff 20",
    "FCS OK and signal end, 1998": "c0 02 21",
    "FCS OK and signal end, 2002": "c0 02 10 40",
    "CM message, 2002, by extension": "e0 80 01 c0 00 0000 31",
}


@pytest.mark.parametrize("octets", PACKETS.values(), ids=PACKETS)
@pytest.mark.parametrize("zeros", [0, 1, 40])
def test_zeros_behind_a_packet_are_not_of_it(octets: str, zeros: int) -> None:
    packet = bytes.fromhex(octets)
    assert true_length(packet + bytes(zeros)) == len(packet)


@pytest.mark.parametrize(
    "octets", ["", "06 ff", "20", "c0", "c0 00", "c0 01 80 0005 ff", "c0 80 01", "c0 05 00", "c0 02 40 31"]
)
def test_what_is_no_packet_has_no_length(octets: str) -> None:
    assert true_length(bytes.fromhex(octets)) is None


@given(st.binary(max_size=60))
def test_any_octets_are_read_without_harm(octets: bytes) -> None:
    found = true_length(octets)
    assert found is None or 0 < found <= len(octets)
