"""Kinds of feedback that are offered and accepted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asterism.media import feedback_terms as terms

BROWSER = ["96 goog-remb", "96 transport-cc", "96 ccm fir", "96 nack", "96 nack pli", "102 nack  PLI", "96 nack rpsi"]


def test_no_more_is_accepted_than_was_offered() -> None:
    found = terms.accepted("video", BROWSER, [96])
    assert terms.lines(found) == ("* transport-cc", "* ccm fir", "* goog-remb", "* nack", "* nack pli")
    found = terms.accepted("video", BROWSER, [96, 102])
    assert terms.lines(found) == (
        "96 transport-cc", "96 ccm fir", "96 goog-remb", "96 nack", "* nack pli",
    )  # fmt: skip
    assert terms.accepted("video", ["* nack pli"], [99, 100]) == (("*", "nack pli"),)
    assert terms.accepted("video", BROWSER, [98]) == ()
    assert terms.accepted("text", BROWSER, [96]) == ()


def test_of_audio_only_arrivals_are_reported() -> None:
    assert terms.accepted("audio", ["111 transport-cc", "111 nack"], [111]) == (("*", "transport-cc"),)
    assert terms.accepted("audio", ["111 transport-cc"], [111, 0]) == (("111", "transport-cc"),)


def test_without_measuring_there_are_no_estimates() -> None:
    assert terms.lines(terms.accepted("video", BROWSER, [96], congestion=False)) == (
        "* ccm fir", "* nack", "* nack pli",
    )  # fmt: skip


def test_what_is_offered() -> None:
    assert terms.lines(terms.offered("audio", congestion=True)) == ("* transport-cc",)
    assert terms.offered("audio", congestion=False) == terms.offered("text", congestion=True) == ()
    assert terms.lines(terms.offered("video", congestion=True)) == (
        "* transport-cc", "* ccm fir", "* goog-remb", "* nack", "* nack pli",
    )  # fmt: skip
    assert terms.lines(terms.offered("video", congestion=False)) == ("* ccm fir", "* nack", "* nack pli")


def test_whether_a_kind_is_there() -> None:
    found = terms.accepted("video", BROWSER, [96, 102])
    assert terms.has(found, terms.NACK)
    assert terms.has(found, *terms.KEY_FRAMES)
    assert not terms.has(found, terms.SLI)
    assert not terms.has((), *terms.KEY_FRAMES)


@given(st.lists(st.text(max_size=30), max_size=300), st.lists(st.integers(0, 127), max_size=5))
def test_any_text_may_be_offered(lines: list[str], payload_types: list[int]) -> None:
    for number, kind in terms.accepted("video", lines, payload_types):
        assert number == "*" or int(number) in payload_types
        assert kind
