"""What a receiver has others do by asking, in a second and by one datagram."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asterism.media import feedback
from asterism.media.feedback_limits import LOST, PICTURES, FeedbackLimits

PLI = feedback.Feedback(feedback.PLI, 1, b"")
FIR = feedback.Feedback(feedback.FIR, 1, bytes(8))
REMB = feedback.Feedback(feedback.REMB, 1, b"")


def nack(*masks: int) -> feedback.Feedback:
    details = b"".join(index.to_bytes(2, "big") + mask.to_bytes(2, "big") for index, mask in enumerate(masks))
    return feedback.Feedback(feedback.NACK, 1, details)


def count(found: list[feedback.Feedback]) -> int:
    return sum(len(feedback.lost(one)) for one in found if one.kind == feedback.NACK)


def test_one_datagram_asks_for_one_picture() -> None:
    limits = FeedbackLimits(0.0)
    assert limits.allowed([PLI, FIR, REMB, PLI], 0, 0.0) == [PLI, REMB]


def test_a_storm_of_requests_for_pictures_is_ten_in_a_second() -> None:
    limits = FeedbackLimits(0.0)
    passed = sum(len(limits.allowed([PLI], 0, number / 100)) for number in range(300))
    assert PICTURES * 3 <= passed <= PICTURES * 4
    # Who waits is heard again.
    assert limits.allowed([FIR], 0, 3.2) == [FIR]


def test_losses_are_asked_for_as_what_was_sent_allows() -> None:
    limits = FeedbackLimits(5.0)
    assert limits.allowed([nack(0, 3)], 10, 5.0) == [nack(0, 3)]
    everything = nack(*[0xFFFF] * 64)
    assert count(limits.allowed([everything] * 16, 10, 5.0)) == (LOST - 4) // 17 * 17
    assert limits.allowed([everything], 10, 500.0) == [], "time alone allows nothing"
    assert count(limits.allowed([everything], 80, 500.0)) == 34


def test_what_was_sent_may_be_counted_anew() -> None:
    limits = FeedbackLimits(0.0)
    assert limits.allowed([nack(*[0xFFFF] * 15)], 1000, 0.0)
    assert count(limits.allowed([nack(0, 0)], 0, 0.0)) == 1
    assert count(limits.allowed([nack(0, 0)], 2, 0.0)) == 1


@given(st.lists(st.tuples(st.lists(st.integers(0, 0xFFFF), max_size=100), st.integers(0, 200)), max_size=30))
def test_no_more_than_half_of_what_was_sent_and_a_burst(asked: list[tuple[list[int], int]]) -> None:
    limits = FeedbackLimits(0.0)
    sent = total = 0
    for masks, more in asked:
        sent += more
        found = limits.allowed([nack(*masks)], sent, 0.0)
        assert all(one.details for one in found)
        total += count(found)
    assert total <= LOST + sent / 2
