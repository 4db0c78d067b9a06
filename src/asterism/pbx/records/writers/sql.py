"""``cdr_sqlalchemy`` and ``cel_sqlalchemy``: records in SQL databases (``[sql]`` of cdr.conf and cel.conf)."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from asterism.core.errors import ConfigError
from asterism.core.module import Module
from asterism.data.backends import Files
from asterism.data.errors import DataRefusedError, DataUnavailableError
from asterism.data.realtime.database import Database, is_of_a_value
from asterism.data.realtime.settings import DATABASES, RealtimeSettings, require_sqlalchemy
from asterism.pbx.records.encoding import Record, as_json
from asterism.pbx.records.record import CallRecord, ChannelRecord
from asterism.pbx.records.writers.sections import load_section
from asterism.pbx.records.writers.sql_rows import BATCHES, SOURCES, RowMaker, batches_table
from asterism.pbx.records.writers.sql_settings import Fields, SqlSettings, reader
from asterism.pbx.records.writing import Attempt, WriteError

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy import Table as SqlTable

    from asterism.core.log import ServerLogger
    from asterism.pbx.records.lines import Line
    from asterism.pbx.vocabulary.host import HostServer

NAME = "SQLAlchemy"


@dataclass(frozen=True, slots=True)
class _Shape:
    """What was seen of a table, and whether there is that of the batches."""

    table: SqlTable
    maker: RowMaker
    noted: bool


class _Target:
    """Where rows go by one reading of the configuration; another reading makes another one."""

    def __init__(self, database: Database, settings: SqlSettings) -> None:
        self.database = database
        self.settings = settings
        self.shape: _Shape | None = None


class SqlWriter(Generic[Record]):
    """Writes each batch in one transaction, in which it also notes the batch: so that it is never written twice."""

    name = NAME

    def __init__(self, key: str, kind: Fields, log: ServerLogger) -> None:
        """``key`` tells this server and this kind of record from others in the same database."""
        self._key = key
        self._kind = kind
        self._log = log
        self._database: Database | None = None
        self._target: _Target | None = None
        self._noted = True

    def use(self, database: Database | None, settings: SqlSettings | None) -> Database | None:
        """Write to a table of this database from now on; with ``None`` what comes waits. Returns the one before."""
        old, self._database = self._database, database
        self._target = None if database is None or settings is None else _Target(database, settings)
        return old

    async def write(self, records: Sequence[Record], attempt: Attempt) -> None:
        """Write the rows of these."""
        target = self._target  # a reload may take another one at any time
        if target is None:
            raise WriteError("its database is not configured")
        database = target.database
        try:
            shape = target.shape = target.shape or await self._look(database, target.settings)
            rows = [shape.maker.row(record) for record in records]
            batch = attempt.before if isinstance(attempt.before, str) else secrets.token_hex(16)
            await attempt.in_thread(lambda: attempt.note(batch))
            try:
                await database.run(lambda connection: self._insert(connection, shape, rows, batch))
            except DataRefusedError:

                def refuse(number: int, why: str) -> None:
                    self._refuse(database, records[number], why)

                await database.run(lambda connection: self._insert(connection, shape, rows, batch, refuse))
        except DataUnavailableError as error:
            target.shape = None  # another table may be there when it is back
            raise WriteError(str(error)) from error
        except DataRefusedError as error:
            raise WriteError(str(error)) from error

    async def _look(self, database: Database, settings: SqlSettings) -> _Shape:
        """See what columns the table has."""
        database.forget_tables()
        table = await database.table(settings.table)
        maker = RowMaker(table, settings, self._kind)
        if maker.missing:
            self._log.warning(
                "table '%s' of database '%s' has no column %s", settings.table, database.name, ", ".join(maker.missing)
            )
        if maker.empty:
            columns = ", ".join(maker.empty)
            raise WriteError(f"table '{settings.table}' wants a value in columns that get none: {columns}")
        noted = await database.run(_has_batches)
        if not noted and self._noted:
            self._log.warning(
                "database '%s' has no table %s, which 'asterism db upgrade' makes: a kill may double records",
                database.name, BATCHES,
            )  # fmt: skip
        self._noted = noted
        return _Shape(table, maker, noted)

    def _insert(
        self,
        connection: Connection,
        shape: _Shape,
        rows: list[dict[str, Any]],
        batch: str,
        refuse: Callable[[int, str], None] | None = None,
    ) -> None:
        """Insert the rows unless that was done, in a transaction; with ``refuse`` without those that are not taken.

        Those are told before the transaction ends: when the answer to its end is lost, it is not done once more.
        """
        from sqlalchemy import MetaData
        from sqlalchemy.exc import DBAPIError, StatementError

        insert = shape.table.insert()
        if shape.noted:
            batches = batches_table(MetaData())
            mine = batches.c.writer == self._key
            another = (batches.c.batch != batch) | batches.c.batch.is_(None)
            # The update comes first: it waits for a transaction of ours that has lost its connection, and then sees
            # what that has written.
            if not connection.execute(batches.update().where(mine, another).values(batch=batch)).rowcount:
                if connection.execute(batches.select().where(mine)).first() is not None:
                    return
                connection.execute(batches.insert().values(writer=self._key, batch=batch))
        if refuse is None:
            connection.execute(insert, rows)
            return
        refused: dict[int, str] = {}
        for number, row in enumerate(rows):
            try:
                with connection.begin_nested():
                    connection.execute(insert, [row])
            except (StatementError, UnicodeError, OverflowError) as error:
                if isinstance(error, DBAPIError) and not is_of_a_value(error):
                    raise
                refused[number] = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
        for number, why in refused.items():
            refuse(number, why)

    def _refuse(self, database: Database, record: Record, why: str) -> None:
        self._log.error(
            "database '%s' does not take a record, which is written nowhere else than here (%s): %s",
            database.name, why, as_json(record)[:4000],
        )  # fmt: skip


def _has_batches(connection: Connection) -> bool:
    from sqlalchemy import inspect

    return inspect(connection).has_table(BATCHES)


class _Sql(Module, Generic[Record]):
    """What both modules have in common."""

    requires: ClassVar[tuple[str, ...]] = ("records",)
    file: ClassVar[str]

    def load(self, server: HostServer) -> None:
        """Read the section."""
        self._server = server
        self._remove: Callable[[], None] | None = None
        key = f"{getattr(server.options, 'entityid', '')} {server.name} {self._line().name}"[:255]
        self._writer: SqlWriter[Record] = SqlWriter(key, SOURCES[self.file][1], server.log)
        settings = self._read()
        if settings is not None:
            self._use(settings[0])

    def _line(self) -> Line[Record]:
        raise NotImplementedError

    def _read(self) -> tuple[SqlSettings | None] | None:
        return load_section(self._server, self.file, reader(*SOURCES[self.file]))

    def _use(self, settings: SqlSettings | None) -> Database | None:
        """Use the database that the section names; returns the one that was used before."""
        before = self._writer.use(None if settings is None else self._open(settings), settings)
        if settings is not None and self._remove is None:
            self._remove = self._line().register(self._server.owner, self._writer)
        return before

    def _open(self, settings: SqlSettings) -> Database | None:
        """The database of a connection; what is wrong with it is logged."""
        paths, log = self._server.paths, self._server.log
        try:
            require_sqlalchemy()
        except ConfigError as error:
            log.error("%s: %s", self.file, error)
            return None
        files = Files(Path(paths.etc), bool(getattr(self._server.options, "execincludes", False)))
        found = RealtimeSettings.load(files, Path(paths.db)).databases.get(settings.connection)
        if found is None:
            log.error("%s: there is no database '%s' in %s", self.file, settings.connection, DATABASES)
            return None
        quiet = logging.Logger("asterism.records")  # what fails is told once, with what becomes of the records
        quiet.addHandler(logging.NullHandler())
        return Database(found, quiet)

    async def reload(self) -> None:
        """Read the section again, and look at the table anew: for what is not written yet.

        Without the section what waits is written still.
        """
        loaded = self._read()
        if loaded is None:
            return
        if loaded[0] is None and self._remove is not None:
            await self._line().remove(NAME)
            self._remove = None
        before = self._use(loaded[0])
        if before is not None:
            await before.close()

    async def unload(self) -> None:
        """Write what waits, and close the connections."""
        if self._remove is not None:
            await self._line().finish(NAME)
            self._remove()  # what comes from now on waits, and finds no database gone
            self._remove = None
        database = self._writer.use(None, None)
        if database is not None:
            await database.close()


class CdrSql(_Sql[CallRecord]):
    """Records of calls."""

    name: ClassVar[str] = "cdr_sqlalchemy"
    aliases: ClassVar[tuple[str, ...]] = ("cdr_adaptive_odbc", "cdr_odbc", "cdr_pgsql", "cdr_mysql")
    description: ClassVar[str] = "Call records in SQL databases"
    file: ClassVar[str] = "cdr.conf"

    def _line(self) -> Line[CallRecord]:
        return self._server.pbx.records.calls


class CelSql(_Sql[ChannelRecord]):
    """Records of channels."""

    name: ClassVar[str] = "cel_sqlalchemy"
    aliases: ClassVar[tuple[str, ...]] = ("cel_odbc", "cel_pgsql")
    description: ClassVar[str] = "Channel records in SQL databases"
    file: ClassVar[str] = "cel.conf"

    def _line(self) -> Line[ChannelRecord]:
        return self._server.pbx.records.channels
