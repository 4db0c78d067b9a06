"""Header extensions: what is written is read, what is malformed harms nothing, what is agreed on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.media import header_extensions as extensions
from asterism.media.header_extensions import ABS_SEND_TIME, MID, TRANSPORT_SEQUENCE, Agreed, Writer, accepted

HEADER = bytes((0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3))
SHORT = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=14)
LONG = st.dictionaries(st.integers(1, 255), st.binary(max_size=40), max_size=20)


@given(st.one_of(SHORT, LONG), st.binary(max_size=20), st.integers(0, 3))
def test_what_is_written_is_read_and_taken_out(items: dict[int, bytes], payload: bytes, sources: int) -> None:
    block = extensions.write(items)
    assert len(block) % 4 == 0
    head = bytes((0x90 | sources,)) + HEADER[1:] + bytes(4 * sources)
    packet = bytearray(head + block + payload + b"more")
    size = len(packet) - 4
    assert extensions.read(packet, size) == items
    left = extensions.strip(packet, size)
    assert packet[:left] == bytes((0x80 | sources,)) + head[1:] + payload
    assert packet[-4:] == b"more"


@given(st.binary(min_size=12, max_size=80), st.integers(0, 80))
def test_anything_may_come(data: bytes, size: int) -> None:
    size = min(size, len(data))
    packet = bytearray(data)
    for number, value in extensions.read(packet, size).items():
        assert 0 < number <= 255
        assert value in data[12:size] or not value
    if data[0] & 0x10:
        left = extensions.strip(packet, size)
        assert len(packet) == len(data)
        assert left <= size


def test_heads_of_one_octet() -> None:
    # RFC 8285 4.2: a length of one less, padding between; 15 ends it, as does 0 with a length.
    block = bytes.fromhex("BEDE0003 10AA 21BBCC 00 30DD 00000000")
    assert extensions.read(HEADER + block, 12 + len(block)) == {1: b"\xaa", 2: b"\xbb\xcc", 3: b"\xdd"}
    for end in (0xF0, 0x03):
        block = bytes.fromhex("BEDE0002 10AA") + bytes((end,)) + bytes.fromhex("BB 20CC 0000")
        assert extensions.read(HEADER + block, 12 + len(block)) == {1: b"\xaa"}


def test_heads_of_two_octets() -> None:
    # RFC 8285 4.3: elements without data, padding, whatever the four bits of the application are.
    block = bytes.fromhex("100A0003 0100 00 0201BB 1102CCDD 0000")[:16]
    assert extensions.read(HEADER + block, 12 + len(block)) == {1: b"", 2: b"\xbb", 17: b"\xcc\xdd"}
    assert extensions.read(HEADER + b"\x20\x0a" + block[2:], 12 + len(block)) == {}


def test_what_cannot_be_written() -> None:
    for items in ({0: b"x"}, {256: b"x"}, {1: bytes(256)}, {number: bytes(255) for number in range(1, 10)}):
        with pytest.raises(ValueError, match="extension"):
            extensions.write(items)


def test_what_is_known_is_accepted_under_the_offers_numbers() -> None:
    lines = [
        "1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        f"2 {ABS_SEND_TIME}",
        f"3/sendonly {TRANSPORT_SEQUENCE} with=attributes",
        f"4 {MID}",
    ]
    agreed = accepted(lines)
    assert agreed == Agreed(mid=4, abs_send_time=2, transport_sequence=3)
    assert agreed.lines == (f"2 {ABS_SEND_TIME}", f"3/recvonly {TRANSPORT_SEQUENCE}", f"4 {MID}")
    assert accepted(lines, Agreed(mid=9)) == Agreed(mid=4)


@pytest.mark.parametrize(
    ("theirs", "ours", "sent", "read"),
    [
        ("", "", 4, 4),
        ("/sendrecv", "", 4, 4),
        ("/sendonly", "/recvonly", 0, 4),
        ("/recvonly", "/sendonly", 4, 0),
        ("/inactive", None, 0, 0),
    ],
)
def test_an_extension_goes_the_ways_that_both_have(theirs: str, ours: str | None, sent: int, read: int) -> None:
    """RFC 8285 5: an answer takes no direction that the offer has not; so of an answer to our offer."""
    for agreed in (accepted([f"4{theirs} {MID}"]), accepted([f"4{theirs} {MID}"], Agreed(mid=1))):
        assert agreed.lines == (() if ours is None else (f"4{ours} {MID}",))
        assert (agreed.sent("mid"), agreed.read("mid")) == (sent, read)
        assert (Writer(agreed, "a").size > 0) is (sent > 0)


@pytest.mark.parametrize(("theirs", "used"), [("", True), ("/sendonly", True), ("/recvonly", False)])
def test_a_transports_numbers_are_read_and_never_written(theirs: str, used: bool) -> None:
    line = f"3{theirs} {TRANSPORT_SEQUENCE}"
    for agreed in (accepted([line]), accepted([line], extensions.offered("video", bundled=True, congestion=True))):
        assert agreed.lines == ((f"3/recvonly {TRANSPORT_SEQUENCE}",) if used else ())
        assert agreed.sent("transport_sequence") == 0
    offer = extensions.offered("video", bundled=False, congestion=True)
    assert offer.lines == (f"2 {ABS_SEND_TIME}", f"3/recvonly {TRANSPORT_SEQUENCE}")


def test_what_goes_one_way_stays_so_in_later_offers() -> None:
    agreed = accepted([f"4/recvonly {MID}"], extensions.offered("video", bundled=True, congestion=False))
    assert accepted([f"4/sendrecv {MID}"], agreed).lines == (f"4/sendonly {MID}",)


def test_what_is_no_use_is_passed_over() -> None:
    lines = [f"0 {MID}", f"15 {MID}", f"300 {MID}", f"x {MID}", f"2/inactive {MID}", f"3/up {MID}", "", "5", f"6 {MID}"]
    assert accepted([*lines, f"7 {MID}", f"6 {ABS_SEND_TIME}"]) == Agreed(mid=6)
    assert accepted([f"1 {MID}x"] * 100 + [f"1 {MID}"]) == Agreed()


@given(st.lists(st.text(max_size=40), max_size=70))
def test_any_text_may_be_offered(lines: list[str]) -> None:
    assert accepted(lines) == Agreed()


def test_offers() -> None:
    assert extensions.offered("audio", bundled=False, congestion=False).lines == ()
    assert extensions.offered("text", bundled=True, congestion=True) == Agreed(mid=1)
    assert extensions.offered("video", bundled=True, congestion=True) == Agreed(1, 2, 3)


def test_a_streams_packets_get_mid_and_time() -> None:
    writer = Writer(Agreed(mid=4, abs_send_time=2, transport_sequence=3), "video-1")
    buffer = bytearray(100)
    buffer[:12] = HEADER
    for now in (1.5, 63.999, 1e6 + 0.25):
        writer.write_into(buffer, 12, now)
        found = extensions.read(buffer, 12 + writer.size)
        assert found == {4: b"video-1", 2: extensions.send_time(now).to_bytes(3, "big")}
    assert extensions.send_time(1.5) == 0x60000
    assert Writer(Agreed(transport_sequence=3), "a").size == 0
    assert Writer(Agreed(mid=1), "").size == 0
    assert Writer(Agreed(mid=1), "m" * 17).size == 0
