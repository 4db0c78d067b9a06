"""Rows of any table as plain text, for those who read and write what is no configured object."""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from asterism.config.values import is_true
from asterism.data.errors import DataRefusedError, DataUnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Connection
    from sqlalchemy import Table as SqlTable

    from asterism.data.realtime.database import Database

T = TypeVar("T")
Pairs = Sequence[tuple[str, str]]

_OPERATOR = re.compile(r"\s+(LIKE|!=|<>|<=|>=|=|<|>)\s*\Z", re.IGNORECASE)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<>": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    ">": lambda column, value: column > value,
    "<=": lambda column, value: column <= value,
    ">=": lambda column, value: column >= value,
}


class Records:
    """The rows of one family: asks the first of its databases that answers; changes go to the first alone.

    A condition is a column's name, or that and an operator (``LIKE``, ``!=``, ``<``, ``>``, ``<=``, ``>=``), with a
    value. All methods raise :class:`DataUnavailableError` where a database cannot be asked, :class:`DataRefusedError`
    for a value that a column cannot have, and :class:`KeyError` with its name for a column that is not there.
    """

    def __init__(self, sources: Sequence[tuple[Database, str]]) -> None:
        self._sources = sources

    async def find(self, where: Pairs) -> list[tuple[str, str]] | None:
        """The columns that have a value, with their values, of the first row that fits; ``None`` without one."""

        async def ask(database: Database, table: SqlTable) -> list[tuple[str, str]] | None:
            from sqlalchemy import select

            names = [column.name for column in table.columns]
            query = select(table).where(*_conditions(table, where)).limit(1)
            rows = await database.run(lambda connection: connection.execute(query).fetchall())
            if not rows:
                return None
            return [(name, _text(value)) for name, value in zip(names, rows[0], strict=True) if value is not None]

        failure: DataUnavailableError | None = None
        for source in self._sources:
            try:
                return await self._on(source, ask)
            except DataUnavailableError as error:
                failure = failure or error
        raise failure or DataUnavailableError("no database has it")

    async def update(self, where: Pairs, values: Pairs) -> int:
        """Write columns of all rows that fit; how many there were."""

        async def change(database: Database, table: SqlTable) -> int:
            query = table.update().where(*_conditions(table, where)).values(_typed(table, values))
            return await database.run(lambda connection: int(connection.execute(query).rowcount))

        return await self._on(self._sources[0], change)

    async def insert(self, values: Pairs) -> str:
        """Add a row; its primary key, empty where the database does not tell."""

        async def add(database: Database, table: SqlTable) -> str:
            query = table.insert().values(_typed(table, values))

            def run(connection: Connection) -> str:
                key = connection.execute(query).inserted_primary_key
                return "" if not key or key[0] is None else str(key[0])

            return await database.run(run)

        return await self._on(self._sources[0], add)

    async def delete(self, where: Pairs) -> int:
        """Remove all rows that fit; how many there were."""

        async def remove(database: Database, table: SqlTable) -> int:
            query = table.delete().where(*_conditions(table, where))
            return await database.run(lambda connection: int(connection.execute(query).rowcount))

        return await self._on(self._sources[0], remove)

    @staticmethod
    async def _on(source: tuple[Database, str], work: Callable[[Database, SqlTable], Awaitable[T]]) -> T:
        database, name = source
        return await work(database, await database.table(name))


def _column(table: SqlTable, name: str) -> Column[Any]:
    name = str(name).strip()
    found = next((column for column in table.columns if column.name.lower() == name.lower()), None)
    if found is None:
        raise KeyError(name)
    return found


def _conditions(table: SqlTable, where: Pairs) -> list[ColumnElement[bool]]:
    from sqlalchemy import String, cast

    made: list[ColumnElement[bool]] = []
    for name, value in where:
        found = _OPERATOR.search(name)
        operator = "=" if found is None else found[1].upper()
        column = _column(table, name if found is None else name[: found.start()])
        if operator == "LIKE":
            made.append((column if _kind(column) is str else cast(column, String)).like(str(value)))
        else:
            made.append(_COMPARE[operator](column, _value(column, value)))
    return made


def _typed(table: SqlTable, values: Pairs) -> dict[str, Any]:
    columns = [(_column(table, name), value) for name, value in values]
    return {column.key: _value(column, value) for column, value in columns}


def _kind(column: Column[Any]) -> type[Any]:
    try:
        return column.type.python_type
    except NotImplementedError:
        return str


def _value(column: Column[Any], text: str) -> Any:
    """A text as the column's type has it; nothing for an empty one, where the type is no text."""
    kind, text = _kind(column), str(text)
    if kind is str:
        return text
    if not text.strip():
        return None
    try:
        if kind is bool:
            return is_true(text)
        if kind in (int, float, decimal.Decimal):
            return kind(text if len(text) < 100 else "too long")
        if kind in (datetime.datetime, datetime.date, datetime.time):
            return kind.fromisoformat(text.strip())
    except (ValueError, ArithmeticError):
        raise DataRefusedError(f"'{text[:60]}' cannot be in the column '{column.name}'") from None
    return text.encode("utf-8", "surrogateescape") if kind is bytes else text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
