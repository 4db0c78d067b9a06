"""``indication ...`` on the console, and the file as the server reads it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_technology import FakeServer

from asterism.core.errors import UsageError
from asterism.pbx.channels.indications.module import Indications

CONF = "[general]\ncountry=de\n[moon]\ndescription=Moon\nringcadence=1,2\ndial=440\n"


def call(*args: str) -> Any:
    return SimpleNamespace(args=list(args))


def test_the_console_shows_and_changes_zones(tmp_path: Path) -> None:
    (tmp_path / "indications.conf").write_text(CONF)
    server = FakeServer()
    server.paths = SimpleNamespace(etc=tmp_path)
    server.register_marked = lambda _module: None  # type: ignore[attr-defined]
    module = Indications()
    module.load(server)  # type: ignore[arg-type]
    shown = module.show(call()).splitlines()
    assert shown[:2] == ["Country Description", "==========================="]
    assert "de      Germany (default)" in shown
    assert "moon    Moon" in shown
    assert module.show(call("moon", "mars")).splitlines() == [
        "Country Indication      PlayList",
        "=====================================",
        "moon    dial            440",
        "moon    ringcadence     1,2",
        "No indications defined for country 'mars'",
    ]
    assert module.add(call("moon", "busy", "440/500,0/500")) == "Tone 'busy' of country 'moon' set\n"
    assert "moon    busy            440/500,0/500" in module.show(call("moon"))
    assert "not a tone" in module.add(call("moon", "busy", "loud"))
    assert module.remove(call("moon", "busy")) == "Removed\n"
    assert module.remove(call("moon", "busy")) == "There is no 'moon busy'\n"
    assert "country of the server" in module.remove(call("de"))
    for wrong in (module.add, module.remove):
        with pytest.raises(UsageError):
            wrong(call())
    (tmp_path / "indications.conf").write_text("[general]\ncountry=uk\n")
    module.reload()
    assert server.pbx.tone_zones.settings.country == "uk"
    assert server.pbx.tone_zones.get("moon") is None
    (tmp_path / "indications.conf").write_text("[general\n")
    module.reload()
    assert server.pbx.tone_zones.settings.country == "uk"
