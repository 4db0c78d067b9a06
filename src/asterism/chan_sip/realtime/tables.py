"""The tables of one family: rows by name, by address, and what is written to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from asterism.chan_sip.realtime.rows import KEY, Row
from asterism.data.errors import DataRefusedError, DataUnavailableError
from asterism.data.realtime.rows import column_text, encode

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy import Table as SqlTable

    from asterism.data.realtime.database import Database

T = TypeVar("T")
NAMES_PER_QUERY = 200


class Family:
    """Asks the first of its databases that answers; changes go to the first alone.

    Attributes:
        name: ``sippeers``, ``sipusers`` or ``sipregs``.
        tables: databases with the names of tables there, in the order to ask them.
        on_table: called once for each table that is used, with its place and the names of its columns.
    """

    def __init__(
        self,
        name: str,
        tables: Sequence[tuple[Database, str]],
        on_table: Callable[[str, tuple[str, ...]], None] = lambda _place, _columns: None,
    ) -> None:
        self.name = name
        self.tables = list(tables)
        self.on_table = on_table
        self._seen: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self.tables)

    def same_as(self, other: Family) -> bool:
        """Whether both are the same table."""
        return [(each.name, table) for each, table in self.tables] == [
            (each.name, table) for each, table in other.tables
        ]

    async def rows(self, names: Iterable[str]) -> dict[str, tuple[Row, str]]:
        """The rows of these names, each with the place of its table. A name that no database can have is absent.

        Raises:
            DataUnavailableError: no database can tell.
        """
        wanted = list(names)
        found: dict[str, tuple[Row, str]] = {}
        for start in range(0, len(wanted), NAMES_PER_QUERY):
            found.update(await self._some(wanted[start : start + NAMES_PER_QUERY]))
        return found

    async def _some(self, names: Sequence[str]) -> dict[str, tuple[Row, str]]:
        try:
            rows = await self._select(lambda table: [_column(table, KEY).in_(list(names))])
        except DataRefusedError:
            if len(names) == 1:
                return {}
            half = len(names) // 2
            return {**await self._some(names[:half]), **await self._some(names[half:])}
        # A database may compare without regard to case; names are what was asked for.
        return {row[KEY]: (row, place) for row, place in rows if row[KEY] in names}

    async def at(self, host: str) -> list[tuple[Row, str]]:
        """The rows of peers at an address: registered from there, or with it as ``host``.

        Raises:
            DataUnavailableError: no database can tell.
        """
        from sqlalchemy import or_

        def condition(table: SqlTable) -> list[Any]:
            columns = [column for column in (_find(table, "ipaddr"), _find(table, "host")) if column is not None]
            return [or_(*(column == host for column in columns))] if columns else [_column(table, KEY) == ""]

        try:
            return await self._select(condition)
        except DataRefusedError:
            return []

    async def _select(self, condition: Callable[[SqlTable], list[Any]]) -> list[tuple[Row, str]]:
        async def ask(database: Database, table: SqlTable, place: str) -> list[tuple[Row, str]]:
            from sqlalchemy import select

            query = select(table).where(*condition(table))

            def run(connection: Connection) -> list[tuple[Any, ...]]:
                return [tuple(row) for row in connection.execute(query).fetchall()]

            names = [column.name.lower() for column in table.columns]
            rows = await database.run(run)
            return [(row, place) for row in (_row(names, values) for values in rows) if row.get(KEY)]

        return await self._ask(ask)

    async def _ask(self, ask: Callable[[Database, SqlTable, str], Awaitable[T]]) -> T:
        failure: DataUnavailableError | None = None
        for database, name in self.tables:
            try:
                table, place = await self._table(database, name)
                return await ask(database, table, place)
            except DataRefusedError:
                raise
            except DataUnavailableError as error:
                failure = failure or error
        raise failure or DataUnavailableError(f"no database has the family '{self.name}'")

    async def _table(self, database: Database, name: str) -> tuple[SqlTable, str]:
        table = await database.table(name)
        place = f"table '{name}' of database '{database.name}'"
        if _find(table, KEY) is None:
            raise DataUnavailableError(f"{place} has no column '{KEY}'")
        if place not in self._seen:
            self._seen.add(place)
            self.on_table(place, tuple(column.name for column in table.columns))
        return table, place

    async def write(self, changes: Mapping[str, Mapping[str, str | None]], *, insert: bool = False) -> None:
        """Set columns of rows, by name; those that the table does not have are left out, others stay as they are.

        ``insert``: a row that is not there is made. All is written, or nothing.

        Raises:
            DataUnavailableError: it could not be.
        """
        database, name = self.tables[0]
        table, _ = await self._table(database, name)
        key = _column(table, KEY)
        rows = {row: _values(table, values) for row, values in changes.items()}

        def run(connection: Connection) -> None:
            for row, values in rows.items():
                done = connection.execute(table.update().where(key == row).values(values)) if values else None
                if insert and (done is None or not done.rowcount):
                    connection.execute(table.insert().values({**values, key.name: row}))

        await database.run(run)


def _find(table: SqlTable, name: str) -> Any:
    return next((column for column in table.columns if column.name.lower() == name), None)


def _column(table: SqlTable, name: str) -> Any:
    found = _find(table, name)
    assert found is not None
    return found


def _row(names: Sequence[str], values: Sequence[Any]) -> dict[str, str]:
    return {
        name: column_text(value)
        for name, value in zip(names, values, strict=True)
        if value is not None and value != ""
    }  # fmt: skip


def _values(table: SqlTable, values: Mapping[str, str | None]) -> dict[str, Any]:
    """The values of columns that there are, in their types."""
    found: dict[str, Any] = {}
    for column in table.columns:
        name = column.name.lower()
        if name not in values:
            continue
        value = values[name]
        try:
            kind = column.type.python_type
        except NotImplementedError:
            kind = str
        if kind in (int, float):
            found[column.name] = int(value or 0)
        elif not value:
            # A column that takes no NULL gets the empty text that stands for the same.
            found[column.name] = None if column.nullable else ""
        else:
            length = getattr(column.type, "length", None) or len(value) * 3
            # Part of a URI would be another one; of a phone's name it is still its name.
            text = encode(value[:length] if name == "useragent" else value)
            found[column.name] = text if len(text) <= length else None if column.nullable else ""
    return found
