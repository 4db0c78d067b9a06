"""Rows as plain text: what conditions and values become."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Date, Float, Integer, LargeBinary, MetaData, Numeric, String, Table, select

from asterism.data.errors import DataRefusedError, DataUnavailableError
from asterism.data.realtime import records
from asterism.data.realtime.records import Records

TABLE = Table(
    "t", MetaData(), Column("id", Integer), Column("name", String), Column("sum", Numeric), Column("on", Boolean),
    Column("day", Date), Column("data", LargeBinary), Column("part", Float),
)  # fmt: skip


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("id", "7", 7), ("name", "7", "7"), ("sum", "1.50", Decimal("1.50")), ("on", "yes", True), ("on", "no", False),
        ("day", "2026-01-02", datetime.date(2026, 1, 2)), ("data", "a", b"a"), ("id", "", None), ("name", "", ""),
        ("part", " 2.5 ", 2.5), ("ID", "1", 1),
    ],
)  # fmt: skip
def test_a_value_has_the_type_of_its_column(column: str, text: str, value: object) -> None:
    assert list(records._typed(TABLE, [(column, text)]).values()) == [value]


@pytest.mark.parametrize(("column", "text"), [("id", "x"), ("sum", "x"), ("day", "never"), ("id", "9" * 100 + "x")])
def test_what_a_column_cannot_have_is_refused(column: str, text: str) -> None:
    with pytest.raises(DataRefusedError):
        records._typed(TABLE, [(column, text)])


@pytest.mark.parametrize(
    ("where", "sql"),
    [
        (("name", "a"), "name = 'a'"), (("name LIKE", "a%"), "name LIKE 'a%'"), (("id >=", "3"), "id >= 3"),
        (("name !=", "x' OR '1"), "name != 'x'' OR ''1'"), (("id like", "3%"), "CAST(t.id AS VARCHAR) LIKE '3%'"),
    ],
)  # fmt: skip
def test_conditions(where: tuple[str, str], sql: str) -> None:
    query = select(TABLE.c.id).where(*records._conditions(TABLE, [where]))
    text = str(query.compile(compile_kwargs={"literal_binds": True})).partition("WHERE ")[2]
    assert text.replace("t.name", "name").replace("t.id >=", "id >=") == sql


def test_a_column_that_is_not_there() -> None:
    for name in ("nosuch", "id; --", "id ~", ""):
        with pytest.raises(KeyError):
            records._conditions(TABLE, [(name, "1")])


async def test_the_next_database_is_asked_where_one_is_away() -> None:
    class Away:
        async def table(self, name: str) -> Any:
            raise DataUnavailableError("away")

    class Here:
        async def table(self, name: str) -> Any:
            return TABLE

        async def run(self, work: Any) -> Any:
            return [(1, "a", None, True, None, b"x", 2.5)]

    found = await Records([(Away(), "t"), (Here(), "t")]).find([("id", "1")])  # type: ignore[list-item]
    assert found == [("id", "1"), ("name", "a"), ("on", "1"), ("data", "x"), ("part", "2.5")]
    with pytest.raises(DataUnavailableError):
        await Records([(Away(), "t")]).find([("id", "1")])  # type: ignore[list-item]
