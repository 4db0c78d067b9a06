"""The backend ``realtime``: the objects of one type in tables of one or several databases."""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asterism.config.errors import flatten
from asterism.core.errors import ConfigError
from asterism.data.backends import Backend, Loaded
from asterism.data.errors import DataUnavailableError
from asterism.data.options import ConfiguredObject
from asterism.data.realtime.rows import RowReader, RowWriter, encode

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy import Table as SqlTable
    from sqlalchemy.ext.asyncio import AsyncConnection

    from asterism.data.realtime.database import Database

ROWS_AT_A_TIME = 200
"""After so many rows the loop gets a turn: a large table is read without holding up calls."""


class _Source:
    """One table, with what is known of it."""

    def __init__(self, database: Database, table: str) -> None:
        self.database = database
        self.table = table
        self.reader: RowReader | None = None
        self.writer: RowWriter | None = None
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
        self._read: dict[str, tuple[int, ConfiguredObject]] = {}

    async def _prepare(self, source: _Source) -> SqlTable:
        table = await source.database.table(source.table)
        if source.sql is not table:
            source.sql = table
            source.reader = RowReader(self.cls, [column.name for column in table.columns], source.place, self._log)
            source.writer = RowWriter(self.cls, table)
        return table

    async def _select(self, condition: Callable[[SqlTable], ColumnElement[bool] | None]) -> tuple[_Source, Any]:
        """The rows that fit, of the first database that answers."""
        from sqlalchemy import select

        failure: DataUnavailableError | None = None
        for source in self._sources:
            try:
                table = await self._prepare(source)
                query = select(table)
                where = condition(table)
                if where is not None:
                    query = query.where(where)

                async def ask(connection: AsyncConnection, query: Any = query) -> Any:
                    return (await connection.execute(query)).fetchall()

                return source, await source.database.run(ask)
            except DataUnavailableError as error:
                failure = failure or error
        raise failure or DataUnavailableError(f"no database has {self.cls.TYPE} objects")

    async def fetch(self, keys: Collection[str], known: Mapping[str, ConfiguredObject]) -> Loaded:
        wanted = [encode(key) for key in keys]
        source, rows = await self._select(lambda table: table.c.id.in_(wanted))
        loaded = await self._make(source, rows)
        for key in keys:
            if key not in loaded.objects:
                self._read.pop(key, None)
        # A database may compare without regard to case; names are what was asked for.
        loaded.objects = {key: item for key, item in loaded.objects.items() if key in keys}
        return loaded

    async def fetch_all(self, known: Mapping[str, ConfiguredObject]) -> Loaded:
        source, rows = await self._select(_everything)
        return await self._make(source, rows)

    async def fetch_by(self, fields: Mapping[str, Any], known: Mapping[str, ConfiguredObject]) -> Loaded:
        def condition(table: SqlTable) -> ColumnElement[bool] | None:
            from sqlalchemy import and_

            parts = [
                table.c[spec.name] == encode(fields[spec.attribute])
                for spec in self.cls.OPTIONS
                if spec.name in table.c and isinstance(fields.get(spec.attribute), str)
            ]
            return and_(*parts) if parts else None

        source, rows = await self._select(condition)
        loaded = await self._make(source, rows)
        loaded.objects = {
            key: item
            for key, item in loaded.objects.items()
            if all(getattr(item, name) == value for name, value in fields.items())
        }
        return loaded

    async def _make(self, source: _Source, rows: Sequence[Sequence[Any]]) -> Loaded:
        loaded = Loaded()
        reader = source.reader
        assert reader is not None
        for number, row in enumerate(rows):
            if number % ROWS_AT_A_TIME == ROWS_AT_A_TIME - 1:
                await asyncio.sleep(0)
            key = reader.id_of(row)
            # A row that did not change is the object that was made of it before.
            mark = hash(tuple(row))
            before = self._read.get(key)
            if before is not None and before[0] == mark:
                loaded.objects[key] = before[1]
                continue
            try:
                item = reader.read(row)
            except ConfigError as error:
                loaded.errors.extend(flatten(error))
                loaded.refused.add(key)
                continue
            self._read[key] = (mark, item)
            loaded.objects[key] = item
        return loaded

    async def write(self, changes: Mapping[str, ConfiguredObject | None]) -> None:
        source = self._sources[0]
        table = await self._prepare(source)
        writer = source.writer
        assert writer is not None
        keys = [encode(key) for key in changes]
        rows = [writer.row(item) for item in changes.values() if item is not None]

        async def replace(connection: AsyncConnection) -> None:
            await connection.execute(table.delete().where(table.c.id.in_(keys)))
            if rows:
                await connection.execute(table.insert(), rows)

        work: Callable[[AsyncConnection], Awaitable[None]] = replace
        await source.database.run(work)
        for key in changes:
            self._read.pop(key, None)


def _everything(_table: SqlTable) -> None:
    """The condition that every row meets."""
