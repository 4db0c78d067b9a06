"""The rig of the SIP core's tests, shared."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parents[1] / "sip"
sys.path.insert(0, str(_FOLDER))
_spec = importlib.util.spec_from_file_location("sip_phones_conftest", _FOLDER / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


@pytest.fixture
def phones() -> str:
    """A configuration with a few phones and a trunk."""
    return str(_module.PHONES)


@pytest.fixture
def make_rig(tmp_path: Path) -> Callable[..., Any]:
    """Make a rig of a configuration."""

    def make(pjsip: str = _module.PHONES, **more: object) -> Any:
        return _module.Rig(tmp_path / "etc", pjsip, **more)

    return make


@pytest.fixture
def rig(make_rig: Callable[..., Any]) -> Any:
    """A rig with phones."""
    return make_rig()
