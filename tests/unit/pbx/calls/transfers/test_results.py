"""The words of the events."""

from __future__ import annotations

from asterism.pbx.calls.transfers.results import TransferResult


def test_the_words_are_those_of_the_documented_events() -> None:
    assert [result.value for result in TransferResult] == ["Success", "Fail", "Invalid", "Not Permitted"]
