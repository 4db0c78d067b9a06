"""The backend ``realtime``: the objects of one type in tables of one or several databases."""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from asterism.config.errors import flatten
from asterism.core.errors import ConfigError
from asterism.data.backends import Backend, Loaded
from asterism.data.errors import DataRefusedError, DataUnavailableError
from asterism.data.options import ConfiguredObject
from asterism.data.realtime.queries import KeyQuery, is_integer, read_pairs, read_sum, read_whole
from asterism.data.realtime.rows import RowReader, RowWriter, decode, encode

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy import Table as SqlTable

    from asterism.data.realtime.database import Database
    from asterism.data.realtime.links import Rows

T = TypeVar("T")

ROWS_AT_A_TIME = 200
"""After so many rows the loop gets a turn: a large table is read without holding up calls."""


class _Source:
    """One table, with what is known of it."""

    def __init__(self, database: Database, table: str) -> None:
        self.database = database
        self.table = table
        self.reader: RowReader | None = None
        self.writer: RowWriter | None = None
        self.by_key: KeyQuery | None = None
        self.narrow: RowReader | None = None
        """For the columns that ``by_key`` reads."""
        self.sql: SqlTable | None = None

    @property
    def place(self) -> str:
        return f"table '{self.table}' of database '{self.database.name}'"


