"""``Data``: every typed object of a server, answered from memory.

Memory shows committed state only. A change made by :meth:`Data.create_now` and its like is
*staged* until the store's commit; whoever makes several changes in one batch (the registrar) reads them
back with :meth:`Data.get_staged` and :meth:`Data.find_staged`, everybody else sees the change, and observers
hear of it, when it is committed. If the commit fails, it never happened.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from asterism.config.file import Option
from asterism.core.errors import AsterismError, ConfigError
from asterism.core.module import Subsystem
from asterism.core.registry import Owner
from asterism.data.backends import Backend, ConfigBackend, Files, MemoryBackend, StoreBackend
from asterism.data.options import ConfiguredObject
from asterism.data.store import Store
from asterism.data.table import Change, Observer, Table

__all__ = ["Change", "Data", "DataError", "Missing", "Observer", "ReloadReport"]

O = TypeVar("O", bound=ConfiguredObject)  # noqa: E741 - an object
BackendFactory = Callable[[type[ConfiguredObject], list[str]], Backend]


class DataError(AsterismError):
    """A change that no backend takes, or that could not be committed."""


class Missing(enum.Enum):
    """Why ``get`` has no object: there is none, or memory cannot tell and ``retrieve`` must ask."""

    ABSENT = "absent"
    NOT_LOADED = "not loaded"


@dataclass(slots=True)
class ReloadReport:
    """What a load did: ``errors`` with file and line, and how many objects of each type changed."""

    errors: list[ConfigError] = field(default_factory=list)
    changes: dict[str, int] = field(default_factory=dict)


class _State:
    """What all bound views of one ``Data`` share."""

    def __init__(self) -> None:
        self.tables: dict[type[ConfiguredObject], Table] = {}
        self.factories: dict[str, BackendFactory] = {}
        self.sources: dict[str, list[Option]] | None = None


class Data(Subsystem):
    """The data access layer of one server.

    ``root`` is the configuration folder; ``store`` the embedded store (``None``: types of the ``astdb``
    backend live in memory); ``allow_exec`` lets ``#exec`` run in files.
    """

    def __init__(
        self,
        owner: Owner,
        log: logging.Logger,
        root: Path,
        store: Store | None = None,
        *,
        allow_exec: bool = False,
    ) -> None:
        self.owner = owner
        self.log = log
        self.store = store
        self.files = Files(root, allow_exec)
        self._state = _State()
        self._tables = self._state.tables

    # Types and backends

    def register_type(self, cls: type[ConfiguredObject]) -> None:
        """Make a type known until the owner is released; :meth:`load` then reads its objects.

        A class already registered stays with its first owner.
        """
        if cls in self._tables:
            return
        self._tables[cls] = Table(cls, self.log)
        self.owner.on_release(partial(_forget, self._tables, cls))

    def register_backend(self, name: str, factory: BackendFactory) -> None:
        """Add a kind of backend; ``factory(cls, arguments)`` makes one for a type."""
        self._state.factories[name] = factory
        self.owner.on_release(partial(_forget, self._state.factories, name))

    def types(self) -> list[type[ConfiguredObject]]:
        """Every registered type."""
        return list(self._tables)

    def _make_backends(self, cls: type[ConfiguredObject], report: ReloadReport) -> list[Backend]:
        configured = self._sorcery().get(cls.TYPE.lower())
        sources: list[tuple[str, Option | None]]
        if configured:
            sources = [(option.value, option) for option in configured]
        else:
            sources = [(text, None) for text in cls.SOURCES or (f"config,pjsip.conf,criteria=type={cls.TYPE}",)]
        backends: list[Backend] = []
        for text, option in sources:
            name, *arguments = (part.strip() for part in text.split(","))
            backend = self._make_backend(cls, name.lower(), arguments)
            if backend is not None:
                backends.append(backend)
            elif option is not None:
                accepted = ", ".join(["config", "memory", "astdb", *self._state.factories])
                report.errors.append(option.error(f"there is no backend '{name}'", accepted))
        return backends

    def _make_backend(self, cls: type[ConfiguredObject], name: str, arguments: list[str]) -> Backend | None:
        if name == "config":
            return ConfigBackend(cls, self.files, arguments)
        if name == "astdb" and self.store is not None:
            return StoreBackend(cls, self.store)
        if name in ("memory", "astdb"):
            return MemoryBackend(cls)
        factory = self._state.factories.get(name)
        return None if factory is None else factory(cls, arguments)

    def _sorcery(self) -> dict[str, list[Option]]:
        """``sorcery.conf``: the lines of each type, read once per server (a change needs a restart)."""
        if self._state.sources is None:
            sources: dict[str, list[Option]] = {}
            for section in self.files.get("sorcery.conf") or ():
                for option in section:
                    name, _, variant = option.name.partition("/")
                    # "type/cache" lines configure a cache in front of slow backends, not a source.
                    if not variant:
                        sources.setdefault(name.strip().lower(), []).append(option)
            self._state.sources = sources
        return self._state.sources

    # Loading

    def load(self) -> ReloadReport:
        """Read the objects of every type not loaded yet; log and return what was wrong."""
        return self._load([table for table in self._tables.values() if not table.loaded])

    def reload(self) -> ReloadReport:
        """Read every type again.

        A file with a syntax error keeps its whole previous state; a bad object keeps its
        previous copy, or stays absent if it is new. What is durable is not read again.
        """
        self.files.forget()
        return self._load(list(self._tables.values()))

    def _load(self, tables: list[Table]) -> ReloadReport:
        report = ReloadReport()
        known = len(self.files.problems)
        for table in tables:
            if not table.loaded:
                table.backends = self._make_backends(table.cls, report)
            count = table.load(report.errors)
            if count:
                report.changes[table.cls.TYPE] = count
        report.errors[:0] = self.files.problems[known:]
        for error in report.errors:
            self.log.error("%s", error)
        return report

    # Reading

    def get(self, cls: type[O], item_id: str) -> O | Missing:
        """The object, from memory."""
        table = self._tables[cls]
        found = table.objects.get(item_id)
        if found is None:
            return Missing.ABSENT if table.complete else Missing.NOT_LOADED
        return cast("O", found)

    def find(self, cls: type[O], index: str, value: object) -> list[O]:
        """Objects whose attribute ``index`` (one of ``cls.INDEXES``) is ``value``, oldest first."""
        return cast("list[O]", list(self._tables[cls].indexes[index].get(value, {}).values()))

    def all(self, cls: type[O]) -> list[O]:
        """Every object in memory, in order of definition."""
        return cast("list[O]", list(self._tables[cls].objects.values()))

    def count(self, cls: type[ConfiguredObject]) -> int:
        """How many objects of a type are in memory."""
        return len(self._tables[cls].objects)

    def single(self, cls: type[O]) -> O:
        """The one object of a type that has only one (``global``, ``system``), or one of defaults."""
        table = self._tables[cls]
        return cast("O", next(iter(table.objects.values()), None) or table.default())

    def get_staged(self, cls: type[O], item_id: str) -> O | None:
        """The object with the current batch's uncommitted changes."""
        table = self._tables[cls]
        if item_id in table.staged:
            return cast("O | None", table.staged[item_id])
        return cast("O | None", table.objects.get(item_id))

    def find_staged(self, cls: type[O], index: str, value: object) -> list[O]:
        """Like :meth:`find`, with the current batch's uncommitted changes."""
        return cast("list[O]", self._tables[cls].find_staged(index, value))

    async def retrieve(self, cls: type[O], item_id: str) -> O | None:
        """The object, asking the backends when memory cannot tell."""
        found = self.get(cls, item_id)
        if isinstance(found, Missing):
            if found is Missing.ABSENT:
                return None
            return cast("O | None", await self._tables[cls].retrieve(item_id))
        return found

    async def retrieve_by(self, cls: type[O], **fields: Any) -> list[O]:
        """Objects with all these attribute values."""
        return cast("list[O]", await self._tables[cls].retrieve_by(fields))

    # Writing

    def create_now(self, item: ConfiguredObject) -> None:
        """Add an object in the current batch. Raises :class:`DataError` if its id is taken."""
        if self.get_staged(type(item), item.id) is not None:
            raise DataError(f"there is already a {item.TYPE} '{item.id}'")
        self._change(type(item), item.id, item)

    def update_now(self, item: ConfiguredObject) -> None:
        """Replace an object in the current batch. Raises :class:`DataError` if there is none."""
        if self.get_staged(type(item), item.id) is None:
            raise DataError(f"there is no {item.TYPE} '{item.id}'")
        self._change(type(item), item.id, item)

    def delete_now(self, item: ConfiguredObject) -> None:
        """Remove an object in the current batch; one that is gone already is no error."""
        if self.get_staged(type(item), item.id) is not None:
            self._change(type(item), item.id, None)

    def _change(self, cls: type[ConfiguredObject], item_id: str, item: ConfiguredObject | None) -> None:
        table = self._tables[cls]
        backend = table.writer(item_id)
        if backend is None:
            raise DataError(f"no backend of {cls.TYPE} takes changes of '{item_id}'")
        store = self.store
        if item is None:
            backend.remove(item_id)
        else:
            backend.save(item)
        if store is None or not backend.durable:
            table.apply(item_id, item, backend)
            return
        table.staged[item_id] = item
        store.after_commit(table.commit_staged, item_id, item, backend)
        store.undo(table.drop_staged, item_id)

    async def create(self, item: ConfiguredObject) -> None:
        """Add an object; returns when it is committed. Raises :class:`DataError`."""
        self.create_now(item)
        await self._committed(item)

    async def update(self, item: ConfiguredObject) -> None:
        """Replace an object; returns when it is committed. Raises :class:`DataError`."""
        self.update_now(item)
        await self._committed(item)

    async def delete(self, item: ConfiguredObject) -> None:
        """Remove an object; returns when that is committed. Raises :class:`DataError`."""
        self.delete_now(item)
        await self._committed(item)

    async def _committed(self, item: ConfiguredObject) -> None:
        if self.store is None or not self.store.in_batch:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.store.after_commit(_finish, done, None)
        self.store.on_failure(_finish, done, DataError(f"{item.TYPE} '{item.id}' could not be stored"))
        await done

    # Observing

    def observe(self, cls: type[O], observer: Callable[[Change[O]], None]) -> Callable[[], None]:
        """Call ``observer(change)`` after each committed add, change or removal; return the undo.

        Loading tells observers too. An observer must be quick; what it raises is logged.
        """
        observers = self._tables[cls].observers
        entry = cast("Observer", observer)
        observers.append(entry)
        return self.owner.on_release(lambda: observers.remove(entry) if entry in observers else None)

    def unclaimed(self, path: str = "pjsip.conf") -> Iterable[ConfigError]:
        """Sections of ``path`` whose ``type`` no registered type has, for ``asterism check``."""
        known = {cls.TYPE.lower() for cls in self._tables}
        for section in self.files.get(path) or ():
            kind = section.get("type", section.name).lower()
            if kind not in known:
                yield ConfigError(f"section '{section.name}' has an unknown type '{kind}'", section.position, "type")


def _forget(table: dict[Any, Any], key: object) -> None:
    table.pop(key, None)


def _finish(done: asyncio.Future[None], error: DataError | None) -> None:
    if not done.done():
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
