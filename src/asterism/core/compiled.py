"""Which modules of this installation are compiled: none, unless the wheel was built with ``ASTERISM_COMPILE=1``."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def compiled_modules() -> int:
    """How many modules are installed compiled; Python takes those rather than the ``.py`` files beside them."""
    return sum(path.name.endswith(tuple(EXTENSION_SUFFIXES)) for path in _PACKAGE.rglob("*.*"))
