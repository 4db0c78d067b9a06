"""Caller IDs and presentations as text."""

from __future__ import annotations

import pytest

from asterism.pbx.vocabulary.party import PartyId, parse_caller_id


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
