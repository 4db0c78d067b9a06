"""The table of applications and functions: each of Asterisk's is there, or left out for a reason."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "tests" / "data" / "record"
KINDS = ("applications", "functions")


@pytest.fixture(scope="module")
def table() -> Any:
    """``docs/generate_table.py``, imported."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import generate_table
    finally:
        sys.path.remove(str(ROOT / "docs"))
    return generate_table


@pytest.fixture(scope="module")
def registered(table: Any) -> dict[str, list[Any]]:
    """What the registries hold."""
    return asyncio.run(table.collect())


def recorded() -> dict[str, list[str]]:
    """The names of Asterisk's applications and functions."""
    blocks = (RECORD / "dialplan_names.txt").read_text().split("\n\n")[1:]
    return {kind: names.split() for kind, _, names in (block.partition("\n") for block in blocks)}


@pytest.mark.parametrize("kind", KINDS)
def test_each_name_is_there_or_left_out_for_a_reason(table: Any, registered: dict[str, list[Any]], kind: str) -> None:
    names, left_out = recorded()[kind], table.left_out()[kind]
    there = {entry.name.lower() for entry in registered[kind]}
    assert [name for name in names if name.lower() not in there and name not in left_out] == []
    assert [name for name in left_out if name.lower() in there] == [], "registered, and left out as well"
    assert [name for name in left_out if name not in names] == [], "not a name of Asterisk's"
    assert [name for name, why in left_out.items() if len(why) < 10] == []


def test_the_pages_name_everything(table: Any, registered: dict[str, list[Any]]) -> None:
    pages = table.pages(registered)
    for kind in KINDS:
        there, _, missing = pages[f"{kind}.md"].partition("## Left out")
        for entry in registered[kind]:
            assert f"\n| `{entry.name}` | " in there
        for name in table.left_out()[kind]:
            assert f"\n| `{name}` | " in missing


def options_recorded(kind: str) -> dict[str, list[str]]:
    """The options of Asterisk's applications, or the items of its functions, by name."""
    blocks = (RECORD / "dialplan_options.txt").read_text().split("\n\n")[1:]
    lines = next(text for one, _, text in (block.partition("\n") for block in blocks) if one == kind).splitlines()
    return {name: options.split() for name, _, options in (line.partition(": ") for line in lines)}


@pytest.mark.parametrize("kind", KINDS)
def test_each_option_is_there_or_left_out_for_a_reason(table: Any, registered: dict[str, list[Any]], kind: str) -> None:
    entries = {entry.name.lower(): entry for entry in registered[kind]}
    left_out = table.left_out()["options"]
    recorded_options, wrong = options_recorded(kind), []
    for name, options in recorded_options.items():
        entry = entries.get(name.lower())
        there = set() if entry is None else table.letters(entry)
        for option in options:
            known, excused = option in there, f"{name}({option})" in left_out
            if known is excused:
                wrong.append(f"{name}({option}) is {'there and left out' if known else 'neither there nor left out'}")
    assert wrong == []
    listed = {one for one in left_out if one.partition("(")[0] in recorded_options}
    assert [one for one in listed if one.partition("(")[2][:-1] not in recorded_options[one.partition("(")[0]]] == []


def test_the_pages_are_what_the_registries_say(table: Any, registered: dict[str, list[Any]]) -> None:
    folder = ROOT / "docs" / "reference"
    stale = [name for name, text in table.pages(registered).items() if (folder / name).read_text() != text]
    assert stale == [], "run python docs/generate.py"
