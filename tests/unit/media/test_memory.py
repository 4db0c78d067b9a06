"""Pairs of streams inside the server: frames across, packets around."""

from __future__ import annotations

from typing import Any

from asterism.media.formats import ALAW, SLIN, ULAW
from asterism.media.memory import MemoryStream, memory_pair
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap

FRAME = Frame(ULAW, b"\x01" * 160)


class Real:
    """A stream with packets; ``relayed`` is where they go."""

    def __init__(self) -> None:
        self.sink: Any = None
        self.relayed: Any = None
        self.closed = False
        self.pair: MemoryStream | None = None
        self.refuses = False
        self.written: list[Frame] = []

    def relay_to(self, other: Any, pair: Any = None) -> bool:
        if self.pair is not pair and self.pair is not None:
            self.pair.released_by(self)
        self.pair = pair
        if isinstance(other, MemoryStream):
            return other.relayed_from(self)
        self.relayed = None if self.refuses else other
        return self.relayed is not None

    def write(self, frame: Frame) -> None:
        self.written.append(frame)


def join(one: Any, two: Any) -> None:
    """What a bridge does."""
    for source, target in ((one, two), (two, one)):
        if source.relay_to(target):
            source.sink = None
        else:
            source.sink = target.write


def part(*streams: Any) -> None:
    for stream in streams:
        stream.relay_to(None)
        stream.sink = None


def test_what_is_written_to_one_end_arrives_at_the_other() -> None:
    one, two = memory_pair((ULAW, ALAW))
    assert one.format is two.format is ULAW
    one.write(FRAME)  # nobody listens
    heard: list[Frame] = []
    two.sink = heard.append
    one.write(FRAME)
    assert heard == [FRAME]
    for blocked in ((one, "hold"),):
        setattr(*blocked, True)
        one.write(FRAME)
        setattr(*blocked, False)
    assert heard == [FRAME]
    one.write(FRAME)
    assert len(heard) == 2


def test_a_pair_of_no_formats_is_linear() -> None:
    assert memory_pair()[0].format is SLIN


def test_packets_go_around_any_number_of_pairs_whatever_is_joined_first() -> None:
    for length in (1, 2, 5):
        for backwards in (False, True):
            a, b = Real(), Real()
            pairs = [memory_pair() for _ in range(length)]
            ends = [a, *(end for pair in pairs for end in pair), b]
            joins = list(zip(ends[::2], ends[1::2], strict=True))
            for one, two in reversed(joins) if backwards else joins:
                join(one, two)
            assert a.relayed is b
            assert b.relayed is a
            assert a.sink is None
            assert b.sink is None
            part(*joins[-1])  # the last is parted: frames go as far as there is a way
            assert a.relayed is None
            assert b.relayed is None
            heard: list[Frame] = []
            joins[-1][0].sink = heard.append  # type: ignore[attr-defined]
            a.sink(FRAME)  # type: ignore[misc]
            assert heard == [FRAME]
            join(*joins[-1])
            assert a.relayed is b


def test_frames_are_carried_where_packets_cannot_go() -> None:
    a, b = Real(), Real()
    a.refuses = True
    one, two = memory_pair()
    join(a, one)
    join(two, b)
    assert a.relayed is None
    a.sink(FRAME)
    assert b.written == [FRAME]
    assert b.relayed is a


def test_a_stream_that_goes_elsewhere_is_followed_no_more() -> None:
    a, b, c = Real(), Real(), Real()
    one, two = memory_pair()
    join(a, one)
    join(two, b)
    a.relay_to(c)
    part(two)
    join(two, b)
    assert a.relayed is c


def test_who_takes_packets_at_an_end_is_told_of_real_streams_on_both_sides() -> None:
    """Of pairs in a row, whatever of them is joined first; a mix of video finds cameras and screens so."""
    for first_pair_first in (True, False):
        phone, (one, two), (three, four) = Real(), memory_pair(), memory_pair()
        told: list[tuple[Any, Any]] = []
        four.on_path = lambda four=four, told=told: told.append((four.before(), four.beyond()))  # type: ignore[misc]
        joins = [(phone, one), (two, three)]
        for pair in joins if first_pair_first else reversed(joins):
            join(*pair)
        assert told[-1] == (phone, phone)
        part(phone, one)
        assert told[-1] == (None, None)
        join(phone, one)
        assert told[-1] == (phone, phone)
        part(two, three)
        assert told[-1] == (None, None)
        count = len(told)
        four.close()
        assert four.on_path is None
        join(phone, one)
        assert len(told) == count


def test_a_closed_pair_relays_nothing() -> None:
    a, b = Real(), Real()
    one, two = memory_pair()
    join(a, one)
    join(two, b)
    one.close()
    assert two.closed
    assert a.relayed is None
    assert b.relayed is None
    one.write(FRAME)
    two.close()
    assert b.written == []


def test_pairs_in_a_circle_send_nothing_around() -> None:
    one, two = memory_pair()
    join(one, two)
    one.write(FRAME)
    three, four = memory_pair()
    part(one, two)
    join(two, three)
    join(four, one)
    one.write(FRAME)
    a = Real()
    a.relay_to(one)
    assert a.relayed is None


class Ear(Tap):
    def __init__(self) -> None:
        self.heard: list[Frame] = []

    def take(self, frame: Frame) -> None:
        self.heard.append(frame)


def test_packets_go_through_a_pair_while_somebody_listens_inside() -> None:
    for end, direction in ((0, Direction.OUT), (1, Direction.IN)):
        a, b = Real(), Real()
        pair = memory_pair()
        join(a, pair[0])
        join(pair[1], b)
        ear = Ear()
        pair[end].attach(ear, direction)
        assert a.relayed is None
        assert b.relayed is a
        a.sink(FRAME)
        assert ear.heard == b.written == [FRAME]
        pair[end].detach(ear)
        assert a.relayed is b
        assert a.sink is None


def test_what_a_tap_sends_by_itself_goes_through_those_behind_it_and_not_around_in_a_circle() -> None:
    class Same(Tap):
        changes = True
        seen = 0

        def change(self, frame: Frame) -> Frame:
            self.seen += 1
            return frame

    one, two = memory_pair()
    first, second = Same(), Same()
    one.write_behind(first, FRAME)  # nobody listens
    for tap in (first, second):
        one.attach(tap, Direction.OUT)
    heard: list[Frame] = []

    def back(frame: Frame) -> None:
        heard.append(frame)
        one.write_behind(first, frame)

    two.sink = back
    one.write_behind(first, FRAME)
    assert (first.seen, second.seen, len(heard)) == (0, 1, 1)
    one.hold = True
    one.write_behind(first, FRAME)
    one.hold = False
    one.close()
    one.write_behind(first, FRAME)
    assert len(heard) == 1
