"""One database: its connections, and whether it can be reached."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from asterism.data.errors import DataRefusedError, DataUnavailableError
from asterism.data.realtime.settings import INSTALL

if TYPE_CHECKING:
    from sqlalchemy import Connection, Dialect
    from sqlalchemy import Table as SqlTable
    from sqlalchemy.exc import DBAPIError

    from asterism.data.realtime.links import Link, Parameters, Rows
    from asterism.data.realtime.settings import DatabaseSettings

T = TypeVar("T")

_VALUE_CODES = frozenset((1264, 1265, 1267, 1300, 1366, 1406, 3854, 3988))
"""MySQL's and MariaDB's error numbers of values that do not fit: range, length, characters."""

RETRY_SECONDS = 1.0
"""How long after a failure no attempt is made: queries are refused at once meanwhile."""


class Database:
    """Runs operations on a database, each in a transaction.

    An operation that fails for a lost connection is tried once more on a new one, so a restart of the database
    between two operations goes unnoticed. When the database is away, this is logged once, and once when it is back.
    """

    def __init__(self, settings: DatabaseSettings, log: logging.Logger) -> None:
        self.name = settings.name
        self._settings = settings
        self._log = log
        self._link: Link | None = None
        self._tables: dict[str, SqlTable] = {}
        self._retry_at = 0.0
        self._complaints: set[str] = set()
        self._abandoned: set[asyncio.Task[Any]] = set()
        self.down = False

    def _open(self) -> Link:
        if self._link is None:
            from asterism.data.realtime.links import open_link

            self._link = open_link(self._settings)
        return self._link

    @property
    def dialect(self) -> Dialect:
        """The SQL dialect of the database."""
        return self._open().dialect

    @property
    def at_once(self) -> int:
        """How many rows to ask for at once."""
        return self._open().at_once

    async def select(self, sql: str, parameters: Parameters) -> Rows:
        """The rows of a query in the driver's own SQL, the quickest way. Raises what :meth:`run` raises."""
        if time.monotonic() >= self._retry_at:
            try:
                rows = await self._within_timeout(self._open().select(sql, parameters))
            except TimeoutError as error:
                raise self._failed(True, f"no answer within {self._settings.timeout:g} s") from error
            except (UnicodeError, OverflowError) as error:
                raise self._refused(error) from error
            except Exception:
                # The usual way tells a lost connection from a refused statement, and tries again.
                return await self.run(lambda each: each.exec_driver_sql(sql, parameters).fetchall())
            self._succeeded()
            return rows
        raise DataUnavailableError(f"database '{self.name}' is not available")

    async def run(self, work: Callable[[Connection], T], *, long: bool = False) -> T:
        """Run ``work(connection)`` in a transaction. It must bear being run twice, and in another thread.

        A ``long`` operation does not hold up others. ``timeout`` bounds it all the same.

        Raises:
            DataUnavailableError: It could not be done; the text says why.
            DataRefusedError: A value cannot be written or asked for; the database is as it was.
        """
        if time.monotonic() < self._retry_at:
            raise DataUnavailableError(f"database '{self.name}' is not available")
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

        connected = False

        def attempt(connection: Connection) -> T:
            nonlocal connected
            connected = True
            return work(connection)

        for last in (False, True):
            connected = False
            try:
                result = await self._within_timeout(self._open().run(attempt, long=long))
            except DBAPIError as error:
                lost = error.connection_invalidated or not connected
                if lost and not last:
                    continue
                if not lost and is_of_a_value(error):
                    raise self._refused(error.orig or error) from error
                raise self._failed(lost, error.orig or error) from error
            except StatementError as error:
                # The driver did not get to see it.
                raise self._refused(error.orig or error) from error
            except SQLAlchemyError as error:
                raise self._failed(not connected, error) from error
            except TimeoutError as error:
                raise self._failed(True, f"no answer within {self._settings.timeout:g} s") from error
            except (DataUnavailableError, asyncio.CancelledError):
                raise
            except (UnicodeError, OverflowError) as error:
                raise self._refused(error) from error
            except Exception as error:
                # Drivers let errors of sockets, files and missing packages through as they are.
                if connected and not last:
                    continue
                raise self._failed(True, error) from error
            self._succeeded()
            return result
        raise AssertionError("the second attempt returns or raises")

    async def _within_timeout(self, attempt: Coroutine[Any, Any, T]) -> T:
        """Run an attempt, and leave it to itself when its time is over: drivers may take long to give up."""
        task = asyncio.get_running_loop().create_task(attempt, name=f"database {self.name}")
        try:
            done, _ = await asyncio.wait({task}, timeout=self._settings.timeout)
        except asyncio.CancelledError:
            self._abandon(task)
            raise
        if not done:
            self._abandon(task)
            raise TimeoutError
        return task.result()

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        task.cancel()
        self._abandoned.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._abandoned.discard(task)
        if not task.cancelled():
            task.exception()  # nobody else asks for it

    def _refused(self, reason: object) -> DataRefusedError:
        """A value is not taken: nothing is wrong with the database, which is not worth a line for each."""
        self._log.debug("database '%s' does not take a value: %s", self.name, _words(reason))
        return DataRefusedError(f"database '{self.name}' does not take a value: {_words(reason)}")

    def _failed(self, lost: bool, reason: object) -> DataUnavailableError:
        text = _words(reason)
        if isinstance(reason, ModuleNotFoundError):
            text += f": {INSTALL}"
        if lost:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            if not self.down:
                self.down = True
                self._log.error(
                    "database '%s' is not available (%s); what is known of its objects goes on being used",
                    self.name,
                    text,
                )
        elif text not in self._complaints and len(self._complaints) < 100:
            self._complaints.add(text)
            self._log.error("database '%s' refuses a statement: %s", self.name, text)
        return DataUnavailableError(f"database '{self.name}': {text}")

    def _succeeded(self) -> None:
        if self.down:
            self.down = False
            self._log.warning("database '%s' is available again", self.name)

    async def table(self, name: str) -> SqlTable:
        """A table with the columns it really has. Raises :class:`DataUnavailableError`."""
        found = self._tables.get(name)
        if found is None:
            from sqlalchemy import MetaData, Table
            from sqlalchemy.exc import NoSuchTableError

            schema, _, bare = name.rpartition(".")

            def reflect(connection: Connection) -> SqlTable:
                return Table(bare, MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False)

            try:
                found = await self.run(reflect)
            except DataUnavailableError as error:
                if isinstance(error.__cause__, NoSuchTableError):
                    raise self._failed(False, f"there is no table '{name}'; 'asterism db upgrade' makes it") from error
                raise
            self._tables[name] = found
        return found

    def forget_tables(self) -> None:
        """Look at the tables' columns again at their next use."""
        self._tables.clear()

    async def ping(self) -> bool:
        """Whether the database answers."""
        from sqlalchemy import text

        try:
            await self.run(lambda connection: connection.execute(text("SELECT 1")))
        except DataUnavailableError:
            return False
        return True

    async def close(self) -> None:
        """Close the connections; what was abandoned has a second to end."""
        if self._abandoned:
            await asyncio.wait(set(self._abandoned), timeout=1)
        if self._link is not None:
            link, self._link = self._link, None
            await link.close()


def _words(reason: object) -> str:
    """An error's text on one line, of bounded length."""
    return " ".join(str(reason)[:1000].split())[:300] or type(reason).__name__


def is_of_a_value(error: DBAPIError) -> bool:
    """Whether a statement failed for a value in it, so that others of its kind do not."""
    from sqlalchemy.exc import DataError, IntegrityError

    if isinstance(error, (DataError, IntegrityError)) or isinstance(error.orig, (UnicodeError, OverflowError)):
        return True
    args: tuple[object, ...] = getattr(error.orig, "args", ())
    return error.connection_invalidated is False and bool(args) and args[0] in _VALUE_CODES
