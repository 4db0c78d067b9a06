"""Lines of records: who gets a record, and what one of them that fails does to the others."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from records_kit import call, event, log

from asterism.core.errors import DuplicateError
from asterism.core.registry import Owner
from asterism.pbx.records.lines import Records
from asterism.pbx.records.record import CallRecord


class Writer:
    name = "csv"

    def write(self, records: Sequence[CallRecord]) -> None:
        raise AssertionError


def test_listeners_get_each_record_of_their_line_in_order() -> None:
    records, heard = Records(log()[0]), []
    assert not records.calls.wanted
    records.calls.listen(Owner("x"), "manager", lambda record: heard.append(record.sequence))
    assert records.calls.wanted
    assert not records.channels.wanted
    for number in range(3):
        records.calls.put(call(sequence=number))
    records.channels.put(event())
    assert heard == [0, 1, 2]


def test_a_listener_that_fails_is_told_of_and_the_others_go_on() -> None:
    logger, lines = log()
    records, heard = Records(logger), []

    def fail(record: CallRecord) -> None:
        raise ValueError("no")

    records.calls.listen(Owner("x"), "bad", fail)
    records.calls.listen(Owner("x"), "good", heard.append)
    records.calls.put(call())
    assert heard == [call()]
    assert lines == ["ERROR what listens to the records of calls failed"]


def test_names_are_in_order_and_go_with_their_owner() -> None:
    line, owner = Records(log()[0]).calls, Owner("x")
    line.register(owner, Writer())
    line.listen(owner, "cdr_manager", lambda record: None)
    assert line.names == ["csv", "cdr_manager"]
    with pytest.raises(DuplicateError):
        line.register(Owner("y"), Writer())
    owner.release()
    assert line.names == []
    assert not line.wanted
