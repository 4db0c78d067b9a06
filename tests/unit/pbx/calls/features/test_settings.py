"""``features.conf``: options, applications, groups, and what is wrong."""

from __future__ import annotations

import pytest
from features_kit import CONF, PBX

from asterism.config import ConfigFile
from asterism.pbx.calls.features.settings import (
    FEATUREMAP,
    GENERAL,
    OPTIONS,
    FeatureSettings,
    KeyedApplication,
    Options,
    convert,
    read_settings,
)


def read(text: str) -> tuple[FeatureSettings, list[str]]:
    settings, problems = read_settings(ConfigFile.parse(text, "features.conf"))
    return settings, [str(problem) for problem in problems]


def test_the_defaults() -> None:
    """Those of Asterisk 22."""
    options = read("")[0].options
    assert {name: options.text(name) for name in OPTIONS} == {
        "transferdigittimeout": "3", "featuredigittimeout": "1000", "atxfernoanswertimeout": "15",
        "atxferdropcall": "no", "atxferloopdelay": "10", "atxfercallbackretries": "2", "atxferabort": "*1",
        "atxfercomplete": "*2", "atxferthreeway": "*3", "atxferswap": "*4", "transferdialattempts": "3",
        "xfersound": "beep", "xferfailsound": "beeperr", "transferretrysound": "pbx-invalid",
        "transferinvalidsound": "privacy-incorrect", "transferannouncesound": "pbx-transfer", "pickupexten": "*8",
        "pickupsound": "", "pickupfailsound": "", "recordingfailsound": "", "courtesytone": "", "blindxfer": "#",
        "atxfer": "", "disconnect": "*", "parkcall": "", "automixmon": "", "automon": "",
    }  # fmt: skip


def test_the_recorded_file() -> None:
    settings, problems = read(CONF)
    assert problems == []
    assert (settings.options.blindxfer, settings.options.featuredigittimeout) == ("#1", 1500)
    assert settings.applications == {
        "tone": KeyedApplication("tone", "*7", False, "both", "Playback", "beep"),
        "note": KeyedApplication("note", "*6", True, "both", "NoOp", "featurearg"),
    }
    assert settings.groups == {"fgrp": {"tone": "*5", "note": ""}}
    assert [(one.name, one.code) for one in settings.named("note#fgrp#nosuch")] == [
        ("note", "*6"), ("tone", "*5"), ("note", "*6"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("*9,self,Wait,1", ("*9", False, "both", "Wait", "1", "")),
        ("*9,self/caller,Wait(1)", ("*9", False, "caller", "Wait", "1", "")),
        ("*9,peer/callee,Gosub(a,s,1),jazz", ("*9", True, "callee", "Gosub", "a,s,1", "jazz")),
        ('*9,PEER/BOTH,Gosub,"a,s,1",jazz', ("*9", True, "both", "Gosub", "a,s,1", "jazz")),
        ("a9,callee,NoOp", ("A9", False, "callee", "NoOp", "", "")),
        ("*9,self,NoOp,,jazz", ("*9", False, "both", "NoOp", "", "jazz")),
    ],
)
def test_an_application(value: str, expected: tuple[object, ...]) -> None:
    settings, problems = read(f"[applicationmap]\nx => {value}\n")
    assert problems == []
    one = settings.applications["x"]
    assert (one.code, one.on_peer, one.by, one.application, one.data, one.music) == expected


