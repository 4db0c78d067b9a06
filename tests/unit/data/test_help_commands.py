from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from asterism.core.commands import CommandCall
from asterism.core.errors import CommandError, UsageError
from asterism.core.registry import Owner
from asterism.data import Data
from asterism.data.help_commands import ConfigHelp
from asterism.sip.objects import register_types


@pytest.fixture
def ask(tmp_path: Path):
    data = Data(Owner("test"), logging.getLogger("test.help"), tmp_path)
    register_types(data)
    module = ConfigHelp()
    module.load(SimpleNamespace(data=data, register_marked=lambda _holder: None))

    def run(line: str) -> str:
        return module.show_help(CommandCall(line.split(), print))

    run.module = module  # type: ignore[attr-defined]
    return run


def test_types_options_and_one_option(ask) -> None:
    assert "\nendpoint  " in ask("")
    assert "\ndirect_media  " in ask("endpoint")
    text = ask("aor max_contacts")
    assert text.startswith("[aor] max_contacts = a whole number")
    assert "Default: 0\n" in text


def test_asterisk_s_spelling_with_the_module_in_front(ask) -> None:
    assert ask("res_pjsip endpoint allow") == ask("endpoint allow")


def test_an_option_without_effect_says_so(ask) -> None:
    assert "Accepted without effect: there is no advice of charge." in ask("endpoint send_aoc")


def test_what_does_not_exist_is_named(ask) -> None:
    with pytest.raises(CommandError, match="no type 'nosuch'"):
        ask("nosuch")
    with pytest.raises(CommandError, match="aor has no option 'nosuch'"):
        ask("aor nosuch")
    with pytest.raises(UsageError):
        ask("aor max_contacts more")


def test_completion(ask) -> None:
    assert "endpoint" in ask.module.complete([""])
    assert "max_contacts" in ask.module.complete(["aor", ""])
    assert "max_contacts" in ask.module.complete(["res_pjsip", "aor", ""])
