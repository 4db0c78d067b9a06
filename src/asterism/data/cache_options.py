"""The options of a cache: ``type/cache=memory_cache,...`` in ``sorcery.conf``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asterism.config.values import is_true

if TYPE_CHECKING:
    from asterism.config.file import Option


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """The options of ``type/cache=memory_cache,...`` in ``sorcery.conf``; lifetimes in seconds, 0: no limit.

    Without such a line, objects are refreshed when they are used more than half a minute after they were read.
    """

    name: str = ""
    maximum_objects: int = 0
    object_lifetime_maximum: int = 0
    object_lifetime_stale: int = 30
    full_backend_cache: bool = False
    expire_on_reload: bool = False
    prefetch: bool = False

    @classmethod
    def parse(cls, arguments: Iterable[str], option: Option) -> CacheOptions:
        """Read the words after ``memory_cache``. Raises :class:`~asterism.core.errors.ConfigError`."""
        values: dict[str, str | int | bool] = {"object_lifetime_stale": 0}
        for argument in arguments:
            name, equals, text = (part.strip() for part in argument.partition("="))
            kind = _KINDS.get(name)
            if kind is None:
                raise option.error(f"memory_cache has no option '{name}'", ", ".join(_KINDS))
            if kind is bool:
                values[name] = is_true(text) if equals else True
            elif kind is int:
                if not (text.isascii() and text.isdigit()):
                    raise option.error(f"{name} cannot be '{text}'", "a whole number, 0 or more")
                values[name] = int(text)
            else:
                values[name] = text
        return cls(**values)  # type: ignore[arg-type]


_KINDS: Mapping[str, type] = {
    "name": str,
    "maximum_objects": int,
    "object_lifetime_maximum": int,
    "object_lifetime_stale": int,
    "full_backend_cache": bool,
    "expire_on_reload": bool,
    "prefetch": bool,
}
