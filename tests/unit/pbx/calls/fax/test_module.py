"""Options of the applications, FAXOPT of a channel, and the file that is read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from faxing_kit import World, faxing

from asterism.pbx.calls.fax import module
from asterism.pbx.calls.fax.settings import FaxSettings
from asterism.pbx.calls.fax.transfer import FaxOptions
from asterism.pbx.vocabulary.flow import FunctionError


def test_options_and_files_of_the_applications(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, FaxOptions]] = []

    async def fake(channel: object, files: object, options: FaxOptions) -> None:
        asked.append((files, options))

    monkeypatch.setattr(module, "send_fax", fake)
    monkeypatch.setattr(module, "receive_fax", fake)

    async def scenario(world: World) -> None:
        await world.start(world.alice, "SendFAX", "a.tif & b.tif,dfFszq")
        await world.start(world.alice, "ReceiveFAX", "a.tif,fz")
        assert asked == [
            (["a.tif", "b.tif"], FaxOptions(debug=True, fallback=True, audio=True, events=True, ask=True)),
            ("a.tif", FaxOptions(fallback=True, ask=True)),
        ]

    faxing(tmp_path, scenario, monkeypatch)


def test_faxopt_is_of_a_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        world.write(world.alice, "ecm", "no")
        assert (world.read(world.alice, "ecm"), world.read(world.bob, "ecm")) == ("no", "yes")
        with pytest.raises(FunctionError, match="needs a channel"):
            world.marked["function", "FAXOPT"](None, "ecm")

    faxing(tmp_path, scenario, monkeypatch)


def test_the_file_is_read_again_for_faxes_that_begin_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        before = world.read(world.alice, "maxrate")
        (tmp_path / "res_fax.conf").write_text("[general]\nmaxrate=9600\nstatusevents=yes\n")
        world.module.reload()
        assert world.pbx.faxes.settings == FaxSettings(maxrate=9600, statusevents=True)
        assert (before, world.read(world.alice, "maxrate"), world.read(world.bob, "maxrate")) == (
            "14400", "14400", "9600",
        )  # fmt: skip
        assert "Maximum Bit Rate: 9600" in world.console("fax show settings")
        world.module.unload()
        assert world.pbx.faxes.settings == FaxSettings()

    faxing(tmp_path, scenario, monkeypatch)
