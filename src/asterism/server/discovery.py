"""Finding modules: a new file in one of the packages below is found without an edit anywhere else."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from asterism.core.module import Module
from asterism.data.options import ConfiguredObject
from asterism.sip.objects import TYPES

PACKAGES = (
    "asterism.interfaces.logger",
    "asterism.server",
    "asterism.interfaces",
    "asterism.data",
    "asterism.media",
    "asterism.pbx",
    "asterism.sip",
    "asterism.interception",
    "asterism.applications",
    "asterism.chan_sip",
)
"""Where the modules that ship with Asterism are, in the order in which they load when nothing else decides."""

_WITHOUT_MODULES = ("asterism.media.transports.",)
"""What begins so holds none: large libraries are loaded by it, when the first call needs them."""


def builtin_modules() -> Iterator[type[Module]]:
    """The module classes that ship with Asterism.

    A file whose name begins with an underscore holds none and is not imported: what is heavy and seldom needed.
    """
    for package_name in PACKAGES:
        package = importlib.import_module(package_name)
        yield from modules_of(package)
        for found in pkgutil.walk_packages(package.__path__, f"{package_name}."):
            if not found.name.rpartition(".")[2].startswith("_") and not found.name.startswith(_WITHOUT_MODULES):
                yield from modules_of(importlib.import_module(found.name))


def configured_types() -> list[type[ConfiguredObject]]:
    """Every type of object that the core or a module that ships with Asterism declares, the core's first."""
    for _ in builtin_modules():
        pass
    declared = [cls for cls in _below(ConfiguredObject) if cls.TYPE and cls.__module__.startswith("asterism.")]
    others = {cls for cls in declared if cls not in TYPES}
    return [*TYPES, *sorted(others, key=lambda cls: cls.TYPE)]


def _below(cls: type[ConfiguredObject]) -> Iterator[type[ConfiguredObject]]:
    for each in cls.__subclasses__():
        yield each
        yield from _below(each)


def modules_of(python_module: ModuleType) -> Iterator[type[Module]]:
    """The module classes defined in a Python module: those with a name of their own."""
    for value in vars(python_module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Module)
            and value.__module__ == python_module.__name__
            and "name" in vars(value)
        ):
            yield value