class RealtimeBackend(Backend):
    """Asks the first of its databases that answers; changes go to the first alone."""

    name = "realtime"
    writable = True
    remote = True

    def __init__(
        self, cls: type[ConfiguredObject], sources: Sequence[tuple[Database, str]], log: logging.Logger
    ) -> None:
        super().__init__(cls)
        self._sources = [_Source(database, table) for database, table in sources]
        self._log = log

    async def _prepare(self, source: _Source) -> SqlTable:
        table = await source.database.table(source.table)
        if source.sql is not table:
            source.sql = table
            names = [column.name for column in table.columns]
            if source.reader is None or source.reader.names != names:
                source.reader = RowReader(self.cls, names, source.place, self._log)
            source.writer = RowWriter(self.cls, table)
            source.by_key = KeyQuery(table, source.database.dialect)
            source.narrow = source.reader.narrowed(source.by_key.used)
        return table

    async def _ask(self, ask: Callable[[_Source], Awaitable[T]]) -> T:
        """The result of ``ask`` from the first database that answers."""
        failure: DataUnavailableError | None = None
        for source in self._sources:
            try:
                await self._prepare(source)
                return await ask(source)
            except DataUnavailableError as error:
                failure = failure or error
        raise failure or DataUnavailableError(f"no database has {self.cls.TYPE} objects")

    async def fetch(self, keys: Collection[str], known: Mapping[str, ConfiguredObject]) -> Loaded:
        wanted = [encode(key) for key in keys]

        async def ask(source: _Source) -> Loaded:
            loaded, size = Loaded(), source.database.at_once
            for start in range(0, len(wanted), size):
                if start:
                    await asyncio.sleep(0)
                found = await self._found(source, wanted[start : start + size], known)
                loaded.objects.update(found.objects)
                loaded.errors += found.errors
                loaded.refused |= found.refused
            return loaded

        loaded = await self._ask(ask)
        # A database may compare without regard to case; names are what was asked for.
        asked = set(keys)
        loaded.objects = {key: item for key, item in loaded.objects.items() if key in asked}
        return loaded

    async def _found(self, source: _Source, ids: Sequence[str], known: Mapping[str, ConfiguredObject]) -> Loaded:
        """The objects of these ids. Ids that cannot be put into a query count as absent."""
        try:
            return await self._make(*await self._rows(source, ids), known)
        except DataRefusedError:
            if len(ids) == 1:
                return Loaded()
        found, half = Loaded(), len(ids) // 2
        for part in (ids[:half], ids[half:]):
            more = await self._found(source, part, known)
            found.objects.update(more.objects)
            found.errors += more.errors
            found.refused |= more.refused
        return found

    async def _rows(self, source: _Source, ids: Sequence[str]) -> tuple[RowReader, Rows]:
        """The rows of these ids, and their reader."""
        query, reader, database = source.by_key, source.reader, source.database
        assert query is not None
        assert reader is not None
        narrow = source.narrow
        rows = await database.select(*query.statement(ids))
        if narrow is not None and all(row[-1] is None for row in rows):
            return narrow, rows
        rows = await database.select(*query.statement(ids, whole=True))
        query.learn(rows)
        source.narrow = reader.narrowed(query.used)
        return reader, rows

    async def fetch_all(self, known: Mapping[str, ConfiguredObject]) -> Loaded:
        async def ask(source: _Source) -> tuple[RowReader, Rows]:
            table, reader = source.sql, source.reader
            assert table is not None
            assert reader is not None
            used, rows = await source.database.run(lambda connection: read_whole(connection, table), long=True)
            return reader.narrowed(used), rows

        return await self._make(*await self._ask(ask), known)

    async def fetch_by(self, fields: Mapping[str, Any], known: Mapping[str, ConfiguredObject]) -> Loaded:
        def condition(table: SqlTable) -> list[ColumnElement[bool]]:
            return [
                table.c[spec.name] == encode(fields[spec.attribute])
                for spec in self.cls.OPTIONS
                if spec.name in table.c and isinstance(fields.get(spec.attribute), str)
            ]

        async def ask(source: _Source) -> tuple[RowReader, Rows]:
            from sqlalchemy import select

            assert source.sql is not None
            assert source.reader is not None
            query = select(source.sql).where(*condition(source.sql))
            return source.reader, await source.database.run(lambda connection: connection.execute(query).fetchall())

        try:
            loaded = await self._make(*await self._ask(ask), known)
        except DataRefusedError:
            return Loaded()  # it has no such value either
        loaded.objects = {
            key: item
            for key, item in loaded.objects.items()
            if all(getattr(item, name) == value for name, value in fields.items())
        }
        return loaded

    async def differing(self, known: Mapping[str, ConfiguredObject]) -> set[str]:
        column = self.cls.VERSION
        version = attrgetter(column)

        async def ask(source: _Source) -> Rows | None:
            table, run = source.sql, source.database.run
            assert table is not None
            if column not in table.c:
                return None
            if is_integer(table.c[column]):
                # As a rule nothing has changed but what this server changed itself, and two numbers tell so.
                mine = len(known), sum(map(version, known.values()))
                if mine == await run(lambda connection: read_sum(connection, table, column)):
                    return None
            return await run(lambda connection: read_pairs(connection, table, column), long=True)

        rows = await self._ask(ask)
        if rows is None:
            return set()
        found = {decode(str(key)): _number(value) for key, value in rows}
        changed = {key for key, value in found.items() if key not in known or version(known[key]) != value}
        return changed | (known.keys() - found.keys())

    async def _make(self, reader: RowReader, rows: Rows, known: Mapping[str, ConfiguredObject]) -> Loaded:
        loaded = Loaded()
        for number, row in enumerate(rows):
            if number % ROWS_AT_A_TIME == ROWS_AT_A_TIME - 1:
                await asyncio.sleep(0)
            key = reader.id_of(row)
            given = reader.given(row)
            # A row that did not change is the object that was made of it before.
            mark = reader.mark(given)
            before = known.get(key)
            if before is not None and getattr(before, "mark", None) == mark:
                loaded.objects[key] = before
                continue
            try:
                item = reader.make(key, given)
            except ConfigError as error:
                loaded.errors.extend(flatten(error))
                loaded.refused.add(key)
                continue
            except Exception as error:
                # Whatever it is: a row that cannot be read is not to hide the others.
                self._log.debug("a row could not be read", exc_info=True)
                loaded.errors.append(ConfigError(f"{self.cls.TYPE} '{key}' cannot be read: {error}"))
                loaded.refused.add(key)
                continue
            item.mark = mark
            loaded.objects[key] = item
        return loaded

    async def write(self, changes: Mapping[str, ConfiguredObject | None]) -> None:
        source = self._sources[0]
        table = await self._prepare(source)
        writer = source.writer
        assert writer is not None
        keys = [encode(key) for key in changes]
        rows = [writer.row(item) for item in changes.values() if item is not None]

        def replace(connection: Connection) -> None:
            connection.execute(table.delete().where(table.c.id.in_(keys)))
            if rows:
                connection.execute(table.insert(), rows)

        await source.database.run(replace)


def _number(value: object) -> int:
    """The number in a column; -1, different from all valid ones, for a value that is not a number."""
    try:
        return int(value or 0)  # type: ignore[call-overload, no-any-return]
    except (ValueError, TypeError, OverflowError):
        return -1
