"""What looks like a number or a name and is none: digits of other scripts, infinity, names too long for a file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from asterism.config import ConfigFile
from asterism.core.errors import ConfigError, UsageError
from asterism.interfaces.manager.configuration import ManagerConfigModule
from asterism.interfaces.manager.settings import split_address
from asterism.pbx.dialplan.applications.digits import _number
from asterism.pbx.vocabulary.linkedid import oldest_of
from asterism.server.core_module import _level

SQUARED = "²"
"""A digit to ``str.isdigit()``, and nothing that ``int()`` takes."""
LONG = "9" * 5000
"""More digits than ``int()`` takes."""


@pytest.mark.parametrize("text", [SQUARED, LONG])
def test_digits_that_are_no_number(text: str) -> None:
    assert split_address(f"127.0.0.1:{text}", "", 5039) == ("127.0.0.1", 5039)
    assert oldest_of((f"{text}.{text}", "2.1")) == "2.1"
    with pytest.raises(UsageError):
        _level([text], 0)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_numbers_without_size(text: str) -> None:
    assert int(_number(text, 3)) == 3


def test_names_that_the_file_system_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        ConfigFile.load(tmp_path / ("x" * 300), missing_ok=True)
    errors: list[str] = []
    module = ManagerConfigModule()
    module.server = cast(Any, SimpleNamespace(paths=SimpleNamespace(etc=tmp_path)))
    module.get_config(cast(Any, SimpleNamespace(get=lambda name: "x" * 300, error=errors.append)))
    assert errors == ["Config file not found"]
