"""Sources: which backends a type has, by ``sorcery.conf``, by the type itself and by modules that add some."""

from __future__ import annotations

from collections.abc import Callable

from asterism.config.errors import flatten
from asterism.config.file import Option
from asterism.core.errors import ConfigError
from asterism.data.backends import Backend, ConfigBackend, Files, MemoryBackend, StoreBackend
from asterism.data.cache_options import CacheOptions
from asterism.data.options import ConfiguredObject
from asterism.data.store import Store

BackendFactory = Callable[[type[ConfiguredObject], list[str]], Backend]
"""Makes a backend for a type, of the arguments that follow its name."""


class Sources:
    """Makes the backends of each type.

    Attributes:
        factories: kinds of backends by name, beside those that are built in.
        added: sources of modules by type, asked after all others.
    """

    def __init__(self, files: Files, store: Store | None) -> None:
        self._files = files
        self._store = store
        self.factories: dict[str, BackendFactory] = {}
        self.added: dict[type[ConfiguredObject], list[str]] = {}
        self._configured: dict[str, list[Option]] | None = None
        self._caches: dict[str, Option] = {}

    def backends(self, cls: type[ConfiguredObject], errors: list[ConfigError]) -> list[Backend]:
        """The backends of a type in the order in which they are asked; what is wrong goes to ``errors``."""
        configured = self._sorcery().get(cls.TYPE.lower())
        sources: list[tuple[str, Option | None]]
        if configured:
            sources = [(option.value, option) for option in configured]
        else:
            sources = [(text, None) for text in cls.SOURCES or (f"config,pjsip.conf,criteria=type={cls.TYPE}",)]
        sources.extend((text, None) for text in self.added.get(cls, ()))
        found: list[Backend] = []
        for text, option in sources:
            try:
                backend = self.backend(cls, text)
            except ConfigError as error:
                unplaced = error.position is None and option is not None
                errors.extend([option.error(error.message)] if unplaced and option else flatten(error))
                continue
            if backend is not None:
                found.append(backend)
            elif option is not None:
                accepted = ", ".join(["config", "memory", "astdb", *self.factories])
                errors.append(option.error(f"there is no backend '{words_of(text)[0]}'", accepted))
        return found

    def backend(self, cls: type[ConfiguredObject], source: str) -> Backend | None:
        """The backend of a source as ``sorcery.conf`` writes it; ``None`` where there is none of its name.

        Raises:
            ConfigError: its arguments are wrong.
        """
        name, arguments = words_of(source)
        if name == "config":
            return ConfigBackend(cls, self._files, arguments)
        if name == "astdb" and self._store is not None:
            return StoreBackend(cls, self._store)
        if name in ("memory", "astdb"):
            return MemoryBackend(cls)
        factory = self.factories.get(name)
        return None if factory is None else factory(cls, arguments)

    def cache_options(self, cls: type[ConfiguredObject], errors: list[ConfigError]) -> CacheOptions:
        """The settings of the cache before a type's slow backends, from its line ``type/cache``."""
        self._sorcery()
        option = self._caches.get(cls.TYPE.lower())
        if option is None:
            return CacheOptions()
        name, arguments = words_of(option.value)
        try:
            if name != "memory_cache":
                raise option.error(f"'{name}' is no cache", "memory_cache[,option=value]...")
            return CacheOptions.parse(filter(None, arguments), option)
        except ConfigError as error:
            errors.append(error)
            return CacheOptions()

    def _sorcery(self) -> dict[str, list[Option]]:
        """``sorcery.conf``: the lines of each type, read once per server (a change needs a restart)."""
        if self._configured is None:
            self._configured = {}
            for section in self._files.get("sorcery.conf") or ():
                for option in section:
                    name, _, variant = option.name.partition("/")
                    # "type/cache" lines configure a cache in front of slow backends, not a source.
                    if variant:
                        self._caches[name.strip().lower()] = option
                    else:
                        self._configured.setdefault(name.strip().lower(), []).append(option)
        return self._configured


def words_of(source: str) -> tuple[str, list[str]]:
    """The name of a backend and its arguments, of a line of ``sorcery.conf``."""
    name, *arguments = (part.strip() for part in source.split(","))
    return name.lower(), arguments
