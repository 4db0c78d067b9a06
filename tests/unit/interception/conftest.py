"""The rig of the SIP core's tests, shared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sip_rig import PHONES, Rig


@pytest.fixture
def phones() -> str:
    """A configuration with a few phones and a trunk."""
    return PHONES


@pytest.fixture
def make_rig(tmp_path: Path) -> Callable[..., Rig]:
    """Make a rig of a configuration."""

    def make(pjsip: str = PHONES, **more: object) -> Rig:
        return Rig(tmp_path / "etc", pjsip, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """A rig with phones."""
    return make_rig()
