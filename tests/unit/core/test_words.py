"""Words that listings and events share."""

from __future__ import annotations

from asterism.core.words import yes_or_no


def test_yes_or_no() -> None:
    assert [yes_or_no(value) for value in (True, False, "x", "", None, 1)] == ["Yes", "No", "Yes", "No", "No", "Yes"]
