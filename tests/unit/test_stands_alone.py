"""The repository needs nothing beside it: no test and no tool reads a file outside, no page leads to one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

THIS = Path(__file__).resolve()
ROOT = THIS.parents[2]
ABOVE = re.compile(r"__file__\)(?:\.resolve\(\)|\.absolute\(\))?(?:\.parents\[(\d+)\])?((?:\.parent\b)*)")


def sources() -> list[Path]:
    """The Python files under version control or about to be, without virtual environments and caches."""
    folders = ("src", "tests", "bench", "docs", "samples")
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts
    )


def steps_outside(path: Path, text: str) -> list[str]:
    """Expressions that climb from this file to above the repository."""
    levels = len(path.relative_to(ROOT).parts)
    return [
        found.group()
        for found in ABOVE.finditer(text)
        if (int(found[1]) + 1 if found[1] else 0) + found[2].count(".parent") > levels
    ]


def test_no_file_climbs_out_of_the_repository() -> None:
    found = {
        str(path): steps for path in sources() if path != THIS and (steps := steps_outside(path, path.read_text()))
    }
    assert found == {}


def test_the_search_for_climbing_finds_it() -> None:
    here = ROOT / "tests/unit/x.py"
    assert steps_outside(here, "Path(__file__).resolve().parents[3] / 'x'") != []
    assert steps_outside(here, "Path(__file__).parents[2].parent") != []
    assert steps_outside(here, "Path(__file__).parent.parent.parent.parent") != []
    assert steps_outside(here, "Path(__file__).parent.parent.parent") == []
    assert steps_outside(here, "Path(__file__).resolve().parents[2] / 'x'") == []


@pytest.mark.parametrize("what", ["open", "listdir", "error swallowed", "program"])
def test_a_test_that_reads_beside_the_repository_fails(what: str, tmp_path: Path) -> None:
    """A test file with the hook of this folder's conftest.py, in a repository of its own with a file beside it."""
    root = tmp_path / "beside" / "repository"
    (root / "tests").mkdir(parents=True)
    (root.parent / "notes.txt").write_text("x")
    (root / "tests" / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    reads = {
        "open": "open(BESIDE / 'notes.txt').close()",
        "listdir": "os.listdir(BESIDE)",
        "error swallowed": "swallow()",
        "program": "subprocess.run(['cat', str(BESIDE / 'notes.txt')])",
    }
    (root / "tests" / "test_reads.py").write_text(
        "import contextlib, os, subprocess\nfrom pathlib import Path\nBESIDE = Path(__file__).parents[2]\n"
        "def swallow():\n    with contextlib.suppress(Exception):\n        (BESIDE / 'notes.txt').read_text()\n"
        f"def test_it():\n    {reads[what]}\n"
        "def test_inside(tmp_path):\n    (tmp_path / 'x').write_text('y')\n    Path(__file__).read_text()\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", str(root / "tests")]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert "1 failed, 1 passed" in ran.stdout, ran.stdout + ran.stderr
    assert "outside the repository" in ran.stdout


OUTSIDE_DOCUMENTS = re.compile(
    r"\.\./shared|\bthe seeds\b|\(seeds,|\bas recorded\b|\b(?:of|in) the record\b", re.IGNORECASE
)


def test_source_and_pages_cite_no_document_that_is_not_here() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "samples").glob("*")]
    code = [path for path in sources() if "tests" not in path.relative_to(ROOT).parts]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (*pages, *code)
        if path.is_file()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if OUTSIDE_DOCUMENTS.search(line)
    ]
    assert found == []
