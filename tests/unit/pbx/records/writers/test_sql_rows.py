"""Records as rows of tables of many kinds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from record_files_kit import in_zone
from records_kit import call, event
from sqlalchemy.dialects import mysql, postgresql, sqlite

from asterism.pbx.records.record import Disposition
from asterism.pbx.records.writers.sql_rows import BATCHES, SOURCES, RowMaker, add_tables
from asterism.pbx.records.writers.sql_settings import SqlSettings

CDR, CEL = (SOURCES[file][1] for file in ("cdr.conf", "cel.conf"))


def maker(*columns: sa.Column[Any], cel: bool = False, **settings: Any) -> RowMaker:
    table = sa.Table("t", sa.MetaData(), *columns)
    return RowMaker(table, SqlSettings("pbx", "t", **settings), CEL if cel else CDR)


def test_each_column_gets_a_value_of_its_type() -> None:
    rows = maker(
        sa.Column("start", sa.DateTime()),
        sa.Column("answer", sa.DateTime(timezone=True)),
        sa.Column("END", sa.String(40)),
        sa.Column("duration", sa.Integer()),
        sa.Column("billsec", sa.Float()),
        sa.Column("disposition", sa.String(45)),
        sa.Column("amaflags", sa.Integer()),
        sa.Column("clid", sa.String(7)),
        sa.Column("sequence", sa.String(10)),
        sa.Column("src", sa.Integer()),
        sa.Column("dst", sa.Text()),
        utc=True,
    )
    assert rows.row(call(dst="a\0\udcff", sequence=5)) == {
        "start": datetime(2026, 11, 28, 23, 39, 58),
        "answer": datetime(2026, 11, 28, 23, 39, 58, tzinfo=UTC),
        "END": "2026-11-28 23:40:00",
        "duration": 1,
        "billsec": 1795909200.421962 - 1795909198.917839,
        "disposition": "ANSWERED",
        "amaflags": 3,
        "clid": '"Alice"',
        "sequence": "5",
        "src": 6001,
        "dst": "a?",
    }


def test_other_types_of_the_same_fields() -> None:
    rows = maker(
        sa.Column("start", sa.Date()),
        sa.Column("end", sa.Numeric()),
        sa.Column("answer", sa.BigInteger()),
        sa.Column("disposition", sa.Integer()),
        sa.Column("amaflags", sa.String(20)),
        sa.Column("src", sa.Integer()),
        utc=True,
    )
    assert rows.row(call(src="alice", disposition=Disposition.BUSY)) == {
        "start": date(2026, 11, 28),
        "end": Decimal("1795909200.421962"),
        "answer": 1795909198,
        "disposition": 4,
        "amaflags": "DOCUMENTATION",
        "src": None,
    }


def test_local_time_is_the_default() -> None:
    with in_zone("Europe/Berlin"):
        row = maker(sa.Column("start", sa.DateTime()), sa.Column("end", sa.String())).row(call())
    assert row == {"start": datetime(2026, 11, 29, 0, 39, 58), "end": "2026-11-29 00:40:00"}


def test_a_call_that_was_never_answered() -> None:
    rows = maker(
        sa.Column("answer", sa.DateTime()), sa.Column("dst", sa.DateTime(), nullable=False),
        aliases={"answer": "dst"}, utc=True,
    )  # fmt: skip
    assert rows.row(call(answer=None)) == {"dst": datetime(1970, 1, 1, 0, 0, 1)}
    assert maker(sa.Column("answer", sa.String(), nullable=False)).row(call(answer=None)) == {"answer": ""}
    assert maker(sa.Column("answer", sa.DateTime())).row(call(answer=None)) == {"answer": None}


def test_aliases_statics_variables_and_columns_that_get_nothing() -> None:
    rows = maker(
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("CallDate", sa.String()),
        sa.Column("start", sa.String()),
        sa.Column("system", sa.String()),
        sa.Column("rate", sa.Float()),
        sa.Column("other", sa.String()),
        sa.Column("made", sa.String(), server_default="x", nullable=False),
        sa.Column("tenant", sa.String()),
        aliases={"start": "calldate", "customer": "tenant", "src": "nowhere"},
        statics={"System": "pbx1", "gone": "x"},
        utc=True,
    )
    assert rows.row(call(variables={"Rate": "0.5", "customer": "c"})) == {
        "CallDate": "2026-11-28 23:39:58", "system": "pbx1", "rate": 0.5, "other": None, "tenant": "c",
    }  # fmt: skip
    assert rows.missing == ["gone", "nowhere"]
    assert rows.empty == []
    assert maker(sa.Column("tenant", sa.String(), nullable=False)).empty == ["tenant"]


def test_records_of_channels() -> None:
    rows = maker(
        sa.Column("eventtype", sa.String()), sa.Column("eventtime", sa.DateTime()), sa.Column("peer", sa.String()),
        sa.Column("amaflags", sa.Integer()), sa.Column("other", sa.String()), sa.Column("time", sa.String()),
        cel=True, aliases={"eventtype": "other"}, utc=True,
    )  # fmt: skip
    assert rows.row(event(event="USER_DEFINED", userdeftype="mine")) == {
        "eventtime": datetime(2026, 11, 28, 23, 39, 58, 614384),
        "peer": "",
        "amaflags": 3,
        "other": "mine",
    }
    assert maker(sa.Column("eventtime", sa.String()), cel=True, utc=True).row(event()) == {
        "eventtime": "2026-11-28 23:39:58.614384"
    }


def test_a_time_that_is_none_makes_no_row_fail() -> None:
    assert maker(sa.Column("start", sa.DateTime())).row(call(start=1e300)) == {"start": None}


def test_tables_that_are_made_have_all_fields_under_their_names() -> None:
    metadata = sa.MetaData()
    settings = SqlSettings("pbx", "calls", aliases={"start": "calldate", "rate": "r"}, statics={"s": "x"})
    add_tables(metadata, settings, CDR)
    add_tables(metadata, SqlSettings("pbx", "log.cel"), CEL)
    assert sorted(metadata.tables) == [BATCHES, "calls", "log.cel"]
    columns = metadata.tables["calls"].columns.keys()
    assert {"calldate", "r", "s", "sequence", "end"} <= set(columns)
    assert "start" not in columns
    for dialect in (postgresql.dialect(), mysql.dialect(), sqlite.dialect()):
        for table in metadata.tables.values():
            assert str(sa.schema.CreateTable(table).compile(dialect=dialect))
