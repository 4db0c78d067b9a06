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


def packet(kind: tuple[int, int], source: int, details: bytes, padding: int = 0) -> bytes:
    """As RFC 4585 6.1 draws it; ``padding`` in words."""
    packet_type, form = kind
    filler = bytes(4 * padding - 1) + bytes((4 * padding,)) if padding else b""
    first = 0x80 | (0x20 if padding else 0) | form
    return (
        struct.pack("!BBHII", first, packet_type, 2 + (len(details) + len(filler)) // 4, 1, source) + details + filler
    )


def fir(source: int, number: int = 1) -> bytes:
    return struct.pack("!IBBBB", source, number, 0, 0, 0)


def test_a_full_intra_request_of_several_sources_is_found_for_each() -> None:
    several = packet(feedback.FIR, 0, fir(5, 1) + fir(6, 2) + fir(5, 3) + bytes(4))
    assert feedback.parse(several) == [
        feedback.Feedback(feedback.FIR, 5, fir(5, 3)), feedback.Feedback(feedback.FIR, 6, fir(6, 2)),
    ]  # fmt: skip


def test_an_estimate_for_several_sources_is_found_for_each() -> None:
    details = b"REMB" + bytes((3, 0, 0, 9)) + struct.pack("!III", 5, 6, 7)
    found = feedback.parse(packet(feedback.REMB, 0, details))
    assert [(one.source, feedback.bandwidth_of(one)) for one in found] == [(5, 9), (6, 9), (7, 9)]
    # It says how many there are; what is behind them is not one more.
    assert [one.source for one in feedback.parse(packet(feedback.REMB, 0, details[:4] + b"\x02" + details[5:]))] == [
        5,
        6,
    ]


def test_what_lacks_its_details_asks_for_nothing() -> None:
    for kind, details in (
        (feedback.FIR, b""), (feedback.FIR, bytes(4)), (feedback.NACK, b""), (feedback.SLI, b""), (feedback.RPSI, b""),
        (feedback.REMB, b"REMB"), (feedback.REMB, b"REMB\x01\0\0\x09"), (feedback.REMB, b"REMB\0\0\0\x09\0\0\0\x05"),
        (feedback.REMB, b"ABCD\x01\0\0\x09\0\0\0\x05"),
    ):  # fmt: skip
        pli = feedback.key_frame_request(1, 2)
        assert feedback.parse(packet(kind, 5, details) + pli) == [feedback.Feedback(feedback.PLI, 2, b"")], kind


def test_what_fills_a_packet_up_is_no_part_of_it() -> None:
    nack = struct.pack("!HH", 10, 3)
    for words in (1, 2, 3):
        assert feedback.parse(packet(feedback.NACK, 5, nack, words)) == [feedback.Feedback(feedback.NACK, 5, nack)]
        assert feedback.parse(packet(feedback.FIR, 0, fir(5), words)) == [feedback.Feedback(feedback.FIR, 5, fir(5))]
    assert feedback.parse(packet(feedback.PLI, 5, b"", 1)) == [feedback.Feedback(feedback.PLI, 5, b"")]
    # More of it than the packet has, or than there is before its details.
    for count in (5, 200, 255):
        broken = bytearray(packet(feedback.NACK, 5, nack, 1))
        broken[-1] = count
        assert all(len(one.details) <= 4 for one in feedback.parse(bytes(broken)))


SOURCES = st.integers(1, 4)
PACKETS = st.one_of(
    st.tuples(st.just(feedback.PLI), st.lists(SOURCES, min_size=1, max_size=1)),
    st.tuples(st.just(feedback.NACK), st.lists(SOURCES, min_size=1, max_size=1)),
    st.tuples(st.just(feedback.FIR), st.lists(SOURCES, max_size=5)),
    st.tuples(st.just(feedback.REMB), st.lists(SOURCES, max_size=5)),
)


@given(st.lists(st.tuples(PACKETS, st.integers(0, 3)), max_size=14), st.booleans())
def test_each_source_gets_all_that_is_about_it_and_nothing_else(
    packets: list[tuple[tuple[tuple[int, int], list[int]], int]], compound: bool
) -> None:
    data, expected = REPORT if compound else b"", []
    for (kind, sources), padding in packets:
        if kind == feedback.FIR:
            data += packet(kind, 0, b"".join(map(fir, sources)), padding)
        elif kind == feedback.REMB:
            details = b"REMB" + bytes((len(sources), 4, 0, 1)) + struct.pack(f"!{len(sources)}I", *sources)
            data += packet(kind, 0, details, padding)
        else:
            data += packet(kind, sources[0], b"" if kind == feedback.PLI else bytes(4), padding)
        expected += [(kind, source) for source in dict.fromkeys(sources)]
    found = feedback.parse(data)
    assert [(one.kind, one.source) for one in found] == expected
    for one in found:
        (again,) = feedback.parse(feedback.build(one, 9, 77, same))
        assert (again.kind, again.source) == (one.kind, 77)


def test_other_kinds_stop_here() -> None:
    for kind in ((206, 15), (205, 3), (205, 15)):
        packet_type, form = kind
        other = struct.pack("!BBHII", 0x80 | form, packet_type, 6, 1, 2) + bytes(16)
        assert feedback.parse(other) == []


@given(st.binary(max_size=200))
def test_anything_may_come(data: bytes) -> None:
    for one in feedback.parse(data) + feedback.parse(REPORT + data):
        built = feedback.build(one, 1, 2, same)
        assert len(built) == 4 * (1 + int.from_bytes(built[2:4], "big"))
        assert [each.kind for each in feedback.parse(built)] == [one.kind]
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
