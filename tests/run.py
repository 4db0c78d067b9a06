"""Run pytest; where at most five tests fail, run these again, alone: ``python -m tests.run -n auto tests/unit``.

A test that fails beside others and passes alone is flaky: the run passes, and the end of it names the test, for it must
be mended. The arguments are pytest's. The file that the environment variable ``FLAKY_TESTS`` names, if there is one,
gets a line for each such test, so that who calls several runs can name all of them at the very end.

With ``--e2e-workers=N`` all tests are run but those marked ``long``, and those marked ``e2e`` are run after the others,
by so many workers.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

MOST = 5
"""Failed tests that are run again; with more, something is broken."""
RATES = Path("tests/lines.coveragerc")
HEADING = "FLAKY TESTS: these failed, and passed when they were run again alone. They must be mended:"
_FAILED = 1
"""Exit status of pytest when tests ran and some of them failed."""
_NONE = 5
"""When there was no test to run."""
_E2E_WORKERS = "--e2e-workers="


def run(arguments: Sequence[str]) -> int:
    """Run pytest, and what failed once more; returns the exit status."""
    own = [argument for argument in arguments if argument.startswith(_E2E_WORKERS)]
    arguments = [argument for argument in arguments if argument not in own]
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "pytest", *arguments, "-o", f"cache_dir={cache}"]
        environment = {**os.environ, "COVERAGE_CORE": "sysmon", "COVERAGE_FILE": f"{cache}/coverage"}
        status = _NONE
        for more in _parts(arguments, own[-1].removeprefix(_E2E_WORKERS) if own else ""):
            found = subprocess.run([*command, *more], env=environment, check=False).returncode
            if found not in (0, _NONE) or status == _NONE:
                status = found
            if status not in (0, _FAILED, _NONE):
                break
        _tell_coverage(environment)
        failed = _failed(Path(cache))
        # For whoever calls pytest --last-failed by hand.
        shutil.copytree(cache, ".pytest_cache", dirs_exist_ok=True)
        if status != _FAILED or not 0 < len(failed) <= MOST:
            return status
        print(f"\n{len(failed)} failed: running them again, alone", flush=True)
        # Without workers; what is said last counts.
        alone = ["-n", "0"] if any(argument.startswith(("-n", "--numprocesses")) for argument in arguments) else []
        again = subprocess.run([*command, *alone, "--last-failed", "--last-failed-no-failures=none"], check=False)
        if again.returncode:
            return again.returncode
    _tell(failed)
    return 0


def _parts(arguments: Sequence[str], e2e_workers: str) -> list[list[str]]:
    """What each run of pytest is told as well: one of all tests, or two."""
    measuring = _measuring(arguments)
    if not e2e_workers or "-m" in arguments:
        return [measuring]
    return [["-m", "not e2e and not long", *measuring], ["-m", "e2e and not long", "-n", e2e_workers]]


def _measuring(arguments: Sequence[str]) -> list[str]:
    """The options that have coverage told, where that costs little: by sys.monitoring, of lines only."""
    if sys.version_info < (3, 12) or not RATES.exists() or find_spec("pytest_cov") is None:
        return []
    if any(argument.startswith("--cov") or argument == "--no-cov" for argument in arguments):
        return []
    return ["--cov", f"--cov-config={RATES}", "--cov-report="]


def _tell_coverage(environment: dict[str, str]) -> None:
    """Print which part of the lines was reached."""
    if Path(environment["COVERAGE_FILE"]).exists():
        command = [sys.executable, "-m", "coverage", "report", f"--rcfile={RATES}", "--format=total"]
        total = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.strip()
        print(f"\n{total}% of the lines were reached; make coverage says which were not", flush=True)


def _failed(cache: Path) -> list[str]:
    """The tests that failed, as pytest has noted them."""
    try:
        return sorted(json.loads((cache / "v" / "cache" / "lastfailed").read_text()))
    except FileNotFoundError:
        return []


def _tell(names: list[str]) -> None:
    place = os.environ.get("FLAKY_TESTS")
    if place:
        with Path(place).open("a") as file:
            file.writelines(f"{name} (Python {sys.version.split()[0]}, {sys.prefix})\n" for name in names)
    print("\n" + "\n".join([HEADING, *names]), flush=True)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
