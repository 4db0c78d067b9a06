"""Frames that overtake each other, are lost, or come twice, for a reader without a clock."""

from __future__ import annotations

from asterism.media.formats import SLIN16, ULAW
from asterism.media.order import Sequencer
from asterism.media.stream import Frame

START = 0xFFFFFFFF - 400


def frame(number: int) -> Frame:
    """The timestamps wrap at the third."""
    return Frame(ULAW, bytes([number]) * 160, START + 160 * number & 0xFFFFFFFF)


def heard(*numbers: int) -> list[int | None]:
    """What comes of frames in this order: their numbers, ``None`` for 20 ms of silence."""
    order, found = Sequencer(), []
    for number in numbers:
        for one in order.put(frame(number)):
            assert len(one.payload) % 160 == 0
            found += [one.payload[at] for at in range(0, len(one.payload), 160)]
    return [None if value == 0xFF else value for value in found]


def test_in_order_at_once() -> None:
    order = Sequencer()
    for number in range(10):
        assert order.put(frame(number)) == [frame(number)]


def test_overtaken_late_twice_and_lost() -> None:
    assert heard(0, 2, 1, 3) == [0, 1, 2, 3]
    assert heard(0, 3, 2, 1, 4) == [0, 1, 2, 3, 4]
    assert heard(0, 1, 1, 0, 2) == [0, 1, 2]
    assert heard(0, 2, 3) == [0]  # it waits
    assert heard(0, 2, 3, 4, 1, 5) == [0, None, 2, 3, 4, 5]  # and no longer
    assert heard(0, 3, 4, 6, 5, 7) == [0, None, None, 3, 4, 5, 6, 7]
    assert heard(0, 2, 4, 6, 7, 8, 9) == [0, None, 2, None, 4, None, 6, 7, 8, 9]


def test_a_pause_or_another_source_begins_anew() -> None:
    assert heard(0, 1, 50, 51) == [0, 1, 50, 51]
    assert heard(0, 2, 50, 51) == [0, 2, 50, 51]
    assert heard(50, 51, 0, 1) == [50, 51, 0, 1]
    order = Sequencer()
    order.put(frame(0))
    assert order.put(frame(2)) == []
    other = Frame(SLIN16, bytes(640), 5)
    assert order.put(other) == [frame(2), other]
    made_here = Frame(ULAW, bytes(160))
    assert order.put(made_here) == [made_here]
