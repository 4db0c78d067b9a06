"""The objects of one type in memory: committed, staged, and indexed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Literal, TypeVar

from asterism.core.containment import attempt
from asterism.core.errors import ConfigError
from asterism.data.backends import Backend, Objects
from asterism.data.cache import Cache
from asterism.data.errors import DataError, DataUnavailableError
from asterism.data.options import ConfiguredObject

T = TypeVar("T", bound=ConfiguredObject)


class Change(Generic[T]):
    """The addition, change or removal of an object.

    Attributes:
        kind: in one word.
        item: the object as it is now, or as it was when it was removed.
        old: as it was before; ``None`` when it was added.
        new: as it is now; ``None`` when it was removed.
    """

    __slots__ = ("item", "kind", "new", "old")

    kind: Literal["added", "changed", "removed"]

    def __init__(self, old: T | None, new: T | None) -> None:
        item = old if new is None else new
        assert item is not None
        self.item: T = item
        self.old = old
        self.new = new
        self.kind = "added" if old is None else "removed" if new is None else "changed"


Observer = Callable[[Change[Any]], None]
Staged = tuple[str, ConfiguredObject | None, Backend]
"""A change that is not committed yet: the id, the object (``None``: removed) and where it is kept."""


class Table:
    """One type's objects; ``Data`` is its only user."""

    def __init__(self, cls: type[ConfiguredObject], log: logging.Logger) -> None:
        self.cls = cls
        self.log = log
        self.backends: list[Backend] = []
        self.loaded = False
        self.stale = False
        """Whether a backend has come since it was loaded."""
        self.cache: Cache | None = None
        """The cache, for a type with a remote backend."""
        self.objects: Objects = {}
        self.staged: dict[str, ConfiguredObject | None] = {}
        self.observers: list[Observer] = []
        self.indexes: dict[str, dict[object, Objects]] = {name: {} for name in cls.INDEXES}
        self._batch: list[Staged] = []
        """Changes staged in the store's batch, in order."""
        self._origin: dict[str, Backend] = {}
        self._local: dict[Backend, Objects] = {}
        self._reported: set[int] = set()
        """Hashes of the texts: they may be long."""
        self._default: ConfiguredObject | None = None

    def default(self) -> ConfiguredObject:
        """An object of defaults, always the same one."""
        if self._default is None:
            self._default = self.cls(self.cls.TYPE)
        return self._default

    def load(self, errors: list[ConfigError], warnings: list[ConfigError]) -> int:
        """Take what the backends have, and tell what is wrong; return how many objects changed.

        Where two backends have an object, the first one's counts. A durable backend is read
        once: from then on this table is what it contains.
        """
        fresh: dict[str, tuple[ConfiguredObject, Backend]] = {}
        for backend in self.backends:
            previous = {key: item for key, item in self.objects.items() if self._origin.get(key) is backend}
            if backend.remote or (self.loaded and backend.durable):
                found = previous
            else:
                loaded = backend.load(previous)
                errors.extend(loaded.errors)
                warnings.extend(loaded.warnings)
                found = loaded.objects
            if self.cache is not None and not backend.remote:
                self._local[backend] = found
            for key, item in found.items():
                fresh.setdefault(key, (item, backend))
        self.loaded, self.stale = True, False
        changed = 0
        for key in [key for key in self.objects if key not in fresh]:
            self.apply(key, None, None)
            changed += 1
        for key, (item, backend) in fresh.items():
            known = self.objects.get(key)
            if known is item:
                continue
            if known is None or not known.same_options(item):
                self.apply(key, item, backend)
                changed += 1
            else:
                # Only its place in the file may differ: nobody needs to hear of that.
                known.position = item.position
                self._origin[key] = backend
        return changed

    def withdraw(self, name: str) -> None:
        """Do without the backends of a name, and without their objects."""
        gone = [backend for backend in self.backends if backend.name == name]
        self.backends = [backend for backend in self.backends if backend not in gone]
        for key in [key for key, origin in self._origin.items() if origin in gone]:
            self.apply(key, None, None)

    def writer(self, item_id: str) -> Backend | None:
        """The backend that takes changes of an object: its own, else the first that takes any."""
        origin = self._origin.get(item_id)
        if origin is not None:
            return origin if origin.writable else None
        for backend in self.backends:
            if backend.writable:
                return backend
        return None

    def needed_writer(self, item_id: str) -> Backend:
        """The same. Raises :class:`~asterism.data.errors.DataError` if there is none."""
        origin = self._origin.get(item_id)
        backend = origin if origin is not None and origin.writable else self.writer(item_id)
        if backend is None:
            raise DataError(f"no backend of {self.cls.TYPE} takes changes of '{item_id}'")
        return backend

    def apply(self, key: str, item: ConfiguredObject | None, backend: Backend | None) -> None:
        """Make a change visible and tell observers."""
        old = self.objects.get(key)
        if item is None:
            if old is None:
                return
            del self.objects[key]
            self._origin.pop(key, None)
        else:
            self.objects[key] = item
            if backend is not None:
                self._origin[key] = backend
        for name, index in self.indexes.items():
            before = None if old is None else getattr(old, name)
            after = None if item is None else getattr(item, name)
            if old is not None and item is not None and before == after:
                index[after][key] = item
                continue
            if old is not None:
                group = index[before]
                del group[key]
                if not group:
                    del index[before]
            if item is not None:
                index.setdefault(after, {})[key] = item
        if not self.observers:
            return
        change = Change(old, item)
        for observer in tuple(self.observers):
            attempt(self.log, f"an observer of {self.cls.TYPE} objects", None, observer, change)

    def stage(self, key: str, item: ConfiguredObject | None, backend: Backend) -> bool:
        """Note a change that the store's batch makes; whether it is the first one in it, to be ended with the batch."""
        self.staged[key] = item
        self._batch.append((key, item, backend))
        return len(self._batch) == 1

    def commit(self) -> None:
        """The store's batch is committed: its changes become visible, one after the other."""
        batch, self._batch = self._batch, []
        self.commit_staged(batch)

    def roll_back(self) -> None:
        """The store's batch failed."""
        batch, self._batch = self._batch, []
        self.drop_failed(batch)

    def commit_staged(self, batch: Iterable[Staged]) -> None:
        """These changes are committed; later ones of the same objects may be under way."""
        staged = self.staged
        for key, item, backend in batch:
            if key in staged and staged[key] is item:
                del staged[key]
            self.apply(key, item, backend)
            if self.cache is not None:
                self.cache.touched(key)

    def drop_failed(self, batch: Iterable[Staged]) -> None:
        """These changes failed; later ones of the same objects may be under way."""
        staged = self.staged
        for key, item, _ in batch:
            if key in staged and staged[key] is item:
                del staged[key]

    async def retrieve_by(self, fields: Mapping[str, Any]) -> list[ConfiguredObject]:
        """Objects with these attribute values, from memory and from backends that are asked."""
        found = {
            key: item
            for key, item in self.objects.items()
            if all(getattr(item, name) == value for name, value in fields.items())
        }
        failure: DataUnavailableError | None = None
        for backend in self.backends:
            if backend.remote:
                try:
                    loaded = await backend.fetch_by(fields, self.objects)
                except DataUnavailableError as error:
                    failure = error
                    continue
                self.report(loaded.errors)
                for item in loaded.objects.values():
                    found.setdefault(item.id, item)
        if failure is not None and not found:
            raise failure
        return list(found.values())

    # For the cache.

    def origin(self, key: str) -> Backend | None:
        """The backend an object in memory came from."""
        return self._origin.get(key)

    def remote_before(self, backend: Backend) -> bool:
        """Whether a remote backend comes before this one in order."""
        return any(other.remote for other in self.backends[: self.backends.index(backend)])

    def take(self, key: str, item: ConfiguredObject, backend: Backend) -> None:
        """An object as a remote backend has it now; observers hear of it if it changed."""
        known = self.objects.get(key)
        if known is not None and (known is item or known.same_options(item)):
            self._origin[key] = backend
            if known is not item and hasattr(item, "mark"):
                known.mark = item.mark
        else:
            self.apply(key, item, backend)

    def fall_back(self, key: str) -> bool:
        """No remote backend has an object any more: take the first file's that has it, else drop it."""
        for backend, objects in self._local.items():
            item = objects.get(key)
            if item is not None:
                self.take(key, item, backend)
                return True
        self.apply(key, None, None)
        return False

    def evict(self, key: str) -> None:
        """Take an object out of memory that its backend still has: observers are not called."""
        item = self.objects.pop(key)
        self._origin.pop(key, None)
        self._unindex(key, item)

    def _unindex(self, key: str, item: ConfiguredObject) -> None:
        for name, index in self.indexes.items():
            value = getattr(item, name)
            group = index[value]
            del group[key]
            if not group:
                del index[value]

    def report(self, errors: list[ConfigError]) -> None:
        """Log what is wrong with rows, each once: they are read again and again."""
        for error in errors:
            text = str(error)
            mark = hash(text)
            if mark not in self._reported and len(self._reported) < 1000:
                self._reported.add(mark)
                self.log.error("%s", text)
