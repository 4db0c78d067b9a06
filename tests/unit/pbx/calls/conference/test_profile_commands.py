"""``confbridge show`` as recorded, and reading the file again."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.core.registry import Owner
from asterism.pbx.calls.conference.profile_commands import ProfilesModule
from asterism.pbx.calls.conference.profiles import ProfileSettings, UserProfile
from asterism.pbx.calls.conference.table import Conferences

RECORD = Path(__file__).parents[4] / "data/record"
SHOWN = dict(
    re.findall(
        r"^### \[Asterisk 22\.10\] \*CLI> (confbridge show .*?)   \(state: idle\)\n(.*?\n)\n(?=###)",
        (RECORD / "confbridge.txt").read_text(),
        re.DOTALL | re.MULTILINE,
    )
)
CONFIG = (RECORD / "configs/asterisk22/confbridge.conf").read_text()


@pytest.fixture
def module(tmp_path: Path) -> ProfilesModule:
    (tmp_path / "confbridge.conf").write_text(CONFIG)
    said: list[str] = []
    log = SimpleNamespace(
        warning=lambda text, *args: said.append(text % args), error=lambda text, *args: said.append(text % args)
    )
    server: Any = SimpleNamespace(
        pbx=SimpleNamespace(conferences=Conferences(), server=SimpleNamespace(paths=SimpleNamespace(spool=tmp_path))),
        paths=SimpleNamespace(etc=tmp_path), register_marked=lambda _: None, log=log, said=said,
        options=SimpleNamespace(show_secrets=False), owner=Owner("test"),
        bus=SimpleNamespace(subscribe=lambda *_: None),
    )  # fmt: skip
    made = ProfilesModule()
    made.load(server)
    return made


def run(module: ProfilesModule, line: str) -> str:
    words = line.split()[2:]
    for command, method in (
        ("profile users", module.users), ("profile bridges", module.bridges), ("profile user", module.user),
        ("profile bridge", module.bridge), ("menus", module.menus), ("menu", module.menu),
    ):  # fmt: skip
        names = command.split()
        if words[: len(names)] == names:
            return method(CommandCall(words[len(names) :], lambda _: None))
    raise AssertionError(line)


@pytest.mark.parametrize("line", SHOWN)
def test_as_recorded(module: ProfilesModule, line: str) -> None:
    shown, recorded = run(module, line), SHOWN[line]
    if line.endswith("users"):  # in the order of the file, where Asterisk has none
        shown, recorded = ("".join(sorted(text.splitlines(True))) for text in (shown, recorded))
    assert shown == recorded


def test_the_record_has_them() -> None:
    assert len(SHOWN) == 11


def test_what_was_set_is_shown(module: ProfilesModule) -> None:
    bridge = module._profiles.bridges["brd"]
    for option, value in (
        ("internal_sample_rate", "16000"), ("maximum_sample_rate", "48000"), ("max_members", "0"),
        ("record_file", "a.wav"), ("record_options", "b"), ("video_mode", "sfu"), ("sound_leave", "bye"),
    ):  # fmt: skip
        bridge = bridge.having(option, value)
    module._profiles.use(ProfileSettings(bridges={"brd": bridge}))
    shown = run(module, "confbridge show profile bridge brd")
    for said in (
        "Internal Sample Rate: 16000\n", "Maximum Sample Rate: 48000\n", "Max Members:          No Limit\n",
        "Record File:          a.wav\n", "Video Mode:           sfu\n", "sound_leave:          bye\n",
    ):  # fmt: skip
        assert said in shown


def test_a_pin_is_hidden_unless_secrets_are_shown(module: ProfilesModule) -> None:
    module._profiles.use(ProfileSettings({"usr": UserProfile("usr", pin="4711")}))
    assert "PIN:                     <hidden>\n" in run(module, "confbridge show profile user usr")
    module._server.options.show_secrets = True
    assert "PIN:                     4711\n" in run(module, "confbridge show profile user usr")


def test_reading_again_and_a_file_that_cannot_be_read(module: ProfilesModule, tmp_path: Path) -> None:
    said: list[str] = module._server.said  # type: ignore[attr-defined]
    (tmp_path / "confbridge.conf").write_text("[new]\ntype=user\nquiet=perhaps\n")
    module.reload()
    assert list(module._profiles.users) == ["new", "default_user"]
    assert "confbridge.conf:3" in said[0]
    (tmp_path / "confbridge.conf").write_text("[new\n")
    module.reload()
    assert list(module._profiles.users) == ["new", "default_user"]
    assert "is not used" in said[1]
    (tmp_path / "confbridge.conf").unlink()
    module.reload()
    assert list(module._profiles.users) == ["default_user"]


def test_usage_and_completion(module: ProfilesModule) -> None:
    for line in ("confbridge show menu", "confbridge show profile user a b", "confbridge show menus x"):
        with pytest.raises(UsageError):
            run(module, line)
    assert module._users(["u"]) == ["usr"]
    assert module._bridges(["b"]) == ["brd"]
    assert module._menus([""]) == ["default_menu", "menu1"]
