"""Backends: where the objects of a type come from and where changes go.

``Data`` asks a backend through the few methods of :class:`Backend`. Three are built in: ``config``
(a file), ``memory`` and ``astdb`` (the embedded store); modules add others by name.
"""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

from asterism.config.errors import flatten
from asterism.config.file import ConfigFile, Option, Section
from asterism.core.errors import ConfigError, Position
from asterism.data.errors import DataError
from asterism.data.kinds import Bool
from asterism.data.options import NO_FIELDS, ConfiguredObject, OptionSpec
from asterism.data.store import LARGEST_INTEGER, Store, text_of

Objects = dict[str, ConfiguredObject]


@dataclass(slots=True)
class Loaded:
    """The content of a backend: ``objects`` by id, ``errors`` for those it had to refuse or keep as they were.

    ``refused`` are the ids that it has and could not make an object of. ``warnings`` are lines without an effect.
    """

    objects: Objects = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)
    warnings: list[ConfigError] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)


class Backend:
    """Base of all backends; one instance serves one type.

    A ``writable`` one takes :meth:`save` and :meth:`remove`, which are synchronous and, when it is
    ``durable``, part of the store's batch. A ``remote`` one has to be waited for: it has the coroutines in place of
    these and of :meth:`load`, and stands behind a :class:`~asterism.data.cache.Cache`. All of them raise
    :class:`~asterism.data.errors.DataUnavailableError` when the backend cannot answer.
    """

    name: ClassVar[str] = ""
    writable: ClassVar[bool] = False
    durable: ClassVar[bool] = False
    remote: ClassVar[bool] = False

    def __init__(self, cls: type[ConfiguredObject]) -> None:
        self.cls = cls

    def load(self, previous: Mapping[str, ConfiguredObject]) -> Loaded:
        """All objects; ``previous`` are those this backend gave last time."""
        return Loaded(dict(previous))

    def options(self) -> Iterable[Option]:
        """The lines that its objects were made of, where they came from files."""
        return ()

    def places(self) -> Mapping[str, Position]:
        """Where its objects are in files, by id: of those too that were not loaded yet, or cannot be."""
        return {}

    def check(self, item: ConfiguredObject) -> None:
        """Raise :class:`~asterism.data.errors.DataError` if an object has a value that the backend cannot keep.

        Called before :meth:`save`, so that such a value fails its own request and not the batch of everybody.
        """

    def save(self, item: ConfiguredObject) -> None:
        """Add or replace an object."""

    def remove(self, item_id: str) -> None:
        """Remove an object."""

    async def fetch(self, keys: Collection[str], known: Mapping[str, ConfiguredObject]) -> Loaded:
        """The objects with these ids, as far as there are any; ``known`` is what memory has."""
        return Loaded()

    async def fetch_all(self, known: Mapping[str, ConfiguredObject]) -> Loaded:
        """Every object; ``known`` is what memory has."""
        return Loaded()

    async def fetch_by(self, fields: Mapping[str, Any], known: Mapping[str, ConfiguredObject]) -> Loaded:
        """Objects with these attribute values."""
        return Loaded()

    async def differing(self, known: Mapping[str, ConfiguredObject]) -> set[str]:
        """The ids of objects that are not as ``known``, by their ``VERSION``; those that are gone among them."""
        return set()

    async def write(self, changes: Mapping[str, ConfiguredObject | None]) -> None:
        """Make all changes (``None``: remove), or none; returns once they are durable."""


class MemoryBackend(Backend):
    """Objects that live as long as the server; ``Data`` holds them already."""

    name = "memory"
    writable = True


class Files:
    """Configuration files as read in one load or reload, each read once for all types.

    A file with a syntax error keeps its previous state: :meth:`get` then returns ``None``.
    """

    def __init__(self, root: Path, allow_exec: bool | None = False) -> None:
        self.root = root
        self._allow_exec = allow_exec
        self._current: dict[str, ConfigFile | None] = {}
        self.problems: list[ConfigError] = []

    def whole(self, name: str) -> str:
        """The path of a file that an option names: it counts from the configuration folder. None named is ``""``."""
        return str(self.root / name) if name else ""

    def forget(self) -> None:
        """Start over: the next :meth:`get` of a file reads it again."""
        self._current.clear()
        self.problems = []

    def get(self, name: str) -> ConfigFile | None:
        """The file, absent ones reading as empty, or ``None`` when it has errors (noted in ``problems``)."""
        if name not in self._current:
            try:
                read = ConfigFile.load(self.root / name, root=self.root, allow_exec=self._allow_exec, missing_ok=True)
            except ConfigError as error:
                self.problems.extend(flatten(error))
                self._current[name] = None
            else:
                self.problems.extend(read.warnings)
                self._current[name] = read
        return self._current[name]


