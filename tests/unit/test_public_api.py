"""The page of the public API: its names exist and are documented, and the other pages use nothing else."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/development/public-api.md"
NAMES = [
    (module, name)
    for module, names in re.findall(r"^\| `(asterism[\w.]*)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    for name in re.findall(r"`(\w+)`", names)
]
PAGES = sorted(
    path for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")) if "_build" not in path.parts and path != PAGE
)


def programs(page: Path) -> list[str]:
    """The Python of a page, as programs; sessions of the interpreter without their prompts."""
    found = re.findall(r"^ *```(python|pycon)\n(.*?)^ *```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [
        re.sub(r"^(>>>|\.\.\.) ?|^(?!>>>|\.\.\.).*\n", "", text, flags=re.MULTILINE) if kind == "pycon" else text
        for kind, text in found
    ]


def imported(text: str) -> set[tuple[str, str]]:
    """The names that a program imports from Asterism."""
    return {
        (node.module, alias.name)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "asterism"
        for alias in node.names
    }


def public(found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those that are not on the page, nor the same object under another name of the page."""
    objects = [getattr(import_module(module), name) for module, name in NAMES]
    return {
        (module, name)
        for module, name in found - set(NAMES)
        if not any(getattr(import_module(module), name) is one for one in objects)
    }


def test_the_page_lists_names() -> None:
    assert len(NAMES) > 90
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[f"{module}.{name}" for module, name in NAMES])
def test_a_public_name_exists_and_is_documented(module: str, name: str) -> None:
    found = getattr(import_module(module), name)
    if inspect.isclass(found) or inspect.isfunction(found):
        assert found.__doc__, "without a docstring"
    if inspect.isclass(found):
        undocumented = [
            attribute
            for attribute, value in vars(found).items()
            if not attribute.startswith("_")
            and inspect.isfunction(value)
            and not inspect.getdoc(getattr(found, attribute))
        ]
        assert undocumented == []


@pytest.mark.parametrize("module", ["asterism", "asterism.testing", "asterism.stack", "asterism.transport"])
def test_what_a_package_exports_is_on_the_page(module: str) -> None:
    assert {name for owner, name in NAMES if owner == module} == set(import_module(module).__all__)


def test_the_pages_import_nothing_that_is_not_public() -> None:
    wrong = {
        f"{page.relative_to(ROOT)}: {module}.{name}"
        for page in PAGES
        for text in programs(page)
        for module, name in public(imported(text))
    }
    assert wrong == set()


def test_the_types_of_every_program_name_are_asserted() -> None:
    """``make lint`` runs mypy over it; here only that no name of the first table and of the SIP core is left out."""
    text = (ROOT / "tests/typing/public_api.py").read_text()
    first = PAGE.read_text().partition("## The stack")[0]
    left_out = [
        name
        for name in re.findall(r"`(\w+)`", re.sub(r"^(?!\| `asterism).*$", "", first, flags=re.M))
        if not re.search(rf"\b{name}\b", text)
    ]
    assert left_out == []


def test_what_the_pages_name_is_public() -> None:
    """A name with its module beside it, in prose: ``Name`` (``asterism.module``)."""
    named = {
        (module, name, page.name)
        for page in PAGES
        if page.parent.name in ("guide", "extending")
        for name, module in re.findall(r"`(?:raise )?([A-Z]\w+)[^`]*`\s+\(`(asterism[\w.]+)`\)", page.read_text())
    }
    assert len(named) > 3
    assert {(module, name, page) for module, name, page in named if (module, name) not in NAMES} == set()
