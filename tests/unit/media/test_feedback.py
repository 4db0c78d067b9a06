"""Feedback packets: read, written anew, and bounded."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from asterism.media import feedback, rtcp

REPORT = rtcp.build(rtcp.Report(rtcp.RR, 7), b"name")


def same(number: int) -> int:
    return number


def test_numbers_and_sources_are_those_of_the_other_side() -> None:
    nack = feedback.Feedback(feedback.NACK, 5, struct.pack("!HHHH", 10, 3, 65535, 0))
    built = feedback.build(nack, 1, 2, lambda number: (number + 1) & 0xFFFF)
    assert struct.unpack_from("!BBHII", built) == (0x81, 205, 4, 1, 2)
    (found,) = feedback.parse(REPORT + built)
    assert found == feedback.Feedback(feedback.NACK, 2, struct.pack("!HHHH", 11, 3, 0, 0))


def test_a_full_intra_request_names_its_source_inside() -> None:
    fir = feedback.Feedback(feedback.FIR, 5, struct.pack("!IBBBB", 5, 9, 0, 0, 0))
    built = feedback.build(fir, 1, 2, same)
    assert struct.unpack_from("!BBHIIIB", built) == (0x84, 206, 4, 1, 0, 2, 9)
    assert feedback.parse(built) == [feedback.Feedback(feedback.FIR, 2, struct.pack("!IBBBB", 2, 9, 0, 0, 0))]


def test_other_kinds_stop_here() -> None:
    for kind in ((206, 15), (205, 3), (205, 15)):
        packet_type, form = kind
        packet = struct.pack("!BBHII", 0x80 | form, packet_type, 6, 1, 2) + bytes(16)
        assert feedback.parse(packet) == []


@given(st.binary(max_size=200))
def test_anything_may_come(data: bytes) -> None:
    for one in feedback.parse(data) + feedback.parse(REPORT + data):
        assert len(feedback.build(one, 1, 2, same)) % 4 == 0
        assert len(one.details) <= len(data)


@given(st.integers(0, 2**60))
def test_an_estimate_of_bandwidth_comes_back_rounded_down(bandwidth: int) -> None:
    built = feedback.bandwidth_estimate(1, 0xDEADBEEF, bandwidth)
    assert struct.unpack_from("!BBHII", built) == (0x8F, 206, 5, 1, 0)
    (found,) = feedback.parse(REPORT + built)
    assert (found.kind, found.source) == (feedback.REMB, 0xDEADBEEF)
    assert 0 <= bandwidth - feedback.bandwidth_of(found) <= bandwidth >> 17


def test_an_estimate_goes_on_under_the_name_of_its_source() -> None:
    came = feedback.parse(feedback.bandwidth_estimate(1, 5, 1 << 20))
    (found,) = feedback.parse(feedback.build(came[0], 3, 4, same))
    assert (found.kind, found.source, feedback.bandwidth_of(found)) == (feedback.REMB, 4, 1 << 20)


@given(st.lists(st.integers(0, 65535), max_size=40, unique=True))
def test_lost_packets_are_told_by_number(numbers: list[int]) -> None:
    details = feedback.lost_details(sorted(numbers))
    assert feedback.lost(feedback.Feedback(feedback.NACK, 1, details)) == sorted(numbers)


def test_lost_packets_around_the_end_of_numbers() -> None:
    assert feedback.lost_details([65534, 65535, 3]) == struct.pack("!HH", 65534, 0b10001)
    assert feedback.lost_details([7, 7, 24]) == struct.pack("!HHHH", 7, 0, 24, 0)
    assert len(feedback.lost(feedback.Feedback(feedback.NACK, 1, b"\xff" * 4000))) == 17 * 64


def test_requests_for_a_whole_picture() -> None:
    assert feedback.parse(feedback.key_frame_request(1, 2)) == [feedback.Feedback(feedback.PLI, 2, b"")]
    fir = feedback.full_intra_request(1, 2, 300)
    assert feedback.parse(fir) == [feedback.Feedback(feedback.FIR, 2, struct.pack("!IBBBB", 2, 44, 0, 0, 0))]
