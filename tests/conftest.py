"""Fixtures that every layer's tests may use."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

RECORD = Path(__file__).resolve().parent / "data" / "record"


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
