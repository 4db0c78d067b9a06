"""``features.conf`` as the server reads it: the code of pickup, what is shown."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_technology import FakeServer
from features_kit import CONF, section

from asterism.pbx.calls.features.module import FeaturesModule


def loaded(folder: Path, text: str | None) -> tuple[FakeServer, FeaturesModule]:
    server = FakeServer()
    server.paths = SimpleNamespace(etc=folder)
    server.register_marked = lambda _module: None  # type: ignore[attr-defined]
    if text is not None:
        (folder / "features.conf").write_text(text)
    module = FeaturesModule()
    module.load(server)  # type: ignore[arg-type]
    return server, module


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
    server, _ = loaded(tmp_path, text)
    assert list(server.pbx.codes) == ([code] if code else [])


def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    server, module = loaded(tmp_path, "[general]\npickupexten = *9\n")
    (tmp_path / "features.conf").write_text("[general\npickupexten = *7\n")
    module.reload()
    assert list(server.pbx.codes) == ["*9"]


def shown(module: FeaturesModule) -> str:
    call: Any = SimpleNamespace(args=[])
    return module.show(call).strip("\n")


def test_features_show_as_recorded(tmp_path: Path) -> None:
    _, module = loaded(tmp_path, CONF)
    assert shown(module) == section("*CLI> features show")


def test_features_show_without_a_file_as_recorded(tmp_path: Path) -> None:
    _, module = loaded(tmp_path, None)
    lines = shown(module).splitlines()
    assert [line[26:].split() for line in lines[2:8]] == [["*8", "*8"], ["#", "#"], [], ["*", "*"], [], []]
    assert (lines[11], lines[-1]) == ("(none)", "(none)")


def test_reload_and_unload(tmp_path: Path) -> None:
    server, module = loaded(tmp_path, None)
    (tmp_path / "features.conf").write_text("[featuremap]\nblindxfer = ##\n[general]\npickupexten = *7\n")
    module.reload()
    assert server.pbx.features.settings.options.blindxfer == "##"
    assert list(server.pbx.codes) == ["*7"]


def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loaded(tmp_path, "[general]\n\ntransferdigittimeout = soon\n")
    told = capsys.readouterr().err
    assert "features.conf:3" in told
    assert "'soon' is not whole seconds" in told
