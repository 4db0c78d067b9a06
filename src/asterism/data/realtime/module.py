"""The module of realtime: makes the backend known, reads what must be in memory, keeps it fresh."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from asterism.core.errors import ConfigError
from asterism.core.module import Module
from asterism.data.backends import Backend
from asterism.data.options import ConfiguredObject
from asterism.data.realtime.backend import RealtimeBackend
from asterism.data.realtime.database import Database
from asterism.data.realtime.settings import EXTCONFIG, FamilySource, RealtimeSettings, require_sqlalchemy
from asterism.data.server import DataServer

INTERVAL = 1.0
"""Seconds between looks at ages, at what is due, and at databases that are away."""


class RealtimeModule(Module):
    """Objects in SQL databases: ``type=realtime,family`` in ``sorcery.conf``.

    Types that must be known as a whole (``identify``, ``transport``, contacts, ...) are read at start, before any
    transport opens, and again as they age; endpoints, AORs and auths when they are first used.
    """

    name: ClassVar[str] = "res_config_sqlalchemy"
    aliases: ClassVar[tuple[str, ...]] = (
        "res_sorcery_realtime",
        "res_config_odbc",
        "res_config_pgsql",
        "res_config_mysql",
        "res_config_sqlite3",
    )
    description: ClassVar[str] = "Realtime objects in SQL databases"
    core: ClassVar[bool] = True

    server: DataServer

    def __init__(self) -> None:
        self._settings: RealtimeSettings | None = None
        self._databases: dict[str, Database] = {}
        self._task: asyncio.Task[None] | None = None
        self._started = False

    def load(self, server: DataServer) -> None:
        """Register the backend."""
        self.server = server
        server.data.register_backend(RealtimeBackend.name, self._make)
        server.register_marked(self)

    def _make(self, cls: type[ConfiguredObject], arguments: list[str]) -> Backend:
        require_sqlalchemy()
        family = arguments[0] if arguments else cls.REALTIME
        tables = self.tables(family)
        if not tables:
            raise ConfigError(f"{EXTCONFIG} does not say in which database the family '{family}' is")
        return RealtimeBackend(cls, tables, self.server.log)

    def tables(self, family: str) -> list[tuple[Database, str]]:
        """The tables of a family with their databases, in the order to ask them; none that ``extconfig.conf`` names.

        Raises :class:`ConfigError` where there are some, and SQLAlchemy is missing.
        """
        sources = self._read().families.get(family.lower(), [])
        if sources:
            require_sqlalchemy()
        found = [(self._database(source), source.table) for source in sources]
        if found and self._started:
            self._keep()
        return found

    def _read(self) -> RealtimeSettings:
        if self._settings is None:
            self._settings = RealtimeSettings.load(self.server.data.files, self.server.paths.db)
            for problem in self._settings.problems:
                self.server.log.error("%s", problem)
        return self._settings

    def _database(self, source: FamilySource) -> Database:
        found = self._databases.get(source.database)
        if found is None:
            settings = self._read().databases[source.database]
            found = self._databases[source.database] = Database(settings, self.server.log)
        return found

    async def start(self) -> None:
        """Read what must be in memory; a database that is away is asked again until it is back."""
        self._started = True
        if self._databases:
            await self.refresh()
            self._keep()

    def reload(self) -> None:
        """Look at the tables' columns again."""
        for database in self._databases.values():
            database.forget_tables()

    async def unload(self) -> None:
        """Let changes under way be confirmed, then close the connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=5)
        await self.server.data.drain()
        for cache in self.server.data.caches():
            cache.close()
        for database in self._databases.values():
            await database.close()

    def _keep(self) -> None:
        if self._task is None:
            self._task = self.server.spawn(self._keep_fresh(), "realtime")

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self.refresh()
            except Exception:
                self.server.log.exception("realtime objects could not be refreshed")

    async def refresh(self) -> None:
        """See which databases are back, drop what is too old, and read again what is due."""
        for database in self._databases.values():
            if database.down:
                await database.ping()
        data = self.server.data
        now = time.monotonic()
        for cache in data.caches():
            cache.sweep()
        due = [cache for cache in data.caches() if cache.due <= now]
        if due:
            await data.populate(*due)
        for cache in data.caches():
            if cache.look_due <= now:
                await cache.look()
