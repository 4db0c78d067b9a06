"""Records as rows of tables, which are as an administrator has made them, or as ``asterism db`` makes them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from asterism.pbx.records.cdr.fields import FIELDS as CALL_FIELDS
from asterism.pbx.records.record import AMA_FLAGS, CallRecord, ChannelRecord, Disposition, moment
from asterism.pbx.records.writers.sql_settings import Fields, SqlSettings

if TYPE_CHECKING:
    from sqlalchemy import Column, MetaData
    from sqlalchemy import Table as SqlTable


Kept = CallRecord | ChannelRecord
BATCHES = "asterism_records"
"""The table that has the last batch of each server, written with its records: so no batch is written twice."""
CHANNEL_FIELDS = (
    "eventtype", "eventtime", "userdeftype", "cid_name", "cid_num", "cid_ani", "cid_rdnis", "cid_dnid", "exten",
    "context", "channame", "appname", "appdata", "amaflags", "accountcode", "peeraccount", "uniqueid", "linkedid",
    "userfield", "peer", "extra",
)  # fmt: skip
"""Fields of a record of a channel, as columns are called."""
_TIMES = frozenset({"start", "answer", "end", "eventtime"})
_LONG = frozenset({"lastdata", "userfield", "appdata", "extra"})
_SHORT = frozenset({"disposition", "amaflags", "eventtype"})
_INTEGERS = frozenset({"duration", "billsec", "sequence"})
_NEVER = 1.0
"""The time that a column which must have one gets for none: the first second that MySQL's TIMESTAMP can have."""


def value_of(record: Kept, field: str) -> Any:
    """A field of a record: times as seconds since the epoch, durations with their fractions; ``None`` without any."""
    if isinstance(record, ChannelRecord):
        if field == "eventtime":
            return record.time
        return getattr(record, field, None)
    if field == "duration":
        return (record.duration, record.end - record.start)
    if field == "billsec":
        return (record.billsec, 0.0 if record.answer is None else record.end - record.answer)
    if field in CALL_FIELDS:
        return getattr(record, field)
    return next((value for name, value in record.variables.items() if name.lower() == field), None)


def _as_text(value: Any, field: str, utc: bool) -> str:
    if field in _TIMES:
        if field != "eventtime":
            return moment(value, utc=utc)
        seconds, _, fraction = f"{value:.6f}".partition(".")
        return f"{moment(int(seconds), utc=utc)}.{fraction}"
    if field == "amaflags":
        return AMA_FLAGS.get(value, "Unknown")
    return str(value[0] if isinstance(value, tuple) else value)


def _as_time(value: Any, field: str, utc: bool, zoned: bool) -> datetime | None:
    if field not in _TIMES:
        return None
    at = datetime.fromtimestamp(value if field == "eventtime" else int(value), UTC)
    if zoned:
        return at
    return at.replace(tzinfo=None) if utc else at.astimezone().replace(tzinfo=None)


def _as_number(value: Any, kind: type) -> Any:
    if isinstance(value, tuple):
        value = value[0] if kind is int else max(0.0, value[1])
    if isinstance(value, Disposition):
        value = int(value)
    try:
        return kind(value) if kind is not Decimal else Decimal(str(value))
    except (ValueError, TypeError, ArithmeticError):
        return None


def converter(column: Column[Any], field: str, utc: bool) -> Callable[[Any], Any]:
    """A function that makes a field's value one that a column takes."""
    try:
        kind = column.type.python_type
    except NotImplementedError:
        kind = str
    length = getattr(column.type, "length", None) if kind is str else None
    zoned = bool(getattr(column.type, "timezone", False))

    def convert(value: Any) -> Any:
        if value is None:
            if column.nullable:
                return None
            value = "" if kind is str else _NEVER if field in _TIMES else 0
            return value if kind is str else convert(value)
        if kind is datetime:
            return _as_time(value, field, utc, zoned)
        if kind is date:
            at = _as_time(value, field, utc, zoned)
            return None if at is None else at.date()
        if issubclass(kind, int | float | Decimal):
            return _as_number(value, int if issubclass(kind, int) else kind)
        # A database has texts of whole characters, and PostgreSQL none with a NUL.
        text = _as_text(value, field, utc).replace("\0", "").encode("utf-8", "replace").decode("utf-8")
        return text if length is None else text[:length]

    return convert


