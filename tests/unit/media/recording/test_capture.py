"""The tap of a recording: what it keeps, how much, and whom it tells of its end."""

from __future__ import annotations

from asterism.media.formats import ULAW
from asterism.media.memory import memory_pair
from asterism.media.recording.capture import KEPT, Capture
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap
from asterism.media.volume import Mute


def test_it_keeps_when_and_what_and_gives_it_once() -> None:
    now = 5.0
    capture = Capture(lambda: now)
    capture.take(Frame(ULAW, b"one", 160))
    now = 5.02
    capture.take(Frame(ULAW, b"two"))
    assert capture.collect() == [(5.0, ULAW, 160, b"one"), (5.02, ULAW, None, b"two")]
    assert capture.collect() == []


def test_of_a_flood_only_the_newest_are_kept() -> None:
    capture = Capture(lambda: 0.0)
    for number in range(KEPT + 10):
        capture.take(Frame(ULAW, b"x", number))
    kept = capture.collect()
    assert len(kept) == KEPT
    assert kept[0][2] == 10


def test_it_tells_of_the_end_of_its_stream() -> None:
    one, _ = memory_pair()
    told: list[str] = []
    one.attach(Capture(lambda: 0.0, lambda: told.append("over")), Direction.IN)
    one.close()
    assert told == ["over"]


def test_packets_need_not_be_looked_at_while_all_taps_keep_them() -> None:
    one, _ = memory_pair()
    capture, other = Capture(lambda: 0.0), Capture(lambda: 0.0)
    one.attach(capture, Direction.IN)
    one.attach(other, Direction.IN)
    assert one.taps_in is not None
    assert one.taps_in.keeps == (capture.keep, other.keep)
    for tap in (Tap(), Mute()):
        one.attach(tap, Direction.IN)
        assert one.taps_in.keeps is None
        one.detach(tap)
    assert one.taps_in.keeps == (capture.keep, other.keep)
