"""Causes and presentations by name and number."""

from __future__ import annotations

from asterism.pbx.vocabulary.causes import cause_text, parse_cause
from asterism.pbx.vocabulary.party import PartyId, parse_presentation, presentation_word


def test_presentations_and_causes() -> None:
    assert parse_presentation("prohib") == 0x23
    assert presentation_word(0x23) == "prohib"
    assert PartyId("1", number_presentation=0x20).private
    assert parse_cause("USER_BUSY") == parse_cause(" 17 ") == 17
    assert parse_cause("nonsense") is None
    assert cause_text(16) == "Normal Clearing"
    assert cause_text(200) == "Unknown"
