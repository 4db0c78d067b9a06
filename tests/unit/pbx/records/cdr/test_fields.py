"""The fields of a record as texts."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from records_kit import CALL

from asterism.pbx.records.cdr.fields import FIELDS, read
from asterism.pbx.records.record import Disposition, moment

RECORD = replace(CALL, start=1000.25, answer=1001.5, end=1003.75, duration=3, billsec=2, variables={"Tag": "x"})


@pytest.mark.parametrize(
    ("field", "options", "text"),
    [
        ("src", "", "6001"), ("SRC", "", "6001"), ("clid", "", '"Alice" <6001>'), ("sequence", "", "415"),
        ("start", "u", "1000.250000"), ("answer", "u", "1001.500000"), ("end", "u", "1003.750000"),
        ("duration", "", "3"), ("duration", "f", "3.500000"), ("billsec", "", "2"), ("billsec", "f", "2.250000"),
        ("disposition", "", "ANSWERED"), ("disposition", "u", "8"), ("amaflags", "", "DOCUMENTATION"),
        ("amaflags", "u", "3"), ("tag", "", "x"), ("nosuch", "", ""), ("", "", ""),
    ],
)  # fmt: skip
def test_fields(field: str, options: str, text: str) -> None:
    assert read(RECORD, field, options) == text


def test_every_field_is_an_attribute_of_the_record() -> None:
    for field in FIELDS:
        assert hasattr(RECORD, field)
        assert isinstance(read(RECORD, field), str)


def test_times_are_local_or_utc() -> None:
    assert read(RECORD, "start") == time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(1000))
    assert moment(1000.9, utc=True) == "1970-01-01 00:16:40"


def test_a_record_that_goes_on_has_no_end() -> None:
    assert read(RECORD, "end", "", now=RECORD.end) == ""
    assert read(RECORD, "duration", "f", now=RECORD.end) == "3.500000"


def test_without_an_answer() -> None:
    record = replace(RECORD, answer=None, billsec=0, disposition=Disposition.NO_ANSWER)
    assert [read(record, "answer"), read(record, "billsec", "f"), read(record, "disposition")] == [
        "", "0.000000", "NO ANSWER",
    ]  # fmt: skip
