"""Text with redundancy: read, written under other payload types, and taken apart (RFC 4103, RFC 2198)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asterism.media.text import RED, T140, Block, Passed, passed_on, read, write

BLOCKS = st.lists(
    st.builds(Block, st.integers(0, 127), st.integers(0, 0x3FFF), st.binary(max_size=200)), max_size=6
).flatmap(
    lambda before: st.builds(
        lambda number, text: [*before, Block(number, 0, text)], st.integers(0, 127), st.binary(max_size=200)
    )
)
RECEIVED = {98: T140, 100: RED}
PACKET = write([Block(98, 600, b"a"), Block(98, 300, b"b"), Block(98, 0, b"c")])


def test_the_layout_is_that_of_the_rfc() -> None:
    # RFC 4103 3.3, 4.2: two repeated blocks with timestamp offset and length, then the new text.
    assert (
        bytes((0x80 | 98, 600 >> 6, (600 & 0x3F) << 2, 1, 0x80 | 98, 300 >> 6, (300 & 0x3F) << 2, 1, 98)) + b"abc"
        == PACKET
    )


@given(BLOCKS)
def test_what_is_written_is_read(blocks: list[Block]) -> None:
    assert read(write(blocks)) == blocks


@given(st.binary(max_size=100), st.integers(0, 70000))
def test_anything_may_come(payload: bytes, lost: int) -> None:
    blocks = read(payload)
    if blocks is not None:
        assert sum(len(block.text) for block in blocks) < len(payload)
    for sent in ({T140: 5}, {T140: 5, RED: 6}, {}):
        passed_on(payload, dict.fromkeys(range(128), T140), sent, lost)


def test_blocks_get_the_numbers_of_the_other_side() -> None:
    found = passed_on(PACKET, RECEIVED, {RED: 111, T140: 112}, 0)
    assert found == Passed(RED, write([Block(112, 600, b"a"), Block(112, 300, b"b"), Block(112, 0, b"c")]))


def test_one_without_redundancy_gets_the_text_and_what_was_lost_before() -> None:
    expected = {0: b"c", 1: b"bc", 2: b"abc", 9: b"abc"}
    assert {lost: (passed_on(PACKET, RECEIVED, {T140: 112}, lost) or Passed(RED, b"")) for lost in expected} == {
        lost: Passed(T140, text) for lost, text in expected.items()
    }


def test_what_does_not_go_on() -> None:
    assert passed_on(PACKET, {98: RED}, {RED: 1, T140: 2}, 0) is None
    assert passed_on(PACKET, RECEIVED, {RED: 1}, 0) is None
    assert passed_on(PACKET[:5], RECEIVED, {RED: 1, T140: 2}, 0) is None
    idle = write([Block(98, 300, b"b"), Block(98, 0, b"")])
    assert passed_on(idle, RECEIVED, {T140: 2}, 0) is None
