"""Everything that a user or a program can name is documented: each is asked for here, none is listed."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import asterism
from asterism.core.documentation import Documentation
from asterism.testing import running_server

FILES = {"manager.conf": "[general]\nenabled=no\n"}


def undescribed(documentation: Documentation) -> list[str]:
    return [one.name for one in documentation.arguments if not (one.description or one.values)]


async def test_every_manager_action_has_a_description_and_so_have_its_fields() -> None:
    async with running_server(FILES) as server:
        entries = list(server.actions)
    assert len(entries) > 70
    assert [entry.name for entry in entries if len(entry.documentation.description) < 30] == []
    assert [(entry.name, found) for entry in entries if (found := undescribed(entry.documentation))] == []


async def test_every_manager_event_has_its_fields_described() -> None:
    async with running_server(FILES) as server:
        entries = list(server.bus.types)
    assert len(entries) > 50
    assert [entry.name for entry in entries if not entry.documentation.arguments] == []
    assert [(entry.name, found) for entry in entries if (found := undescribed(entry.documentation))] == []


def _public() -> Iterator[tuple[str, object]]:
    for info in pkgutil.walk_packages(asterism.__path__, "asterism."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        yield info.name, module
        for name, item in vars(module).items():
            if name.startswith("_") or getattr(item, "__module__", None) != info.name:
                continue
            if inspect.isfunction(item):
                yield f"{info.name}.{name}", item
            elif inspect.isclass(item):
                yield f"{info.name}.{name}", item
                for attribute, value in vars(item).items():
                    function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
                    if not attribute.startswith("_") and inspect.isfunction(function):
                        # A method that overrides one is documented by that.
                        yield f"{info.name}.{name}.{attribute}", getattr(item, attribute)


@pytest.mark.pure  # compiled functions keep no docstrings
def test_every_public_module_class_and_function_has_a_docstring() -> None:
    found = list(_public())
    assert len(found) > 2000
    assert [name for name, item in found if not inspect.getdoc(item)] == []