class RowMaker:
    """Makes rows of a table's columns; a column that no record has anything for is left to its default."""

    def __init__(self, table: SqlTable, settings: SqlSettings, kind: Fields) -> None:
        """Look at the table's columns. A column that has the name of no field gets the variable of its name."""
        named = {column.lower(): field for field, column in settings.aliases.items()}
        statics = {column.lower(): text for column, text in settings.statics.items()}
        self._constant: dict[str, Any] = {}
        self._getters: list[tuple[str, str, Callable[[Any], Any]]] = []
        self.empty: list[str] = []
        """Columns that must have a value, and get none."""
        for column in table.columns:
            name = column.name.lower()
            field = named.get(name) or ("" if name in settings.aliases else name)
            if name in statics:
                self._constant[column.name] = statics[name]
            elif field in kind.names or name in named:
                self._getters.append((column.name, field, converter(column, field, settings.utc)))
            elif not column.nullable and not _has_default(column):
                self.empty.append(column.name)
            elif field and kind.variables and not _has_default(column):
                self._getters.append((column.name, field, converter(column, field, settings.utc)))
        self.missing = sorted(
            column for column in (*settings.aliases.values(), *settings.statics)
            if column.lower() not in {one.name.lower() for one in table.columns}
        )  # fmt: skip
        """Columns that the configuration names, and the table does not have."""

    def row(self, record: Kept) -> dict[str, Any]:
        """The row of a record."""
        row = dict(self._constant)
        for column, field, convert in self._getters:
            with contextlib.suppress(OverflowError, OSError, ValueError):  # a time that is none
                row[column] = convert(value_of(record, field))
                continue
            row[column] = None
        return row


def _has_default(column: Column[Any]) -> bool:
    return bool(
        column.server_default is not None
        or column.identity is not None
        or column.computed is not None
        or (column.primary_key and column.autoincrement)
    )


def add_tables(metadata: MetaData, settings: SqlSettings, kind: Fields) -> None:
    """Add the table of records, with the columns that the configuration names, and that of the batches."""
    from sqlalchemy import Column, Table, Text

    columns = [Column(settings.aliases.get(field, field), column_type(field)) for field in kind.names]
    columns += [Column(column, Text()) for field, column in settings.aliases.items() if field not in kind.names]
    columns += [Column(column, Text()) for column in settings.statics]
    schema, _, bare = settings.table.rpartition(".")
    Table(bare, metadata, *columns, schema=schema or None)
    if BATCHES not in metadata.tables:
        batches_table(metadata)


def batches_table(metadata: MetaData) -> SqlTable:
    """The table of the batches."""
    from sqlalchemy import Column, String, Table

    return Table(BATCHES, metadata, Column("writer", String(255), primary_key=True), Column("batch", String(40)))


def column_type(field: str) -> Any:
    """The type of the column that has a field, in a table that is made."""
    from sqlalchemy import DateTime, Integer, String, Text
    from sqlalchemy.dialects.mysql import DATETIME

    if field == "eventtime":
        return DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb")
    if field in _TIMES:
        return DateTime()
    if field in _INTEGERS:
        return Integer()
    if field in _LONG:
        return Text()
    return String(45 if field in _SHORT else 255)


SOURCES: Mapping[str, tuple[str, Fields]] = MappingProxyType(
    {
        "cdr.conf": ("cdr", Fields(CALL_FIELDS, variables=True)),
        "cel.conf": ("cel", Fields(CHANNEL_FIELDS)),
    }
)
"""The files that have the section: the usual table, and the fields of the records."""