class ConfigBackend(Backend):
    """Sections of a file: ``config,pjsip.conf,criteria=type=endpoint[,explicit_name=x]``.

    Without criteria every section counts except ``[general]``. A section of the type's own
    name needs no ``type`` option (``[global]``, ``[system]``).
    """

    name = "config"

    def __init__(self, cls: type[ConfiguredObject], files: Files, arguments: list[str]) -> None:
        super().__init__(cls)
        self._files = files
        self._path = arguments[0] if arguments else "pjsip.conf"
        self._criteria: dict[str, str] = {}
        self._explicit = ""
        for argument in arguments[1:]:
            key, _, value = argument.partition("=")
            if key == "criteria":
                name, _, wanted = value.partition("=")
                self._criteria[name.lower()] = wanted.lower()
            elif key == "explicit_name":
                self._explicit = value

    def load(self, previous: Mapping[str, ConfiguredObject]) -> Loaded:
        file = self._files.get(self._path)
        if file is None:
            return Loaded(dict(previous))
        loaded = Loaded()
        twice: list[ConfigError] = []
        kept: set[str] = set()
        for section in self.sections(file):
            key = self._explicit or section.name
            known = loaded.objects.get(key)
            if known is not None and key not in kept:
                text = (
                    f"{self.cls.TYPE} '{key}' is already defined at {known.position}: which of them counts is unknown, "
                    f"so no {self.cls.TYPE} of this file is taken"
                )
                twice.append(ConfigError(text, section.position))
                continue
            try:
                loaded.objects[key] = self.cls.from_options(key, section.options, section.position)
            except ConfigError as error:
                loaded.errors.extend(flatten(error))
                if key in previous:
                    kept.add(key)
                    loaded.objects[key] = previous[key]
        if twice:
            return Loaded(dict(previous), [*loaded.errors, *twice])
        return loaded

    def options(self) -> Iterable[Option]:
        file = self._files.get(self._path)
        for section in self.sections(file) if file is not None else ():
            yield from section

    def places(self) -> Mapping[str, Position]:
        file = self._files.get(self._path)
        if file is None:
            return {}
        return {self._explicit or section.name: section.position for section in self.sections(file)}

    def sections(self, file: ConfigFile) -> list[Section]:
        """The sections of ``file`` that are objects of this type."""
        return [section for section in file if self._fits(section)]

    def _fits(self, section: Section) -> bool:
        if not self._criteria:
            return section.name.lower() != "general"
        for name, wanted in self._criteria.items():
            option = section.find(name)
            if option is None:
                if name != "type" or section.name.lower() != self.cls.TYPE:
                    return False
            elif option.value.lower() != wanted:
                return False
        return True


class StoreBackend(Backend):
    """The embedded store: one SQL table per type, its columns being the option table's."""

    name = "astdb"
    writable = True
    durable = True

    def __init__(self, cls: type[ConfiguredObject], store: Store) -> None:
        super().__init__(cls)
        self._store = store
        self._table = '"' + cls.TYPE.replace("-", "_") + '"'
        self._specs: list[OptionSpec] = [spec for spec in cls.OPTIONS if spec.into == spec.attribute]
        self._prepare()
        marks = ", ".join("?" * (len(self._specs) + 1))
        self._columns = ", ".join(["id", *(f'"{spec.name}"' for spec in self._specs)])
        self._save = f"INSERT OR REPLACE INTO {self._table} ({self._columns}) VALUES ({marks})"
        self._remove = f"DELETE FROM {self._table} WHERE id = ?"
        self._values = attrgetter("id", *(spec.attribute for spec in self._specs))
        self._converted: list[tuple[int, Callable[[Any], Any]]] = [
            (position, int if isinstance(spec.kind, Bool) else spec.kind.to_column)
            for position, spec in enumerate(self._specs, 1)
            if not spec.kind.native
        ]
        self._numbers = [spec.attribute for spec in self._specs if spec.kind.sql == "INTEGER" and spec.kind.native]

    def _prepare(self) -> None:
        """Make the table, or add the columns of options that are new since it was made."""
        store = self._store
        columns = [f'"{spec.name}" {spec.kind.sql}' for spec in self._specs]
        store.alter(
            [f"CREATE TABLE IF NOT EXISTS {self._table} (id TEXT PRIMARY KEY, {', '.join(columns)}) WITHOUT ROWID"]
        )
        present = {row[1] for row in store.read(f"PRAGMA table_info({self._table})")}
        missing = [
            f"ALTER TABLE {self._table} ADD COLUMN {column}"
            for spec, column in zip(self._specs, columns, strict=True)
            if spec.name not in present
        ]
        if missing:
            store.alter(missing)

    def load(self, previous: Mapping[str, ConfiguredObject]) -> Loaded:
        """All rows; a value that cannot be read any more loses its row, with an error."""
        loaded = Loaded()
        cls = self.cls
        make = cls.__new__
        readers = [
            (getattr(cls, spec.attribute).__set__, None if spec.kind.native else spec.kind.from_column, spec.default)
            for spec in self._specs
        ]
        others = [
            (getattr(cls, name).__set__, value)
            for name, value in cls.defaults().items()
            if cls.spec(name) is None and name not in {spec.attribute for spec in self._specs}
        ]
        for row in self._store.read(f"SELECT {self._columns} FROM {self._table}"):
            item = make(cls)
            item.id = text_of(row[0])
            item.position = None
            item.fields = NO_FIELDS
            for fill, value in others:
                fill(item, value)
            try:
                for (fill, convert, default), value in zip(readers, row[1:], strict=True):
                    if type(value) is bytes:
                        value = text_of(value)
                    if value is None:
                        fill(item, default)
                    else:
                        fill(item, value if convert is None else convert(value, default))
            except (ValueError, TypeError) as error:
                loaded.errors.append(ConfigError(f"stored {cls.TYPE} '{row[0]}' cannot be read: {error}"))
                continue
            item.restored()
            loaded.objects[item.id] = item
        return loaded

    def check(self, item: ConfiguredObject) -> None:
        for name in self._numbers:
            if not -LARGEST_INTEGER <= getattr(item, name) < LARGEST_INTEGER:
                raise DataError(f"{self.cls.TYPE} '{item.id}': {name} is too large a number")

    def save(self, item: ConfiguredObject) -> None:
        row = list(self._values(item))
        for position, convert in self._converted:
            row[position] = convert(row[position])
        self._store.write_last(self._save, row)

    def remove(self, item_id: str) -> None:
        self._store.write_last(self._remove, (item_id,))
