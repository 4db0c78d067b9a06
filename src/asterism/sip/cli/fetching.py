"""Listings of objects that are in databases: what is not in memory is read first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

from asterism.data.data import Data
from asterism.data.errors import DataUnavailableError
from asterism.data.options import ConfiguredObject

T = TypeVar("T")
Types = Iterable[type[ConfiguredObject]]


def when_there(data: Data, types: Types, show: Callable[[], T], names: Iterable[str] = ()) -> T | Awaitable[T]:
    """``show()`` at once, or once all objects of these types (or those of these names) were read.

    What a database cannot tell now is missing.
    """
    missing = [cls for cls in types if not data.in_memory(cls)]
    return _later(data, missing, show, tuple(names)) if missing else show()


async def _later(data: Data, types: Types, show: Callable[[], T], names: tuple[str, ...]) -> T:
    for cls in types:
        try:
            for name in names:
                await data.retrieve(cls, name)
            if not names:
                await data.retrieve_all(cls)
        except DataUnavailableError:
            continue
    return show()


def needs(*types: type[ConfiguredObject], field: str = "") -> Callable[[Any], Any]:
    """Decorate a manager action that lists objects of these types, or shows the one that ``field`` names."""

    def decorate(method: Callable[[Any, Any], None]) -> Callable[[Any, Any], Awaitable[None] | None]:
        @wraps(method)
        def run(self: Any, call: Any) -> Awaitable[None] | None:
            names = (call.get(field),) if field else ()
            return when_there(self.server.data, types, lambda: method(self, call), names)

        return run

    return decorate
