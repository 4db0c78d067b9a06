"""The rooms of pbx: what import-linter cannot tell of the order between them (pyproject.toml has the order itself)."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "src"
FILES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts): path
    for path in sorted((SOURCE / "asterism/pbx").rglob("*.py"))
    if path.name != "__init__.py"
}

WITHOUT = {
    "assembly": "admission channel reference server",
    "bridges": "linking",
    "bridges/technologies": "native simple",
    "channels": "answering control_actions listing muting rtcp technology",
    "dialplan/applications": "branching digits loops progress tones userevent variables waiting",
    "dialplan/functions": "callerid channels common encoding lists logic states strings times variables",
    "dialplan/language": "editing environment numeric state table",
    "messaging": "message module queue",
    "records": "record",
    "states": "custom_states external_mwi mailbox_module presence",
    "vocabulary": "controls device_state errors flow host marks module presence_events",
}
"""Modules that have no test file of their own, by room; what tests them is elsewhere. It only gets shorter."""


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules of pbx that a file imports, without those that only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in FILES else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from imports(node)


def found() -> dict[str, set[str]]:
    return {name: set(imports(ast.parse(path.read_text()))) & set(FILES) for name, path in FILES.items()}


def test_what_the_order_does_not_hold_is_imported_for_types_only() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (rooms,) = [one for one in contracts if one["name"].startswith("The rooms of pbx")]
    ignored = [tuple(re.split(" *-> *", line)) for line in rooms["ignore_imports"]]
    run = [(name, target) for name, targets in found().items() for target in targets]
    assert len(run) > 150
    assert [one for one in run for pair in ignored if all(map(fnmatchcase, one, pair))] == []


def test_no_files_import_each_other_in_a_circle() -> None:
    TopologicalSorter(found()).prepare()  # raises CycleError, which names them


def test_each_room_is_in_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (rooms,) = [one for one in contracts if one["name"].startswith("The rooms of pbx")]
    named = [room for layer in rooms["layers"] for room in layer.split(" | ")]
    assert [name for name in FILES if not name.startswith(tuple(f"{room}." for room in named))] == []


def test_a_module_has_its_test_where_its_name_says() -> None:
    """``pbx/x/y.py`` in ``x/test_y.py`` here: this says which has none, and which is no longer to be listed."""
    here, without = Path(__file__).parent, set()
    for path in FILES.values():
        place = path.relative_to(SOURCE / "asterism/pbx")
        if not (here / place.parent / f"test_{place.name}").exists():
            without.add((place.parent.as_posix(), place.stem))
    assert without == {(room, name) for room, names in WITHOUT.items() for name in names.split()}
