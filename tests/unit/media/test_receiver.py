"""What is counted of packets that come: a source that sent elsewhere in between has lost nothing by that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.media.receiver import RtpReceiver


def receiver(media: str = "audio") -> tuple[RtpReceiver, Any]:
    session: Any = SimpleNamespace(away=False, begun=[], format=SimpleNamespace(media=media))
    session.source_begins = lambda sequence, timestamp, now: session.begun.append(sequence)
    return RtpReceiver(session), session


def take(one: RtpReceiver, first: int, count: int) -> list[bool]:
    """Packets in a row; whether each was late."""
    found = []
    for number in range(first, first + count):
        sequence = number & 0xFFFF
        found.append(one.count(sequence, sequence * 160, 7, 160, one.last_rx + 0.02))
    return found


@pytest.mark.parametrize("gap", [2, 500, 0x7FFF, 0x8000, 0x9000, 0xFF00])
@pytest.mark.parametrize("start", [100, 0xFFF0])
@pytest.mark.parametrize("noticed", [True, False])
def test_what_went_elsewhere_is_neither_lost_nor_late(gap: int, start: int, noticed: bool) -> None:
    """However long it lasted: 16 bits of sequence number are over after 22 minutes."""
    one, session = receiver()
    take(one, start, 10)
    session.away = one.interrupted = True
    if noticed:  # the answer came before the first packet
        session.away = False
    late = take(one, start + 10 + gap, 20)
    session.away = False
    late += take(one, start + 30 + gap, 20)
    assert not any(late)
    assert (one.packets, one.expected, one.lost) == (50, 50, 0)
    assert session.begun == [start & 0xFFFF, start + 10 + gap & 0xFFFF]
    take(one, start + 50 + gap + 3, 1)
    assert one.lost == 3, "from then on a gap is a loss"


def test_a_late_packet_of_before_is_a_late_packet() -> None:
    one, session = receiver()
    take(one, 10, 10)
    session.away = one.interrupted = True
    assert take(one, 15, 1) == [True]
    assert session.begun == [10]


@pytest.mark.parametrize("back", [101, 1000, 0x7FFF])
@pytest.mark.parametrize("start", [100, 0xFFF0])
def test_a_source_that_counts_anew_is_not_late_for_long(back: int, start: int) -> None:
    one, session = receiver()
    take(one, start, 10)
    assert take(one, start + 9 - back, 10) == [True] + [False] * 9
    assert session.begun == [start & 0xFFFF, start + 10 - back & 0xFFFF]
    assert (one.packets, one.highest) == (20, start + 18 - back & 0xFFFF)
    assert take(one, start + 19 - back, 2) == [False] * 2


@pytest.mark.parametrize(("media", "back"), [("audio", 100), ("video", 4096)])
def test_what_was_under_way_for_long_is_late(media: str, back: int) -> None:
    """Pictures that were lost are sent again, several packets in a row."""
    one, session = receiver(media)
    take(one, 10000, 10)
    assert take(one, 10009 - back, 5) == [True] * 5
    assert take(one, 10009, 1) == [True], "it came twice"
    assert (session.begun, one.begun_anew) == ([10000], -1)


def test_the_same_gap_without_an_interruption_is_a_loss() -> None:
    one, _ = receiver()
    take(one, 100, 10)
    take(one, 610, 10)
    assert (one.packets, one.lost) == (20, 500)


def test_it_wraps_to_zero_when_it_comes_back() -> None:
    one, session = receiver()
    take(one, 0x9000, 10)
    session.away = one.interrupted = True
    session.away = False
    assert not any(take(one, 0x10000, 5))
    assert (one.packets, one.lost) == (15, 0)
