"""How operations reach a database: in a thread for SQLite, through the loop for servers.

SQLAlchemy knows the dialects and keeps the connections. Single rows are read past it, on a connection of their own:
making a transaction and a result of it costs more than the query.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from asterism.data.private import make_private

if TYPE_CHECKING:
    from sqlalchemy import Connection, Dialect, Engine
    from sqlalchemy.ext.asyncio import AsyncConnection

    from asterism.data.realtime.settings import DatabaseSettings

T = TypeVar("T")

Parameters = Sequence[Any] | dict[str, Any]
Rows = Sequence[Sequence[Any]]


class Link(Protocol):
    """The connections of one database."""

    at_once: int
    """How many rows to ask for at once: what is read without waiting holds up the loop meanwhile."""

    @property
    def dialect(self) -> Dialect:
        """The SQL dialect of the database."""

    async def run(self, work: Callable[[Connection], T], *, long: bool = False) -> T:
        """Run ``work(connection)`` in a transaction; a ``long`` one must not hold up others."""

    async def select(self, sql: str, parameters: Parameters) -> Rows:
        """The rows of a query in the driver's own SQL. What goes wrong comes as the driver raises it."""

    async def close(self) -> None:
        """Close the connections."""


def open_link(settings: DatabaseSettings) -> Link:
    """The link that fits the URL."""
    from sqlalchemy.engine import make_url

    if make_url(settings.url).get_backend_name() == "sqlite":
        return ThreadLink(settings)
    return ServerLink(settings)


class _File:
    """A SQLite file as it was when it was opened, to notice that another one is in its place."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen = self._look()

    def _look(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def replaced(self) -> bool:
        """Whether it is another file by now: somebody put a copy in its place, or made it anew."""
        found = self._look()
        return found is not None and found != self._seen


class ThreadLink:
    """SQLite: one connection in a thread of its own, so that each operation is one hop there and back.

    Whole tables are read on a second one, so that nobody waits for them. Single rows are read where they are asked for,
    as in the embedded store: taking turns with another thread costs several times what the query does. Such a read
    never waits: where the file is locked it is left to the thread.
    """

    at_once = 64

    def __init__(self, settings: DatabaseSettings) -> None:
        from sqlalchemy import StaticPool, create_engine
        from sqlalchemy.engine import make_url

        url = make_url(settings.url).set(drivername="sqlite")
        options: dict[str, Any] = {"check_same_thread": False, "timeout": settings.timeout}
        self._make: Callable[[], Engine] = lambda: create_engine(url, poolclass=StaticPool, connect_args=options)
        self._engine = self._make()
        self._path = url.database if url.database and ":memory:" not in str(url) else ""
        self._file: _File | None = None
        self._reader: Connection | None = None
        self._read_file: _File | None = None
        self._open_reader: Callable[[], Connection] = lambda: create_engine(
            url, poolclass=StaticPool, connect_args={"timeout": 0}
        ).connect()
        self._thread = ThreadPoolExecutor(1, "database")
        self._lenient = False
        """Whether some text was found that is no UTF-8: it is read with a function of ours then, which is slower."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of SQLite."""
        return self._engine.dialect

    async def run(self, work: Callable[[Connection], T], *, long: bool = False) -> T:
        """Run ``work`` in the link's thread, or a ``long`` one in another."""
        loop = asyncio.get_running_loop()
        if long and self._path:
            return await loop.run_in_executor(None, self._run_beside, work)
        return await loop.run_in_executor(self._thread, self._run, work)

    def _run(self, work: Callable[[Connection], T]) -> T:
        if self._file is not None and self._file.replaced():
            self._engine.dispose()
            self._file = None
        if self._file is None and self._path:
            # Passwords will be in it. One that is there has the rights that somebody gave it.
            with contextlib.suppress(OSError):
                make_private(self._path, existing=False)
        return self._read(self._engine, self._noted, work)

    def _noted(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        if self._file is None and self._path:
            self._file = _File(self._path)
        return work(connection)

    def _read(
        self, engine: Engine, run: Callable[[Connection, Callable[[Connection], T]], T], work: Callable[[Connection], T]
    ) -> T:
        """Run the work in a transaction, once more if a row has text that is no UTF-8: it is not to hide the others."""
        if not self._lenient:
            try:
                with engine.begin() as connection:
                    return run(connection, work)
            except Exception as error:
                if not _is_undecodable(error):
                    raise
                self._lenient = True
        with engine.begin() as connection:
            _read_any_text(connection.connection.driver_connection)
            return run(connection, work)

    def _run_beside(self, work: Callable[[Connection], T]) -> T:
        engine = self._make()
        try:
            return self._read(engine, lambda connection, each: each(connection), work)
        finally:
            engine.dispose()

    async def select(self, sql: str, parameters: Parameters) -> Rows:
        """Ask here and now."""
        if not self._path:
            return await self.run(lambda connection: connection.exec_driver_sql(sql, parameters).fetchall())
        if self._read_file is not None and self._read_file.replaced():
            self._close_reader()
        try:
            if self._reader is None:
                self._reader = self._open_reader()
                self._read_file = _File(self._path)
            driver: Any = self._reader.connection.driver_connection
            if self._lenient:
                _read_any_text(driver)
            rows: Rows = driver.execute(sql, parameters).fetchall()
        except (UnicodeError, OverflowError):
            raise  # of a parameter: SQLite did not see it
        except BaseException:
            self._close_reader()
            raise
        return rows

    def _close_reader(self) -> None:
        reader, self._reader, self._read_file = self._reader, None, None
        if reader is not None:
            reader.engine.dispose()

    async def close(self) -> None:
        """Close the connections, after what is under way."""
        self._close_reader()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)


