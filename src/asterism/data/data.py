"""``Data``: every typed object of a server, answered from memory.

Memory shows committed state only. A change made by :meth:`Data.create_now` and its like is
*staged* until the store's commit; whoever makes several changes in one batch (the registrar) reads them
back with :meth:`Data.get_staged` and :meth:`Data.find_staged`, everybody else sees the change, and observers
hear of it, when it is committed. If the commit fails, it never happened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from asterism.config.file import Option, Section
from asterism.core.errors import ConfigError, Position
from asterism.core.module import Subsystem
from asterism.core.registry import Owner
from asterism.core.test_events import TestEvents
from asterism.data.backends import Backend, ConfigBackend, Files
from asterism.data.cache import Cache, Missing
from asterism.data.errors import DataError, DataUnavailableError
from asterism.data.options import ConfiguredObject, OptionSpec
from asterism.data.sources import BackendFactory, Sources, words_of
from asterism.data.store import Store
from asterism.data.table import Change, Observer, Table
from asterism.data.writes import RemoteWrites

__all__ = ["Change", "Data", "DataError", "DataUnavailableError", "Missing", "Observer", "ReloadReport"]

O = TypeVar("O", bound=ConfiguredObject)  # noqa: E741 - an object
MAX_REMARKS = 20
"""Remarks on single objects that one load writes to the log."""
_OFF = frozenset(("", "no", "none", "off", "false", "0"))
MAX_STAGED = 2000
"""Most changes of a type that may wait for a slow or locked backend; further requests are refused."""


@dataclass(slots=True)
class ReloadReport:
    """The result of a load: ``errors`` and ``warnings`` with file and line, how many objects of each type changed."""

    errors: list[ConfigError] = field(default_factory=list)
    warnings: list[ConfigError] = field(default_factory=list)
    changes: dict[str, int] = field(default_factory=dict)


class _State:
    """State shared by all bound views of one ``Data``."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.tables: dict[type[ConfiguredObject], Table] = {}
        self.writes: dict[Backend, RemoteWrites] = {}
        self.told: set[str] = set()


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
        allow_exec: bool | None = False,
        test_events: TestEvents | None = None,
    ) -> None:
        self.owner = owner
        self.test_events = test_events
        self.log = log
        self.store = store
        self.files = Files(root, allow_exec)
        self._state = _State(Sources(self.files, store))
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
        factories = self._state.sources.factories
        factories[name] = factory
        self.owner.on_release(partial(_forget, factories, name))

    def add_source(self, cls: type[ConfiguredObject], source: str) -> None:
        """Have a type's objects come from this backend too, until the owner is released.

        ``source`` is written as in ``sorcery.conf``. It is asked after all others, whatever ``sorcery.conf`` says:
        where they have an object of the same id, theirs counts.
        """
        self._state.sources.added.setdefault(cls, []).append(source)
        table = self._tables.get(cls)
        if table is not None and table.loaded:
            backend = self._state.sources.backend(cls, source)
            if backend is not None:
                table.backends.append(backend)
                table.stale = True
        self.owner.on_release(partial(self._remove_source, cls, source))

    def _remove_source(self, cls: type[ConfiguredObject], source: str) -> None:
        self._state.sources.added[cls].remove(source)
        table = self._tables.get(cls)
        if table is not None:
            table.withdraw(words_of(source)[0])

    def places(self, cls: type[ConfiguredObject], apart: str = "") -> Mapping[str, Position | None]:
        """The ids of a type's objects with their places in files, those of the backends ``apart`` left out.

        ``apart/x`` is such a backend, too. Of what is in files also that which was not loaded yet, or is refused.
        """
        table = self._tables.get(cls)
        found: dict[str, Position | None] = {}
        for backend in () if table is None else table.backends:
            if _main_name(backend) != apart:
                for key, position in backend.places().items():
                    found.setdefault(key, position)
        for key, item in () if table is None else table.objects.items():
            origin = table.origin(key) if table is not None else None
            if origin is not None and _main_name(origin) not in (apart, ConfigBackend.name):
                found.setdefault(key, item.position)
        return found

    def elsewhere(self, cls: type[O], apart: str) -> list[O]:
        """A type's objects as the files of other backends than ``apart`` have them now, loaded already or not.

        What is wrong with them is told when they are loaded.
        """
        table = self._tables.get(cls)
        found: list[O] = []
        for backend in () if table is None else table.backends:
            if backend.name != apart and not backend.remote and not backend.durable:
                found.extend(cast("Iterable[O]", backend.load({}).objects.values()))
        return found

    def types(self) -> list[type[ConfiguredObject]]:
        """Every registered type."""
        return list(self._tables)

    def _open(self, table: Table, report: ReloadReport) -> None:
        """Make a table's backends and, before those that have to be waited for, its cache."""
        sources = self._state.sources
        table.backends = sources.backends(table.cls, report.errors)
        options = sources.cache_options(table.cls, report.errors)
        remote = [backend for backend in table.backends if backend.remote]
        if remote:
            table.cache = Cache(table, options)
            table.cache.tests = self.test_events
        for backend in remote:
            self._state.writes[backend] = RemoteWrites(table, backend, self.log)

    def caches(self) -> list[Cache]:
        """The caches before databases, of the types that come from any."""
        return [table.cache for table in self._tables.values() if table.cache is not None]

    # Loading

    def load(self) -> ReloadReport:
        """Read the objects of every type not loaded yet; log and return what was wrong."""
        return self._load([table for table in self._tables.values() if not table.loaded or table.stale])

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
                self._open(table, report)
        for table in tables:
            count = table.load(report.errors, report.warnings)
            if table.cache is not None:
                table.cache.reloaded()
            if count:
                report.changes[table.cls.TYPE] = count
        report.errors[:0] = self.files.problems[known:]
        for error in report.errors:
            self.log.error("%s", error)
        for warning in report.warnings:
            if warning.message not in self._state.told:
                self._state.told.add(warning.message)
                self.log.warning("%s", warning)
        for note in self.without_effect([table.cls for table in tables]):
            # Once per server: a reload has nothing new to say.
            if note.message not in self._state.told:
                self._state.told.add(note.message)
                self.log.warning("%s", note)
        told = 0
        for note in self.remarks([table.cls for table in tables]):
            told += 1
            if told <= MAX_REMARKS and note.message not in self._state.told:
                self._state.told.add(note.message)
                self.log.warning("%s", note)
        if told > MAX_REMARKS:
            self.log.warning("and %d more remarks of this kind: see asterism check", told - MAX_REMARKS)
        return report

    # Reading

    def get(self, cls: type[O], item_id: str) -> O | Missing:
        """The object, from memory."""
        table = self._tables[cls]
        # Any: a cast is a call, and this is on every path.
        found: Any = table.objects.get(item_id)
        if table.cache is not None:
            found = table.cache.check(item_id, found)
        elif found is None:
            return Missing.ABSENT
        answer: O | Missing = found
        return answer

    def get_each(self, cls: type[O], names: Iterable[str]) -> list[O] | None:
        """The objects that there are of these names, from memory; ``None`` when it cannot tell of one."""
        table = self._tables[cls]
        objects, cache = table.objects, table.cache
        found: list[Any] = []
        for name in names:
            item: Any = objects.get(name)
            if cache is not None:
                item = cache.check(name, item)
                if item is Missing.NOT_LOADED:
                    return None
                if item is Missing.ABSENT:
                    continue
            if item is not None:
                found.append(item)
        return found

    def first(self, cls: type[O], names: Sequence[str]) -> O | Missing:
        """The first object that exists under one of these names, from memory.

        Whether an earlier name still has no object is checked in the background, like changes of an object. Only when
        none of the names has an object are the backends asked first.
        """
        table = self._tables[cls]
        objects, cache = table.objects, table.cache
        if cache is None:
            for name in names:
                if name in objects:
                    there: Any = objects[name]
                    answer: O = there
                    return answer
            return Missing.ABSENT
        doubtful: list[str] = []
        for name in names:
            found = cache.check(name, objects.get(name))
            if found is Missing.NOT_LOADED:
                if not cache.was_absent(name):
                    return found
                doubtful.append(name)
            elif found is not Missing.ABSENT:
                for each in doubtful:
                    cache.refresh(each)
                return cast("O", found)
        return Missing.NOT_LOADED if doubtful else Missing.ABSENT

    def find(self, cls: type[O], index: str, value: object) -> list[O]:
        """Objects whose attribute ``index`` (one of ``cls.INDEXES``) is ``value``, oldest first."""
        return cast("list[O]", list(self._tables[cls].indexes[index].get(value, {}).values()))

    def group(self, cls: type[O], index: str, value: object) -> Mapping[str, O]:
        """The objects that :meth:`find` returns, by id, not copied: read it only, and before the next change."""
        return cast("Mapping[str, O]", self._tables[cls].indexes[index].get(value, {}))

    def all(self, cls: type[O]) -> list[O]:
        """Every object in memory, in order of definition."""
        return cast("list[O]", list(self._tables[cls].objects.values()))

    def objects(self, cls: type[O]) -> Mapping[str, O]:
        """The objects in memory by id, to be looked at only; always the same mapping, which follows every change."""
        return cast("Mapping[str, O]", self._tables[cls].objects)

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
        staged = table.staged
        found: Any = staged[item_id] if item_id in staged else table.objects.get(item_id)
        answer: O | None = found
        return answer

    def find_staged(self, cls: type[O], index: str, value: object) -> list[O]:
        """Like :meth:`find`, with the current batch's uncommitted changes."""
        table = self._tables[cls]
        # Any: a cast is a call.
        found: Any = table.indexes[index].get(value, {})
        if table.staged:
            found = found.copy()
            for key, item in table.staged.items():
                found.pop(key, None)
                if item is not None and getattr(item, index) == value:
                    found[key] = item
        return list(found.values())

    async def retrieve(self, cls: type[O], item_id: str) -> O | None:
        """The object, asking the backends when memory cannot tell; what it refers to is in memory then, too.

        Raises :class:`DataUnavailableError` when it cannot be known whether there is one.
        """
        found = self.get(cls, item_id)
        item = None if isinstance(found, Missing) else found
        cache = self._tables[cls].cache
        if found is Missing.NOT_LOADED and cache is not None:
            item = cast("O | None", await cache.retrieve(item_id))
        if item is not None and cls.REFERENCES:
            await self._retrieve_references(item)
        return item

    async def retrieve_first(self, cls: type[O], names: Sequence[str]) -> O | None:
        """The first object there is of these names, asking for all of them at once; see :meth:`retrieve`."""
        cache = self._tables[cls].cache
        if cache is not None:
            asked = [name for name in names if self.get(cls, name) is Missing.NOT_LOADED]
            await asyncio.gather(*map(cache.retrieve, asked))
        for name in names:
            item = await self.retrieve(cls, name)
            if item is not None:
                return item
        return None

    async def _retrieve_references(self, *items: ConfiguredObject) -> None:
        """Bring what objects refer to into memory. What is not to be had now is asked again when it is used."""
        missing: list[Any] = []
        for cls, attribute in self._references(type(items[0])):
            cache = self._tables[cls].cache
            if cache is not None and not cache.complete:
                wanted = {name: None for item in items for name in getattr(item, attribute)}
                missing += [cache.retrieve(name) for name in wanted if self.get(cls, name) is Missing.NOT_LOADED]
        if missing:
            await asyncio.gather(*missing, return_exceptions=True)

    def _references(self, cls: type[ConfiguredObject]) -> list[tuple[type[ConfiguredObject], str]]:
        """The types that objects of a type refer to, with the attribute that has the names."""
        by_type = {each.TYPE: each for each in self._tables}
        return [(by_type[kind], attribute) for attribute, kind in cls.REFERENCES.items() if kind in by_type]

    def in_memory(self, cls: type[ConfiguredObject]) -> bool:
        """Whether memory has every object of a type."""
        cache = self._tables[cls].cache
        return cache is None or cache.complete

    def embedded(self, cls: type[ConfiguredObject]) -> bool:
        """Whether changes of a type are durable, or refused, when the loop turns: no database is waited for."""
        return self._tables[cls].cache is None

    def forget(self, cls: type[ConfiguredObject], item_id: str) -> bool:
        """Have memory be without an object that a database has, until it is used again; whether there was one."""
        cache = self._tables[cls].cache
        return cache is not None and cache.forget(item_id)

    def expire(self, cls: type[ConfiguredObject], item_id: str) -> bool:
        """Have an object be read from its database before it is used again; whether there is one."""
        cache = self._tables[cls].cache
        return cache is not None and cache.expire(item_id)

    def request(self, cls: type[ConfiguredObject], item_id: str) -> None:
        """Have an object brought into memory in the background; observers hear when it is there."""
        cache = self._tables[cls].cache
        if cache is not None:
            cache.request(item_id)

    async def retrieve_all(self, cls: type[O]) -> list[O]:
        """Every object, those included that only a database has; what cannot be read now is missing."""
        cache = self._tables[cls].cache
        if cache is not None and not cache.complete:
            await cache.populate()
        return self.all(cls)

    async def populate(self, *caches: Cache) -> bool:
        """Read everything that caches stand for, and what it refers to; return whether every backend answered."""
        done = [await cache.populate() for cache in caches]
        for cache in caches:
            if cache.full and cache.table.objects:
                await self._retrieve_references(*cache.table.objects.values())
        return all(done)

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

    def put_now(self, item: ConfiguredObject) -> None:
        """Add or replace an object in the current batch. Raises :class:`DataError` if no backend takes it."""
        self._change(type(item), item.id, item)

    def delete_now(self, item: ConfiguredObject) -> None:
        """Remove an object in the current batch; one that is gone already is no error."""
        if self.get_staged(type(item), item.id) is not None:
            self._change(type(item), item.id, None)

    def change_now(self, put: Iterable[ConfiguredObject], deleted: Iterable[ConfiguredObject] = ()) -> None:
        """Remove and add or replace objects in the current batch, all of them or none.

        Raises :class:`DataError` if a backend does not take one of the changes, or too many wait for it already.
        """
        tables = self._tables
        changes: list[tuple[Table, Backend, str, ConfiguredObject | None]] = []
        for item in deleted:
            table = tables[type(item)]
            if self.get_staged(type(item), item.id) is not None:
                changes.append((table, table.needed_writer(item.id), item.id, None))
        for item in put:
            table = tables[type(item)]
            if len(table.staged) >= MAX_STAGED:
                raise DataError(f"{len(table.staged)} changes of {item.TYPE} objects wait to be written")
            backend = table.needed_writer(item.id)
            backend.check(item)
            changes.append((table, backend, item.id, item))
        for change in changes:
            self._make(*change)

    def _change(self, cls: type[ConfiguredObject], item_id: str, item: ConfiguredObject | None) -> None:
        table = self._tables[cls]
        backend = table.needed_writer(item_id)
        if item is not None:
            backend.check(item)
        self._make(table, backend, item_id, item)

    def _make(self, table: Table, backend: Backend, item_id: str, item: ConfiguredObject | None) -> None:
        store = self.store
        if backend.remote:
            self._state.writes[backend].add(item_id, item)
            return
        if item is None:
            backend.remove(item_id)
        else:
            backend.save(item)
        if store is None or not backend.durable:
            table.apply(item_id, item, backend)
            if table.cache is not None:
                table.cache.touched(item_id)
            return
        if table.stage(item_id, item, backend):
            store.after_commit(table.commit, undo=table.roll_back)

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

    def on_settled(
        self,
        cls: type[ConfiguredObject],
        committed: Callable[[], object],
        failed: Callable[[], object],
        ids: Collection[str] | None = None,
    ) -> None:
        """Call ``committed()`` once what was changed of a type so far is durable, ``failed()`` if it cannot be.

        At once where nothing waits to be written. ``ids`` names the objects that the caller depends on: what others
        have changed, and a database does not take, does not matter then, and their changes are made all or none.
        """
        table = self._tables[cls]
        backend = None if table.cache is None else table.writer("")
        if backend is not None and backend.remote:
            self._state.writes[backend].on_settled(committed, failed, ids)
        elif self.store is None:
            committed()
        else:
            self.store.after_commit(committed, failed=failed)

    async def _committed(self, item: ConfiguredObject) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        error = DataError(f"{item.TYPE} '{item.id}' could not be stored")
        backend = self._tables[type(item)].writer(item.id)
        if backend is not None and backend.remote:
            self._state.writes[backend].on_settled(
                partial(_finish, done, None), partial(_finish, done, error), (item.id,)
            )
        elif self.store is None or not self.store.in_batch:
            return
        else:
            self.store.after_commit(_finish, done, None, failed=partial(_finish, done, error))
        await done

    async def drain(self) -> None:
        """Wait until the databases have confirmed, or refused, every change."""
        for writes in self._state.writes.values():
            await writes.drain()

    # Observing

    def observe(self, cls: type[O], observer: Callable[[Change[O]], None]) -> Callable[[], None]:
        """Call ``observer(change)`` after each committed add, change or removal; return the undo.

        Loading tells observers too. An observer must be quick; what it raises is logged.
        """
        observers = self._tables[cls].observers
        entry = cast("Observer", observer)
        observers.append(entry)
        return self.owner.on_release(lambda: observers.remove(entry) if entry in observers else None)

    def without_effect(self, types: Iterable[type[ConfiguredObject]] | None = None) -> Iterable[ConfigError]:
        """Options that were set in files and do nothing, each once per type, with the reason.

        Switching off what is not there asks for nothing and is left out, and so is switching on what is always on.
        """
        for cls in self._tables if types is None else types:
            left = {spec.name for spec in cls.OPTIONS if spec.no_effect}
            for option in self._options_of(cls) if left else ():
                spec = cls.spec(option.name)
                if spec is not None and spec.name in left and _asks(spec, option.value):
                    left.discard(spec.name)
                    text = (
                        f"{cls.LABEL or cls.TYPE} option '{spec.name}' is accepted and has no effect: {spec.no_effect}"
                    )
                    yield ConfigError(text, option.position, spec.name)

    def remarks(self, types: Iterable[type[ConfiguredObject]] | None = None) -> Iterable[ConfigError]:
        """The remarks of the objects in memory (:meth:`ConfiguredObject.remark`)."""
        for cls in self._tables if types is None else types:
            if cls.remark is ConfiguredObject.remark:
                continue
            for item in self._tables[cls].objects.values():
                text = item.remark(self)
                if text:
                    yield ConfigError(f"{cls.TYPE} '{item.id}': {text}", item.position)

    def _options_of(self, cls: type[ConfiguredObject]) -> Iterable[Option]:
        for backend in self._tables[cls].backends:
            yield from backend.options()

    def unclaimed(self, path: str = "pjsip.conf") -> Iterable[Section]:
        """Sections of ``path`` whose ``type`` no registered type has, for ``asterism check``."""
        known = {
            cls.TYPE.lower()
            for cls in self._tables
            if not cls.SOURCES or any(path in source.split(",") for source in cls.SOURCES)
        }
        for section in self.files.get(path) or ():
            kind = section.get("type", section.name).lower()
            if kind not in known:
                yield section


def _main_name(backend: Backend) -> str:
    return backend.name.partition("/")[0]


def _forget(table: dict[Any, Any], key: object) -> None:
    table.pop(key, None)


def _finish(done: asyncio.Future[None], error: DataError | None) -> None:
    if not done.done():
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _asks(spec: OptionSpec, value: str) -> bool:
    """Whether a value of an option without effect asks for something else than what happens."""
    off = value.strip().lower() in _OFF
    return off if spec.default is True else not off
