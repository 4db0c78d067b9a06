"""One record: what is in it, how it ended, and what is set for it."""

from __future__ import annotations

from typing import Any

import pytest
from cdr_kit import Leg

from asterism.pbx.records.cdr.detail import MAX_TEXT, MAX_VARIABLES, Detail, Party, disposition_of_status
from asterism.pbx.records.record import Disposition
from asterism.pbx.vocabulary.controls import DialStatus
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.party import PartyId


def detail_of(start: float = 100.0, **options: Any) -> Detail:
    return Detail(Leg("T/1", start, **options), start)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("party", "clid"),
    [(PartyId("6001", "Alice"), '"Alice" <6001>'), (PartyId("6001"), "6001"), (PartyId("", "Al"), '"Al" <>')],
)
def test_the_caller(party: PartyId, clid: str) -> None:
    record = detail_of(caller=party).snapshot(101.0, Disposition.ANSWERED)
    assert (record.clid, record.src) == (clid, party.number)


@pytest.mark.parametrize(("answered", "answer"), [(None, None), (90.0, 100.0), (103.0, 103.0), (107.0, None)])
def test_an_answer_counts_from_the_start_and_up_to_the_end(answered: float | None, answer: float | None) -> None:
    record = detail_of(answered_at=answered).snapshot(105.9, Disposition.ANSWERED)
    assert record.answer == answer
    assert (record.duration, record.billsec) == (5, 0 if answer is None else int(105.9 - answer))


def test_a_clock_that_is_set_back_makes_no_negative_times() -> None:
    record = detail_of(answered_at=50.0).snapshot(90.0, Disposition.ANSWERED)
    assert (record.duration, record.billsec) == (0, 0)


@pytest.mark.parametrize(
    ("cause", "originated", "disposition"),
    [
        (17, False, Disposition.BUSY),
        (34, False, Disposition.CONGESTION),
        (16, False, Disposition.FAILED),
        (16, True, Disposition.NO_ANSWER),
        (19, False, Disposition.NO_ANSWER),
        (26, False, Disposition.NO_ANSWER),
        (0, False, Disposition.FAILED),
    ],
)
def test_the_cause_says_how_a_call_ended_that_called_nobody(
    cause: int, originated: bool, disposition: Disposition
) -> None:
    detail = detail_of(hangup_cause=cause)
    detail.originated = originated
    assert detail.ended_as(None) is disposition
    assert detail.ended_as(101.0) is Disposition.ANSWERED


def test_what_a_dial_says_outweighs_the_cause() -> None:
    detail = detail_of(hangup_cause=16)
    detail.disposition = disposition_of_status(DialStatus.CONGESTION)
    assert detail.ended_as(None) is Disposition.CONGESTION
    assert detail.ended_as(None, congestion=False) is Disposition.FAILED
    assert disposition_of_status("ABORT") is Disposition.FAILED


def test_variables_are_known_by_their_names_in_any_case() -> None:
    detail = detail_of()
    detail.set("Tag", "1")
    detail.set("tAG", "2")
    assert dict(detail.variables) == {"tAG": "2"}
    detail.set("tag", "")
    assert not detail.variables


def test_what_is_inherited_is_a_copy() -> None:
    first, second = detail_of(), detail_of()
    first.set("userfield", "u")
    first.set("tag", "1")
    second.inherit(first)
    second.set("tag", "2")
    assert (first.variables["tag"], second.variables["tag"], second.userfield) == ("1", "2", "u")


def test_what_is_set_is_bounded() -> None:
    detail = detail_of()
    for number in range(MAX_VARIABLES):
        detail.set(f"v{number}", "x")
    with pytest.raises(FunctionError):
        detail.set("more", "x")
    with pytest.raises(FunctionError):
        detail.set("userfield", "x" * MAX_TEXT)
    with pytest.raises(FunctionError):
        detail_of().set("n" * 81, "x")
    assert len(detail.variables) == MAX_VARIABLES


def test_the_older_channel_is_the_first_party_unless_one_prefers_to_be() -> None:
    older, younger = (Party(Detail(Leg("T/1", 1.0), 1.0, number), False) for number in (1, 2))  # type: ignore[arg-type]
    assert older.comes_before(younger)
    younger.preferred = True
    assert younger.comes_before(older)
    older.preferred = True
    assert older.comes_before(younger)