def _is_undecodable(error: BaseException) -> bool:
    return "Could not decode to UTF-8" in str(error)


def _read_any_text(driver: Any) -> None:
    """Have a connection of sqlite3 read text that is no UTF-8, its bytes kept as surrogates."""
    driver.text_factory = _text


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


class ServerLink:
    """PostgreSQL, MariaDB, MySQL: a pool of connections, one of which only reads single rows."""

    at_once = 500

    def __init__(self, settings: DatabaseSettings) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine

        self._reads = settings.pool_size > 1
        size = settings.pool_size - 1 if self._reads else 1
        # The reader stays out of the pool once it was taken from it.
        self._engine = create_async_engine(
            settings.url, pool_size=size, max_overflow=int(self._reads), pool_recycle=1800
        )
        self._reader: AsyncConnection | None = None
        self._reading = asyncio.Lock()

    @property
    def dialect(self) -> Dialect:
        """The dialect of the server."""
        return self._engine.dialect

    async def run(self, work: Callable[[Connection], T], *, long: bool = False) -> T:
        """Run ``work`` on a connection of the pool."""
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def select(self, sql: str, parameters: Parameters) -> Rows:
        """Ask on the reader's connection, by the driver's own means: no transaction, no wrapping of rows."""
        if not self._reads:
            return await self.run(lambda connection: connection.exec_driver_sql(sql, parameters).fetchall())
        async with self._reading:
            try:
                if self._reader is None:
                    reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
                    self._reader = await reader.connect()
                driver: Any = (await self._reader.get_raw_connection()).driver_connection
                cursor = driver.cursor()
                await cursor.execute(sql, parameters)
                rows: Rows = await cursor.fetchall()
                await cursor.close()
            except BaseException:
                reader_lost, self._reader = self._reader, None
                if reader_lost is not None:
                    with contextlib.suppress(Exception):
                        await reader_lost.invalidate()
                        await reader_lost.close()
                raise
            return rows

    async def close(self) -> None:
        """Close all connections."""
        reader, self._reader = self._reader, None
        if reader is not None:
            with contextlib.suppress(Exception):
                await reader.close()
        await self._engine.dispose()
