"""``res_fax.conf``: each option, what is wrong in it; a channel's details begin as it says."""

from __future__ import annotations

import pytest

from asterism.config import ConfigFile
from asterism.media.fax.terminal import ALL_MODEMS, Modem
from asterism.pbx.calls.fax.settings import FILE, MODEMS, FaxSettings, modem_names, read_settings, why_not_rates


def read(text: str) -> tuple[FaxSettings, list[str]]:
    settings, problems = read_settings(ConfigFile.parse(text, FILE))
    return settings, [str(one) for one in problems]


def test_every_option() -> None:
    text = "[general]\nmaxrate=9600\nminrate=4800\nstatusevents=yes\nmodems=v27,v29\necm=no\nt38timeout=900\n"
    assert read(text) == (FaxSettings(9600, 4800, True, Modem.V27 | Modem.V29, False, 900), [])
    assert read("") == (FaxSettings(), [])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("maxrate=9601", "accepted: 2400"),
        ("modems=v34", "v34"),
        ("t38timeout=0", "out of range"),
        ("colour=yes", "colour"),
        ("minrate=12000\nmaxrate=9600", "above"),
        ("modems=v27\nminrate=7200", "none of the modems"),
    ],
)
def test_what_is_wrong_leaves_the_default(line: str, words: str) -> None:
    settings, problems = read(f"[general]\n{line}\n")
    assert settings == FaxSettings()
    assert len(problems) == 1
    assert words in problems[0]


def test_an_unknown_section() -> None:
    assert "[other]" in read("[other]\n")[1][0]


def test_modems_are_read_as_they_are_written() -> None:
    assert MODEMS.parse("V.17, v27ter/v29", Modem(0)) == ALL_MODEMS
    assert MODEMS.parse(modem_names(Modem.V29), Modem(0)) == Modem.V29
    assert MODEMS.format(ALL_MODEMS) == "v17,v27,v29"


def test_rates_and_modems_go_together() -> None:
    assert not why_not_rates(14400, 2400, ALL_MODEMS)
    assert not why_not_rates(4800, 2400, Modem.V27)
    assert why_not_rates(4800, 2400, Modem.V17)
