"""Cutting streams into messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.stack import LimitError, Limits, ParseError
from asterism.stack.framing import KeepAlive, StreamFramer
from asterism.stack.parser import parse_message

ONE = b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\nContent-Length: 5\r\n\r\nab\r\nc"
TWO = b"INVITE sip:a SIP/2.0\r\nl :\r\n  0\r\nX: Content-Length: 9\r\n\r\n"
STREAM = ONE + TWO + b"\r\n\r\n" + ONE


@pytest.mark.parametrize("offset", range(len(STREAM) + 1))
def test_split_at_every_offset(offset: int) -> None:
    framer = StreamFramer()
    found = framer.feed(STREAM[:offset]) + framer.feed(STREAM[offset:])
    assert [item for item in found if isinstance(item, bytes)] == [ONE, TWO, ONE]
    assert found.count(KeepAlive.PING) == 1
    assert framer.pending == 0


def test_byte_by_byte() -> None:
    framer = StreamFramer()
    found = [item for byte in STREAM for item in framer.feed(bytes([byte]))]
    assert [item for item in found if isinstance(item, bytes)] == [ONE, TWO, ONE]
    assert KeepAlive.PING in found


def test_a_ping_that_comes_in_pieces() -> None:
    framer = StreamFramer()
    assert [framer.feed(piece) for piece in (b"\r", b"\n\r", b"\n")] == [[], [], [KeepAlive.PING]]
    # Whoever sends half of it and waits may have meant a pong.
    assert [framer.feed(piece) for piece in (b"\r\n", b"\r\n")] == [[KeepAlive.PONG], [KeepAlive.PING]]


def test_pong_between_messages() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n" + ONE) == [KeepAlive.PONG, ONE]
    assert framer.feed(b"\r\n") == [KeepAlive.PONG]
    assert framer.feed(ONE) == [ONE]


@pytest.mark.parametrize(
    "head",
    [
        b"X: 1",
        b"Content-Length: x",
        b"Content-Length: -1",
        b"Content-Length:",
        b"Content-Length: 1\r\nl: 1",
        b"l: 00000000005",
    ],
)
def test_without_a_usable_length(head: bytes) -> None:
    with pytest.raises(ParseError):
        StreamFramer().feed(b"OPTIONS sip:a SIP/2.0\r\n" + head + b"\r\n\r\n")


def test_good_messages_before_a_bad_one_are_delivered() -> None:
    framer = StreamFramer()
    assert framer.feed(ONE + b"\nX") == [ONE]
    with pytest.raises(ParseError):
        framer.feed(b"")


def test_of_a_message_too_large_the_head_is_left_and_what_follows_is_read() -> None:
    limits = Limits(message=200, head=100)
    start = b"X sip:a SIP/2.0\r\nv: SIP/2.0/TCP a\r\nf: <sip:a>\r\nt: <sip:a>\r\ni: 1\r\nCSeq: 1 X\r\n"
    long = start + b"l: 5000\r\n\r\n"
    head = start + b"X: " + b"x" * 60 + b"\r\nl: 3\r\n\r\n"
    framer = StreamFramer(limits)
    assert framer.feed(long + b"b" * 10) == [long]
    assert framer.pending == 4990
    assert framer.feed(b"b" * 4000) == []
    assert framer.feed(b"b" * 990 + ONE) == [ONE]
    assert framer.pending == 0
    assert framer.feed(head + b"abc" + ONE) == [head, ONE]
    assert framer.feed(head + b"abc") == [head]
    for one in (long, head):
        with pytest.raises(LimitError) as caught:
            parse_message(one, limits)
        assert caught.value.status == 513


def test_a_head_without_end_is_handed_over_once() -> None:
    framer = StreamFramer(Limits(head=50))
    assert framer.feed(b"x" * 60) == [b"x" * 51]
    assert framer.spent
    with pytest.raises(LimitError):
        framer.feed(b"x")


def test_no_more_keep_alives_than_the_limit() -> None:
    with pytest.raises(LimitError):
        StreamFramer(Limits(keepalives=4)).feed(b"\r\n\r\n" * 6)


def test_pongs_for_our_pings_are_no_ping() -> None:
    framer = StreamFramer()
    framer.pinged(False)
    framer.pinged(False)
    assert framer.feed(b"\r\n\r\n") == [KeepAlive.PONG, KeepAlive.PONG]
    assert framer.feed(b"\r\n\r\n") == [KeepAlive.PING]
    framer.pinged(False)
    assert framer.feed(b"\r\n\r\n\r\n") == [KeepAlive.PING, KeepAlive.PONG]
    # A peer that answers no pings (in time) is answered its own.
    framer.pinged(True)
    framer.pinged(True)
    assert framer.feed(b"\r\n\r\n") == [KeepAlive.PING]
    for _ in range(5):
        framer.pinged(False)
    assert framer.feed(b"\r\n\r\n") == [KeepAlive.PING]


@given(st.lists(st.binary(max_size=30) | st.sampled_from([ONE, TWO, b"\r\n", b"l: 1\r\n\r\n"]), max_size=8))
def test_any_bytes_frame_or_are_a_parse_error(chunks: list[bytes]) -> None:
    framer = StreamFramer()
    try:
        for chunk in chunks:
            framer.feed(chunk)
    except ParseError:
        pass


def test_white_space_costs_no_more_than_its_length() -> None:
    # A backtracking pattern would take many seconds here.
    head = b"X sip:a SIP/2.0\r\nl: 0" + b" " * 30_000 + b"y\r\n\r\n"
    with pytest.raises(ParseError):
        StreamFramer().feed(head)
    assert StreamFramer().feed(head.replace(b"y", b""))
