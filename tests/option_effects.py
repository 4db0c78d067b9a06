"""Which test shows the effect of an option: the server is made to ignore the option, and that test must fail.

``python -m tests.option_effects`` looks for such a test for each option of ``pjsip.conf`` that has none in
``tests/data/option_effects.txt``, and writes the file; ``--all`` looks for all of them again, ``endpoint.context`` for
that one.
The file has a line for each option: its name, and the test, or ``-`` where none was found.

As a plugin (``pytest -p tests.option_effects``, with the option in ``ASTERISM_IGNORE_OPTION``) it makes the server
check the option's value as ever, and then do as if it had not been set.
"""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from asterism.chan_sip.objects import SipPeer
from asterism.chan_sip.objects.shared import SipOptions
from asterism.data.options import ConfiguredObject, OptionSpec
from asterism.server.discovery import configured_types

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "tests" / "data" / "option_effects.txt"
VARIABLE = "ASTERISM_IGNORE_OPTION"
SECONDS = 90
"""How long the candidates for one option may take."""

# What only reads, lists or describes options says nothing of their effect.
READERS = {
    "test_objects_effect.py", "test_objects_options.py", "test_help_commands.py", "test_realtime.py", "test_cli.py",
    "test_docs_generated.py", "test_console_record.py", "test_wizard_hints.py", "test_compatibility.py",
}  # fmt: skip
SLOW = ("e2e", "fuzz")


def options() -> dict[str, tuple[type[ConfiguredObject], OptionSpec]]:
    """Every option that claims to have an effect, by ``type.name``."""
    both = SipOptions.OPTIONS
    return {
        f"{cls.TYPE}.{spec.name}": (cls, spec)
        for cls in configured_types()
        if not cls.RUNTIME
        for spec in cls.OPTIONS
        # What [general] and peers of sip.conf share is named once, as that of [general].
        if not spec.no_effect and not (cls is SipPeer and spec in both)
    }


def ignore(name: str) -> None:
    """Have the server read the option's value, complain of a wrong one, and go on without it."""
    spec = options()[name][1]
    kind = spec.kind

    def parse(_self: Any, text: str, current: Any) -> Any:
        kind.parse(text, current)
        return current

    ignoring = copy(kind)
    ignoring.__class__ = type(type(kind).__name__, (type(kind),), {"parse": parse, "__slots__": ()})
    spec.kind = ignoring


def pytest_configure() -> None:
    """As a plugin: ignore the option that the environment names."""
    if os.environ.get(VARIABLE):
        ignore(os.environ[VARIABLE])


def read() -> dict[str, str]:
    """The table: the test that shows the effect of each option, ``-`` for none."""
    lines = TABLE.read_text().splitlines() if TABLE.exists() else []
    return dict(line.split(" ", 1) for line in lines if line and line[0] != "#")


def write(table: dict[str, str]) -> None:
    """Write the table, sorted."""
    head = "# Made by: python -m tests.option_effects. If the server ignores the option, this test fails.\n"
    TABLE.write_text(head + "".join(f"{name} {table[name]}\n" for name in sorted(table)))


def candidates(name: str) -> list[str]:
    """Tests that set the option: those that name it themselves first, then those of files that do."""
    spec = options()[name][1]
    wanted = re.compile(rf"(?<![\w.]){re.escape(spec.name)}\s*=")
    first: list[tuple[int, str]] = []
    rest: list[tuple[int, str]] = []
    for path, relative in _test_files():
        text = path.read_text().replace("\\n", "\n")
        if wanted.search(text):
            order = 0 if "/unit/" in relative else 1
            for function, source in _functions(path.read_text()):
                place = first if wanted.search(source.replace("\\n", "\n")) else rest
                place.append((order, f"{relative}::{function}"))
    return [test for _, test in (*sorted(first)[:25], *sorted(rest)[:60])]


def more_candidates(name: str) -> list[str]:
    """Files that name the option in any other way, and those beside a file that only helps tests and names it."""
    wanted = re.compile(rf"(?<![\w.]){re.escape(options()[name][1].name)}\b")
    helpers = {
        path.parent
        for path in (ROOT / "tests").rglob("*.py")
        if not path.name.startswith("test_") and wanted.search(path.read_text().replace("\\n", "\n"))
    }
    return [
        relative
        for path, relative in _test_files()
        if wanted.search(path.read_text().replace("\\n", "\n")) or ("/unit/" in relative and path.parent in helpers)
    ]


def _test_files() -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        relative = path.relative_to(ROOT).as_posix()
        if path.name not in READERS and relative.split("/")[1] not in SLOW:
            yield path, relative


def _functions(text: str) -> Iterator[tuple[str, str]]:
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
            yield node.name, ast.get_source_segment(text, node) or ""


class _FirstFailure:
    """Remembers which test failed first."""

    found = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.found:
            self.found = report.nodeid.partition("[")[0]


def fails(name: str, tests: list[str]) -> str:
    """Run tests in a process of their own with the option ignored; return the first that fails, ``""`` if none does."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        signal.alarm(SECONDS)
        os.environ[VARIABLE] = name
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        first = _FirstFailure()
        ignore(name)
        pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests], plugins=[first])
        os.write(writing, first.found.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as found:
        answer = found.read()
    os.waitpid(child, 0)
    return answer


def passes(test: str, ignored: str = "") -> bool:
    """Whether a test passes in a process of its own, where the server may ignore an option."""
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "tests.option_effects", test]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, VARIABLE: ignored}, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{test} could not be run: {done.stdout.decode()[-2000:]}")
    return not done.returncode


def main() -> int:
    """Look for tests, write the table; the status is 1 when an option has none."""
    os.chdir(ROOT)
    known, asked = read(), set(sys.argv[1:])
    table = {name: known.get(name, "-") for name in options()}
    for name in table:
        if "--all" in asked or name in asked or (not asked and table[name] == "-"):
            before = table[name]
            ways = ([before] if before != "-" else []), candidates(name), more_candidates(name)
            table[name] = next((found for tests in ways if tests and (found := fails(name, tests))), "-")
            print(name, table[name], flush=True)
            write(table)
    return 1 if "-" in table.values() else 0


if __name__ == "__main__":
    sys.exit(main())
