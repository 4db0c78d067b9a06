"""The table of applications and functions: what is there with its options, what is left out and why.

What is there comes from the registries of a server with every module, what is left out from ``left_out.toml``, which
holds no name that is registered. ``python docs/generate.py`` writes the pages.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from asterism.core.registry import Entry
from asterism.testing import running_server

DATA = Path(__file__).parent / "left_out.toml"
KINDS = {"applications": "application", "functions": "function"}
HEAD = """\
# Reference: dialplan {kind}

<!-- Made by docs/generate.py from the registries and from docs/left_out.toml: change those, not this page. -->

What is there of Asterisk 22's {kind}, what else there is, and [what is left out](#left-out). `core show {one} NAME`
describes each; `make docs` writes all of it to `docs/_build`.
"""
_OPTION = re.compile(r"[A-Za-z0-9]")


def left_out() -> dict[str, dict[str, str]]:
    """``{"applications": {name: why}, "functions": {name: why}, "options": {"Dial(x)": why}}``.

    Raises :class:`ValueError` for a name that is there twice.
    """
    found: dict[str, dict[str, str]] = {"applications": {}, "functions": {}, "options": {}}
    for group in tomllib.loads(DATA.read_text())["left_out"]:
        why = group["why"]
        for kind in found:
            listed = group.get(kind, [])
            if isinstance(listed, dict):
                listed = [f"{name}({option})" for name, options in listed.items() for option in options]
            for name in listed:
                if name in found[kind]:
                    raise ValueError(f"{name} is there twice")
                found[kind][name] = why
    return found


def options(entry: Entry[Any]) -> list[str]:
    """The documented values of an application's or function's arguments, as they are written."""
    return [value for argument in entry.documentation.arguments for value, _ in argument.values]


def letters(entry: Entry[Any]) -> set[str]:
    """The names of the options of an application or function, without what stands in parentheses behind them."""
    return {
        re.split(r"[(\[]", one)[0].strip()
        for value in options(entry)
        for one in re.split(r",\s*(?![^(\[]*[)\]])", value)
    }


async def collect() -> dict[str, list[Entry[Any]]]:
    """The registered applications and functions, sorted by name."""
    async with running_server({}) as server:
        found: dict[str, Iterable[Entry[Any]]] = {
            "applications": server.pbx.applications,
            "functions": server.pbx.functions,
        }
        return {kind: sorted(entries, key=lambda entry: entry.name.lower()) for kind, entries in found.items()}


def pages(found: dict[str, list[Entry[Any]]]) -> dict[str, str]:
    """The text of each page, by its name."""
    return {f"{kind}.md": _page(kind, entries) for kind, entries in found.items()}


def _page(kind: str, entries: list[Entry[Any]]) -> str:
    one, missing = KINDS[kind], left_out()
    lines = [
        HEAD.format(kind=kind, one=one),
        f"\n## There\n\n| {one} | what it does | options and items |\n|---|---|---|\n",
    ]
    for entry in entries:
        values = " ".join(f"`{_cell(value)}`" for value in options(entry))
        lines.append(f"| `{entry.name}` | {_text(entry.documentation.synopsis)} | {values} |\n")
    names = {entry.name for entry in entries}
    rows = [(name, why) for name, why in missing[kind].items()]
    rows += [(option, why) for option, why in missing["options"].items() if option.partition("(")[0] in names]
    lines.append(f"\n## Left out\n\n| {one}, or option of one | why |\n|---|---|\n")
    lines += [f"| `{_cell(name)}` | {_text(why)} |\n" for name, why in sorted(rows, key=lambda row: row[0].lower())]
    return "".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _text(text: str) -> str:
    return _cell(text.replace("<", "&lt;").replace("*", "\\*").replace("\n", " "))
