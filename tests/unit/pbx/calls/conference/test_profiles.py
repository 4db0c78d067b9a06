"""``confbridge.conf``: profiles, menus, templates, what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.config import ConfigFile
from asterism.pbx.calls.conference.menus import Action
from asterism.pbx.calls.conference.profiles import (
    MOST,
    BridgeProfile,
    Profiles,
    ProfileSettings,
    UserProfile,
    read_settings,
)

RECORD = Path(__file__).parents[4] / "data/record"


def read(text: str) -> tuple[ProfileSettings, list[str]]:
    settings, problems = read_settings(ConfigFile.parse(text, "confbridge.conf"))
    return settings, [str(problem) for problem in problems]


def test_the_recorded_file() -> None:
    settings, problems = read((RECORD / "configs/asterisk22/confbridge.conf").read_text())
    assert problems == []
    assert settings.users["usr"] == UserProfile(
        "usr", quiet=True, talk_detection_events=True, dsp_drop_silence=True, dsp_silence_threshold=500
    )
    assert settings.users["wait"] == UserProfile("wait", wait_marked=True, end_marked=True, quiet=True)
    assert settings.bridges == {"brd": BridgeProfile("brd", max_members=10)}
    assert settings.menus["menu1"].entries["*"] == (Action("playback_and_continue", "beep"),)
    assert len(settings.menus["menu1"].entries) == 9


def test_the_default_profiles_are_always_there() -> None:
    profiles = Profiles()
    assert (profiles.default_user.name, profiles.default_bridge.name) == ("default_user", "default_bridge")
    assert (profiles.default_menu.name, profiles.default_menu.entries) == ("default_menu", {})
    settings, problems = read("[default_user]\ntype=user\nquiet=yes\n[default_menu]\ntype=menu\n1=toggle_mute\n")
    profiles.use(settings)
    assert problems == []
    assert profiles.default_user.quiet
    assert list(profiles.default_menu.entries) == ["1"]
    assert list(profiles.bridges) == ["default_bridge"]


@pytest.mark.parametrize(
    ("kind", "line", "said"),
    [
        ("user", "nosuch=1", "unknown in a user profile"),
        ("user", "quiet=maybe", "'maybe' is not yes or no"),
        ("user", "timeout=soon", "not a whole number"),
        ("user", "timeout=-1", "out of range"),
        ("user", "dsp_talking_threshold=40000", "out of range"),
        ("user", "announce_user_count_all=few", "not a whole number"),
        ("user", f"announcement={'x' * 1025}", "longer than"),
        ("user", "pin=secret", "nobody can dial this PIN"),
        ("user", "pin=12#", "nobody can dial this PIN"),
        ("user", "template=nosuch", "there is no user profile 'nosuch'"),
        ("user", "template=p", "is made from this one"),
        ("bridge", "internal_sample_rate=11025", "no rate that can be mixed at"),
        ("bridge", "mixing_interval=21", "not one of the intervals"),
        ("bridge", "video_mode=all", "not one of the accepted words"),
        ("bridge", "sound_nosuch=a", "unknown in a bridge profile"),
        ("user", "send_events=yes", "it has no effect: Events of conferences"),
        ("bridge", "binaural_active=yes", "it has no effect"),
        ("menu", "1=dance", "'dance' is no action; accepted: up to 11"),
        ("menu", "nonsense", "not of the form"),
        ("menu", "x=toggle_mute", "is not up to 11 of the digits"),
    ],
)
def test_a_wrong_line_is_named_with_its_place_and_the_rest_loads(kind: str, line: str, said: str) -> None:
    file = ConfigFile.parse(f"[good]\ntype=user\nmarked=yes\n[p]\ntype={kind}\n{line}\n", "confbridge.conf")
    settings, problems = read_settings(file)
    (problem,) = [*map(str, file.warnings), *map(str, problems)]
    assert said in problem or line == "nonsense"
    assert "confbridge.conf:6" in problem
    assert settings.users["good"].marked
    assert "p" in {**settings.users, **settings.bridges, **settings.menus}


def test_a_pin_that_nobody_can_dial_lets_nobody_in() -> None:
    settings, _ = read("[p]\ntype=user\npin=secret\n")
    assert settings.users["p"].pin == "secret"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[p]\nquiet=yes\n", "profile 'p' has no type; accepted: user, bridge, menu"),
        ("[p]\ntype=room\n", "profile 'p' has type 'room'"),
        ("[p]\ntype=user\n[p]\ntype=user\n", "user profile 'p' is there already"),
        (f"[{'x' * 128}]\ntype=user\n", "is no name for a profile"),
        ("[general]\nquiet=yes\n", "[general] has no options"),
    ],
)
def test_sections_that_cannot_be(text: str, said: str) -> None:
    settings, (problem,) = read(text + "[other]\ntype=user\n")
    assert said in problem
    assert "confbridge.conf:" in problem
    assert "other" in settings.users


def test_one_name_may_be_a_profile_of_each_kind() -> None:
    settings, problems = read("[a]\ntype=user\n[a]\ntype=bridge\n[a]\ntype=menu\n")
    assert problems == []
    assert (list(settings.users), list(settings.bridges), list(settings.menus)) == (["a"], ["a"], ["a"])


def test_profiles_are_bounded() -> None:
    settings, problems = read("".join(f"[p{number}]\ntype=user\n" for number in range(MOST + 2)))
    assert len(settings.users) == MOST
    assert len(problems) == 2
    assert "more than" in problems[0]


def test_a_template_counts_where_the_profile_says_nothing() -> None:
    settings, problems = read(
        "[b]\ntype=user\nquiet=no\ntemplate=a\n[a]\ntype=user\nadmin=yes\nquiet=yes\n"
        "[n]\ntype=menu\ntemplate=m\n2=no_op\n[m]\ntype=menu\n1=toggle_mute\n"
        "[z]\ntype=bridge\nsound_join=beep\n[y]\ntype=bridge\ntemplate=z\nsound_leave=bye\n"
    )
    assert problems == []
    assert settings.users["b"] == UserProfile("b", admin=True, quiet=False)
    assert list(settings.menus["n"].entries) == ["1", "2"]
    assert settings.menus["n"].name == "n"
    assert (settings.bridges["y"].sound("join"), settings.bridges["y"].sound("leave")) == ("beep", "bye")


def test_templates_in_a_circle_are_told() -> None:
    settings, problems = read("[a]\ntype=user\ntemplate=b\nquiet=yes\n[b]\ntype=user\ntemplate=a\nmarked=yes\n")
    assert len(problems) == 1
    assert settings.users["a"] == UserProfile("a", quiet=True, marked=True)
    assert settings.users["b"] == UserProfile("b", marked=True)


def test_a_chain_of_templates_is_bounded() -> None:
    chain = "".join(f"[p{number}]\ntype=user\ntemplate=p{number + 1}\n" for number in range(900))
    settings, problems = read(chain + "[p900]\ntype=user\n")
    assert any("more than 50 templates" in str(problem) for problem in problems)
    assert "p0" in settings.users
