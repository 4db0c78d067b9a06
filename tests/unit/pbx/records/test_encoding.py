"""Records in a journal: they come back as they were, or not at all."""

from __future__ import annotations

import json
from binascii import crc32
from types import MappingProxyType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from records_kit import CALL, call, event

from asterism.pbx.records.encoding import MAX_LINE, decode, encode
from asterism.pbx.records.record import CallRecord, ChannelRecord, Disposition

TEXTS = st.text(st.characters(exclude_categories=()), max_size=40)
TIMES = st.floats(0, 4e9)


@given(TEXTS, TEXTS, TIMES, st.none() | TIMES, st.sampled_from(Disposition), st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_a_record_of_a_call_comes_back(clid, user, start, answer, disposition, variables) -> None:
    record = call(
        clid=clid, userfield=user, start=start, answer=answer, disposition=disposition, variables=variables
    )  # fmt: skip
    line = encode(record)
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert decode(CallRecord, line[:-1]) == record


@given(TEXTS, TIMES)
def test_a_record_of_a_channel_comes_back(extra: str, time: float) -> None:
    record = event(extra=extra, time=time)
    assert decode(ChannelRecord, encode(record)[:-1]) == record


def test_variables_may_be_any_mapping() -> None:
    found = decode(CallRecord, encode(call(variables=MappingProxyType({"rate": "3"})))[:-1])
    assert found == call(variables={"rate": "3"})


def test_a_record_that_is_too_long_keeps_the_beginning_of_each_field() -> None:
    record = call(userfield="x" * 1_000_000, variables={"a": "y" * 1_000_000})
    line = encode(record)
    assert len(line) <= MAX_LINE
    found = decode(CallRecord, line[:-1])
    assert found is not None
    assert (found.userfield[:5], found.src, found.variables) == ("xxxxx", "6001", {})


@given(st.binary(max_size=200))
def test_other_octets_are_no_record(data: bytes) -> None:
    assert decode(CallRecord, data) is None
    assert decode(CallRecord, b"%08x %s" % (crc32(data), data)) is None


def framed(values: Any) -> bytes:
    text = json.dumps(values).encode()
    return b"%08x %s" % (crc32(text), text)


def test_a_line_of_another_version_has_what_it_has() -> None:
    values = json.loads(encode(CALL)[9:])
    del values["peeraccount"], values["answer"], values["variables"]
    assert decode(CallRecord, framed(values | {"new": 1})) == call(peeraccount="", answer=None)


def test_fields_of_another_type_make_no_record() -> None:
    values = json.loads(encode(CALL)[9:])
    for name, wrong in (("src", 1), ("start", "x"), ("duration", "1"), ("disposition", 3), ("variables", [1])):
        assert decode(CallRecord, framed(values | {name: wrong})) is None
