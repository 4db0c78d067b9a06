"""Fixtures that every layer's tests may use."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "tests" / "data" / "record"


class Outside:
    """Notices what is opened or listed beside the repository: tests must pass in a clone that stands alone.

    "Beside" is all that lies in the folder that holds the repository, except the Python in use, temporary files and
    hidden folders (caches of a home folder). What is further away, and all beside a clone in ``/``, is the system's.
    """

    _EVENTS = frozenset({"open", "os.listdir", "os.scandir"})

    def __init__(self, root: Path, environment: list[str], temporary: str) -> None:
        self.found: list[str] = []
        self._root = f"{root}{os.sep}"
        self._beside = f"{str(root.parent).rstrip(os.sep)}{os.sep}"
        allowed = [*environment, temporary]
        if self._beside.startswith(f"{temporary}{os.sep}"):  # a clone deep in the folder of temporary files
            allowed.remove(temporary)
        self._allowed = (self._root, *(f"{folder}{os.sep}" for folder in allowed))

    def beside(self, path: object) -> bool:
        """Whether this is the path of something beside the repository."""
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, (str, os.PathLike)):
            return False
        full = os.path.abspath(path) + os.sep
        if self._beside == os.sep or not full.startswith(self._beside) or full.startswith(self._allowed):
            return False
        return not full[len(self._beside) :].startswith(".")

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """A hook for :func:`sys.addaudithook`. Raises PermissionError for a path beside the repository."""
        if event in self._EVENTS:
            paths = args[:1]
        elif event == "subprocess.Popen":
            _, command, folder, _ = args
            words = command.split() if isinstance(command, str) else command
            paths = (folder, *(word for word in words if os.path.isabs(word)))
        else:
            return
        for path in filter(self.beside, paths):
            self.found.append(f"{event} {path}")
            raise PermissionError(f"a test reads outside the repository: {path}")


outside = Outside(ROOT, [sys.prefix, sys.base_prefix], os.path.realpath(tempfile.gettempdir()))
sys.addaudithook(outside.audit)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    outside.found.clear()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that read outside the repository, also where the code under test took the error for its own."""
    yield
    if outside.found:
        pytest.fail(f"read outside the repository: {', '.join(outside.found)}")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run ``async def`` tests on a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture
def record() -> Path:
    """The folder of excerpts of what Asterisk 22 printed and sent, which formats are compared with."""
    return RECORD


@pytest.fixture
def write_config(tmp_path: Path) -> Any:
    """A function that writes configuration files to a fresh folder and returns it."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.conf").write_text(text)
        return tmp_path

    return write
