"""Caller IDs and presentations as text."""

from __future__ import annotations

import pytest

from asterism.pbx.vocabulary.party import PartyId, Redirecting, parse_caller_id


@pytest.mark.parametrize(
    ("text", "party"),
    [
        ('"Orig" <1234>', PartyId("1234", "Orig")),
        ("Orig Name <1234>", PartyId("1234", "Orig Name")),
        ("<1234>", PartyId("1234")),
        ("1234", PartyId("1234")),
        ("Alice", PartyId(name="Alice")),
        ('"Al \\"A\\" Ice" <+1-2>', PartyId("+1-2", 'Al "A" Ice')),
        ("", PartyId()),
    ],
)
def test_caller_ids(text: str, party: PartyId) -> None:
    assert parse_caller_id(text) == party


BOB, CAT, DAN = PartyId("102", "Bob"), PartyId("103", "Cat"), PartyId("104", "Dan")


@pytest.mark.parametrize(
    ("before", "first", "reason", "count"),
    [
        (Redirecting(), DAN, "away", 1),
        (Redirecting(from_=BOB, reason="user-busy"), BOB, "user-busy", 2),  # REDIRECTING() without a count
        (Redirecting(from_=BOB, original=BOB, reason="user-busy", count=1), BOB, "user-busy", 2),
        (Redirecting(from_=CAT, original=BOB, reason="away", original_reason="user-busy"), BOB, "user-busy", 3),
        (Redirecting(from_=CAT, original=BOB, original_reason="user-busy", count=4), BOB, "user-busy", 5),
        (Redirecting(from_=CAT, original=BOB, original_reason="user-busy", count=255), BOB, "user-busy", 255),
    ],
)
def test_one_diversion_after_another(before: Redirecting, first: PartyId, reason: str, count: int) -> None:
    """The first one's party and reason and the last one's are kept, and how many there were."""
    now = Redirecting(from_=DAN, to=BOB, original=DAN, reason="away", original_reason="away", count=1)
    both = before.then(now)
    assert (both.from_, both.to, both.reason) == (DAN, BOB, "away")
    assert (both.original, both.original_reason, both.count) == (first, reason, count)
    assert both.then(Redirecting()) is both
