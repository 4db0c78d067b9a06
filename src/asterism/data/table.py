"""The objects of one type in memory: committed, staged, and indexed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from asterism.core.errors import ConfigError
from asterism.data.backends import Backend, Objects
from asterism.data.options import ConfiguredObject

T = TypeVar("T", bound=ConfiguredObject)


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What happened to an object; ``old`` is ``None`` when added, ``new`` is ``None`` when removed."""

    kind: Literal["added", "changed", "removed"]
    old: T | None
    new: T | None

    @property
    def item(self) -> T:
        """The object as it is now, or as it was when it was removed."""
        item = self.new or self.old
        assert item is not None
        return item


Observer = Callable[[Change[Any]], None]


class Table:
    """One type's objects; ``Data`` is its only user."""

    def __init__(self, cls: type[ConfiguredObject], log: logging.Logger) -> None:
        self.cls = cls
        self.log = log
        self.backends: list[Backend] = []
        self.loaded = False
        self.complete = True
        self.objects: Objects = {}
        self.staged: dict[str, ConfiguredObject | None] = {}
        self.observers: list[Observer] = []
        self.indexes: dict[str, dict[object, Objects]] = {name: {} for name in cls.INDEXES}
        self._origin: dict[str, Backend] = {}
        self._default: ConfiguredObject | None = None

    def default(self) -> ConfiguredObject:
        """An object of defaults, always the same one."""
        if self._default is None:
            self._default = self.cls(self.cls.TYPE)
        return self._default

    def load(self, errors: list[ConfigError]) -> int:
        """Take what the backends have; return how many objects changed.

        Where two backends have an object, the first one's counts. A durable backend is read
        once: from then on this table is what it contains.
        """
        fresh: dict[str, tuple[ConfiguredObject, Backend]] = {}
        for backend in self.backends:
            previous = {key: item for key, item in self.objects.items() if self._origin.get(key) is backend}
            if self.loaded and (backend.durable or not backend.complete):
                found = previous
            else:
                loaded = backend.load(previous)
                errors.extend(loaded.errors)
                found = loaded.objects
            for key, item in found.items():
                fresh.setdefault(key, (item, backend))
        self.complete = all(backend.complete for backend in self.backends)
        self.loaded = True
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

    def writer(self, item_id: str) -> Backend | None:
        """The backend that takes changes of an object: its own, else the first that takes any."""
        origin = self._origin.get(item_id)
        if origin is not None:
            return origin if origin.writable else None
        return next((backend for backend in self.backends if backend.writable), None)

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
            if old is not None and (item is None or before != after):
                group = index[before]
                del group[key]
                if not group:
                    del index[before]
            if item is not None:
                index.setdefault(after, {})[key] = item
        if self.observers:
            self._tell(old, item)

    def _tell(self, old: ConfiguredObject | None, new: ConfiguredObject | None) -> None:
        change: Change[ConfiguredObject]
        change = Change("added" if old is None else "removed" if new is None else "changed", old, new)
        for observer in tuple(self.observers):
            try:
                observer(change)
            except Exception:
                self.log.exception("an observer of %s objects failed", self.cls.TYPE)

    def commit_staged(self, key: str, item: ConfiguredObject | None, backend: Backend) -> None:
        """The batch that made this change is committed."""
        if key in self.staged and self.staged[key] is item:
            del self.staged[key]
        self.apply(key, item, backend)

    def drop_staged(self, key: str) -> None:
        """The batch that made this change failed."""
        self.staged.pop(key, None)

    def find_staged(self, index: str, value: object) -> list[ConfiguredObject]:
        """Objects of an index with staged changes applied."""
        committed = self.indexes[index].get(value, {})
        if not self.staged:
            return list(committed.values())
        found = {key: item for key, item in committed.items() if key not in self.staged}
        staged = self.staged.items()
        found.update({key: item for key, item in staged if item is not None and getattr(item, index) == value})
        return list(found.values())

    async def retrieve(self, item_id: str) -> ConfiguredObject | None:
        """Ask the backends that do not keep everything in memory; remember what they answer."""
        for backend in self.backends:
            if not backend.complete:
                item = await backend.retrieve(item_id)
                if item is not None:
                    self.apply(item_id, item, backend)
                    return item
        return self.objects.get(item_id)

    async def retrieve_by(self, fields: Mapping[str, Any]) -> list[ConfiguredObject]:
        """Objects with these attribute values, from memory and from backends that are asked."""
        found = {
            key: item
            for key, item in self.objects.items()
            if all(getattr(item, name) == value for name, value in fields.items())
        }
        for backend in self.backends:
            if not backend.complete:
                for item in await backend.retrieve_by(fields):
                    found.setdefault(item.id, item)
        return list(found.values())