@pytest.mark.parametrize(
    ("section", "line", "said"),
    [
        ("general", "transferdigittimeout = -1", "whole seconds"),
        ("general", "transferdigittimeout = 99999999999", "whole seconds"),
        ("general", "featuredigittimeout = 1.5", "whole milliseconds"),
        ("general", "atxferdropcall = perhaps", "yes or no"),
        ("general", "atxferabort = star", "no code"),
        ("general", "transferdialattempts = many", "a whole number"),
        ("general", "nosuch = 1", "unknown in [general]"),
        ("featuremap", "blindxfer = 123456789012", "no code"),
        ("featuremap", "nosuch = #9", "unknown in [featuremap]"),
        ("applicationmap", "x => *9", "is not self or peer"),
        ("applicationmap", "x => *9,self", "no application"),
        ("applicationmap", "x => *9,them,NoOp", "is not self or peer"),
        ("applicationmap", "x => *9,self/all,NoOp", "is not caller, callee or both"),
        ("applicationmap", "x => nine,self,NoOp", "no code"),
        ("applicationmap", "x => *9,self,NoOp,a,b,c", "more than one argument"),
        ("group", "nosuch => *9", "no such application"),
    ],
)
def test_what_is_wrong_is_told_and_left_at_its_default(section: str, line: str, said: str) -> None:
    settings, problems = read(f"[{section}]\n{line}\n")
    (problem,) = problems
    assert said in problem
    assert "features.conf:2" in problem
    assert not settings.applications
    defaults = Options()
    assert all(settings.options.text(name) == defaults.text(name) for name in OPTIONS)


def test_every_option_has_a_default_that_it_takes_and_a_meaning() -> None:
    for name, spec in {**GENERAL, **FEATUREMAP}.items():
        convert(name, spec.default)
        assert spec.help


EFFECTS = {
    "transferdigittimeout": "calls/features/test_transferring.py::test_the_options_of_the_prompts_and_the_context",
    "transferdialattempts": "calls/features/test_transferring.py::test_the_options_of_the_prompts_and_the_context",
    "transferannouncesound": "calls/features/test_transferring.py::test_the_options_of_the_prompts_and_the_context",
    "transferretrysound": "calls/features/test_transferring.py::test_the_options_of_the_prompts_and_the_context",
    "transferinvalidsound": "calls/features/test_transferring.py::test_the_options_of_the_prompts_and_the_context",
    "featuredigittimeout": "calls/features/test_member.py::test_the_pause_between_the_digits_of_a_code",
    "xfersound": "calls/features/test_consultation.py::test_the_sounds_are_those_of_the_file_and_may_be_none",
    "xferfailsound": "calls/features/test_consultation.py::test_the_sounds_are_those_of_the_file_and_may_be_none",
    "atxferabort": "calls/features/test_consultation.py::test_the_keys_are_those_of_the_file",
    "atxferswap": "calls/features/test_consultation.py::test_the_keys_are_those_of_the_file",
    "atxferthreeway": "calls/features/test_consultation.py::test_the_keys_are_those_of_the_file",
    "atxfercomplete": "calls/features/test_consultation.py::test_the_keys_are_those_of_the_file",
    "atxfernoanswertimeout": "calls/features/test_consultation.py::test_how_long_a_target_is_called",
    "atxferdropcall": "calls/features/test_consultation.py::"
    "test_hanging_up_while_it_rings_and_the_target_does_not_answer",
    "atxferloopdelay": "calls/features/test_consultation.py::test_attempts_to_call_the_transferer_back",
    "atxfercallbackretries": "calls/features/test_consultation.py::test_attempts_to_call_the_transferer_back",
    "pickupexten": "calls/features/test_module.py::test_the_code",
    "pickupsound": "../../integration/test_pickup.py::test_the_sounds_of_features_conf",
    "pickupfailsound": "../../integration/test_pickup.py::test_the_sounds_of_features_conf",
    "courtesytone": "../../integration/test_one_touch.py::test_the_key_records_the_other_party_and_ends_it",
    "recordingfailsound": "calls/features/test_member.py::test_a_recording_by_key_that_cannot_begin",
    **dict.fromkeys(FEATUREMAP, "calls/features/test_member.py::test_by_the_options_of_dial"),
}
"""A test that fails if the server ignores the option, by option."""


def test_every_option_has_a_test_of_its_effect() -> None:
    assert EFFECTS.keys() == OPTIONS.keys()
    for option, test in EFFECTS.items():
        path, _, name = test.partition("::")
        text = (PBX / path).read_text()
        assert f"def {name}" in text, option


def test_a_copy_with_one_option_set() -> None:
    options = Options().having("blindxfer", "##").inherited(True)
    assert (options.blindxfer, options.atxferabort, options.inherit) == ("##", "*1", True)
    with pytest.raises(KeyError):
        options.having("nosuch", "1")
    with pytest.raises(AttributeError):
        _ = options.nosuch
