"""The runner of the tests: what fails once and passes alone is named, and does not fail the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAKY = """
from pathlib import Path
from typing import Any
import pytest
MARK = Path(__file__).parent / "ran"
@pytest.mark.parametrize("number", range({count}))
def test_flaky(number):
    mark = MARK.with_name(f"ran{{number}}")
    if not mark.exists():
        mark.touch()
        raise AssertionError("the first time")
def test_right():
    with MARK.with_name("right").open("a") as file:
        file.write("x")
"""
BROKEN = "def test_broken():\n    assert False\n"


def run(folder: Path, *arguments: str, flaky: int = 0, **files: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a project in ``folder``."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_some.py").write_text(FLAKY.format(count=flaky))
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    environment = {**os.environ, "FLAKY_TESTS": str(folder / "flaky.txt"), "PYTHONPATH": str(ROOT)}
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_CURRENT_TEST"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "tests.run", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=100
    )


@pytest.mark.parametrize("arguments", [(), ("-n", "2", "--dist", "worksteal")], ids=["one process", "workers"])
def test_what_passes_alone_is_named_at_the_end_and_passes(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    found = run(tmp_path, *arguments, flaky=2)
    assert found.returncode == 0, found.stdout
    end = found.stdout.rstrip().splitlines()[-3:]
    assert end[0].startswith("FLAKY TESTS")
    names = ["test_some.py::test_flaky[0]", "test_some.py::test_flaky[1]"]
    assert end[1:] == names
    assert [line.split(" (")[0] for line in (tmp_path / "flaky.txt").read_text().splitlines()] == names
    # Only what had failed was run again.
    assert (tmp_path / "right").read_text() == "x"


def test_what_fails_again_fails_the_run_and_is_not_called_flaky(tmp_path: Path) -> None:
    found = run(tmp_path, flaky=1, broken=BROKEN)
    assert found.returncode == 1
    assert "FLAKY" not in found.stdout
    assert not (tmp_path / "flaky.txt").exists()
    assert "test_broken" in (tmp_path / ".pytest_cache/v/cache/lastfailed").read_text()


def test_many_failures_are_not_run_again(tmp_path: Path) -> None:
    found = run(tmp_path, flaky=6)
    assert found.returncode == 1
    assert "again" not in found.stdout


def test_what_cannot_be_collected_is_not_run_again(tmp_path: Path) -> None:
    found = run(tmp_path, broken="import nothing_of_that_name\n")
    assert found.returncode == 2
    assert "again" not in found.stdout


def test_a_run_without_failures_says_nothing_of_flaky_tests(tmp_path: Path) -> None:
    found = run(tmp_path)
    assert found.returncode == 0
    assert "FLAKY" not in found.stdout
    assert not (tmp_path / "flaky.txt").exists()


def test_ci_names_the_flaky_tests_of_all_its_runs_at_the_very_end(tmp_path: Path) -> None:
    """``make`` is one here that does nothing but note a flaky test for each target that runs tests."""
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\ncase $1 in test*) echo "$1.py::test_x" >> "$FLAKY_TESTS" ;; esac\necho "ran $1"\n')
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    found = subprocess.run(
        [ROOT / ".ci" / "run"], env=environment, capture_output=True, text=True, check=True, timeout=100
    )
    lines = found.stdout.rstrip().splitlines()
    assert lines[:3] == ["ran lint", "ran test", "ran test-compiled"]
    assert lines[-3].startswith("FLAKY TESTS")
    assert lines[-2:] == ["test.py::test_x", "test-compiled.py::test_x"]


_APART = """
import os, pathlib, pytest
NOTES = pathlib.Path(__file__).parent / "order"
def note(word):
    with NOTES.open("a") as file:
        file.write(f"{word} by {os.environ.get('PYTEST_XDIST_WORKER_COUNT', '0')}\\n")
@pytest.mark.e2e
def test_waits():
    note("waits")
def test_works():
    note("works")
"""


@pytest.mark.parametrize("broken", [False, True])
def test_what_waits_is_run_after_the_others_by_other_workers(tmp_path: Path, broken: bool) -> None:
    files: dict[str, Any] = {"apart": _APART} | ({"broken": BROKEN} if broken else {})
    found = run(tmp_path, "-n", "1", "--e2e-workers=2", "-W", "ignore", **files)
    assert found.returncode == int(broken), found.stdout
    assert (tmp_path / "order").read_text() == "works by 1\nwaits by 2\n"


def test_one_of_the_two_may_be_empty_and_a_choice_of_marks_stays(tmp_path: Path) -> None:
    assert run(tmp_path, "--e2e-workers=2", "test_some.py").returncode == 0
    assert run(tmp_path, "--e2e-workers=2", "-k", "nothing").returncode == 5
    found = run(tmp_path, "--e2e-workers=2", "-m", "e2e", "-W", "ignore", apart=_APART)
    assert found.returncode == 0, found.stdout
    assert (tmp_path / "order").read_text() == "waits by 0\n"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="measuring is slow there, and is not done")
def test_the_part_of_the_lines_that_was_reached_is_told(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/lines.coveragerc").write_text("[run]\nsource = some\n")
    (tmp_path / "some.py").write_text("def reached():\n    return 1\n\ndef not_reached():\n    return 2\n")
    reaching = "from some import reached\ndef test_it():\n    assert reached() == 1\n"
    found = run(tmp_path, "-o", "pythonpath=.", reaching=reaching)
    assert found.returncode == 0, found.stdout
    assert "75% of the lines were reached" in found.stdout
    assert "were reached" not in run(tmp_path, "-o", "pythonpath=.", "--no-cov", reaching=reaching).stdout
