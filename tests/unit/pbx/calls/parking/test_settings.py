"""``res_parking.conf``: every option, and lines that are wrong."""

from __future__ import annotations

import dataclasses

import pytest
from parking_kit import LOTS

from asterism.config import ConfigFile
from asterism.core.errors import ConfigError
from asterism.pbx.calls.parking.settings import (
    MOST_LOTS,
    OPTIONS,
    LotSettings,
    ParkingSettings,
    derive,
    is_lot_name,
    read_settings,
)


def read(text: str) -> tuple[ParkingSettings, list[str]]:
    settings, problems = read_settings(ConfigFile.parse(text, "res_parking.conf"))
    return settings, [str(problem) for problem in problems]


def test_the_recorded_file() -> None:
    settings, problems = read(LOTS)
    assert problems == []
    assert settings.dynamic
    assert settings.lots == {
        "default": LotSettings(
            "default", "700", parkpos=(701, 705), parkingtime=4, comebackdialtime=5, courtesytone="beep",
            findslot="next", parkedmusicclass="two",
        ),
        "lot2": LotSettings(
            "lot2", parkpos=(801, 803), context="lot2", parkingtime=3, comebacktoorigin=False,
            comebackcontext="pcomeback",
        ),
    }  # fmt: skip


def test_defaults_are_those_of_the_table_and_the_lot_default_is_always_there() -> None:
    settings, problems = read("")
    assert (settings, problems) == (ParkingSettings(), [])
    lot = settings.lots["default"]
    assert {name: getattr(lot, name) for name in OPTIONS} == {name: spec.default for name, spec in OPTIONS.items()}
    assert [field.name for field in dataclasses.fields(LotSettings)] == ["name", *OPTIONS]
    assert all(spec.help for spec in OPTIONS.values())


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("parkpos", "705-701", "has no extensions"),
        ("parkpos", "701", "is no range"),
        ("parkpos", "1-100000", "more than"),
        ("parkpos", "a-b", "is no range"),
        ("parkpos", "١-٣", "is no range"),
        ("parkingtime", "soon", "not a whole number"),
        ("parkingtime", "-1", "out of range"),
        ("findslot", "last", "not one of the accepted words"),
        ("parkedplay", "parked", "not one of the accepted words"),
        ("context", "", "may not be empty"),
        ("context", "x" * 81, "too long"),
        ("parkext", "_7XX", "characters that it may not have"),
        ("parkext", "7${EXTEN}", "characters that it may not have"),
        ("nosuch", "1", "is unknown"),
    ],
)
def test_a_wrong_line_is_named_with_its_place_and_the_rest_loads(option: str, value: str, said: str) -> None:
    settings, (problem,) = read(f"[default]\nparkingtime=7\n[b]\n{option}={value}\nparkpos=801-810\n")
    assert said in problem
    assert "res_parking.conf:4" in problem
    assert settings.lots["default"].parkingtime == 7
    assert settings.lots["b"].parkpos == (801, 810)


def test_lots_whose_extensions_are_others_are_left_out() -> None:
    settings, problems = read(
        "[default]\nparkext=700\nparkpos=701-720\n[b]\nparkpos=720-730\n[c]\nparkpos=731-740\nparkext=705\n"
        "[d]\ncontext=d\nparkpos=700-710\nparkext=702\n[e]\nparkpos=741-750\nparkext=700\nparkext_exclusive=yes\n"
        "[f]\nparkpos=751-760\nparkext=700\n[default]\nparkpos=1-2\n[x,y]\n"
    )
    assert list(settings.lots) == ["default", "f"]
    assert [problem.partition(" is left out")[0].rpartition("parking lot ")[2] for problem in problems[:4]] == [
        "'b'", "'c'", "'d'", "'e'",
    ]  # fmt: skip
    assert "is there already" in problems[4]
    assert "is no name" in problems[5]


def test_the_default_lot_that_is_not_in_the_file_makes_way() -> None:
    settings, problems = read("[a]\nparkpos=1-800\n")
    assert problems == []
    assert settings.lots["default"].context == "parkedcalls2"


def test_unknown_options_of_general_and_too_many_lots() -> None:
    text = "".join(f"[l{number}]\ncontext=c{number}\n" for number in range(MOST_LOTS + 5))
    settings, problems = read("[general]\nparkingtime=3\n" + text)
    assert "is unknown in [general]" in problems[0]
    assert "more than" in problems[1]
    assert len(settings.lots) == MOST_LOTS + 1


@pytest.mark.parametrize("name", ["", "a,b", "a@b", "a(b", "${X}", "a&b", "x" * 81, "a\x00", "_X", 'a"b', "a|b"])
def test_what_is_no_name_for_a_lot(name: str) -> None:
    assert not is_lot_name(name)


def test_dynamic_lots_are_like_another_one() -> None:
    template = LotSettings("default", "700", parkingtime=9)
    made = derive(template, "x", context="ctx", parkext="900", parkpos="901-910")
    assert made == LotSettings("x", "900", parkpos=(901, 910), context="ctx", parkingtime=9)
    for change in ({"parkpos": "9"}, {"context": "a b,c"}, {"parkext": "_X"}):
        with pytest.raises(ConfigError):
            derive(template, "x", **{"context": "", "parkext": "", "parkpos": "", **change})
