"""``features.conf``: the code of pickup."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_technology import FakeServer

from asterism.pbx.calls.pickup_code import PickupCode


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "*8"),
        ("[general]\n", "*8"),
        ("[general]\npickupexten = *9\n", "*9"),
        ("[general]\npickupexten =\n", ""),
        ("[featuremap]\npickupexten = *9\n", "*8"),
        ("[general\npickupexten = *9\n", "*8"),
    ],
)
def test_the_code(tmp_path: Path, text: str | None, code: str) -> None:
    server = FakeServer()
    server.paths = SimpleNamespace(etc=tmp_path)
    server.register_marked = lambda _module: None  # type: ignore[attr-defined]
    if text is not None:
        (tmp_path / "features.conf").write_text(text)
    PickupCode().load(server)  # type: ignore[arg-type]
    assert list(server.pbx.codes) == ([code] if code else [])


def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    server = FakeServer()
    server.paths = SimpleNamespace(etc=tmp_path)
    server.register_marked = lambda _module: None  # type: ignore[attr-defined]
    path = tmp_path / "features.conf"
    path.write_text("[general]\npickupexten = *9\n")
    module = PickupCode()
    module.load(server)  # type: ignore[arg-type]
    path.write_text("[general\npickupexten = *7\n")
    module.reload()
    assert list(server.pbx.codes) == ["*9"]
