"""``cel.conf`` as it is read."""

from __future__ import annotations

import pytest

from asterism.config import ConfigFile
from asterism.pbx.records.cel.settings import EVENTS, MOST_APPLICATIONS, CelSettings, read_settings


def read(text: str) -> tuple[CelSettings, list[str]]:
    found, problems = read_settings(ConfigFile.parse(text, "cel.conf"))
    return found, [str(problem) for problem in problems]


def test_nothing_is_recorded_by_default() -> None:
    assert read("") == (CelSettings(), [])
    assert not CelSettings().enable


def test_events_and_applications_of_several_lines_add_up() -> None:
    found, problems = read(
        "[general]\nenable=yes\nevents=chan_start, ANSWER\nevents=HANGUP\napps=Dial,park\napps=dial , Queue\n"
        "dateformat=%F %T\n[manager]\nenabled=on\nshow_user_defined=1\n"
    )
    assert problems == []
    assert found == CelSettings(
        True, frozenset(("CHAN_START", "ANSWER", "HANGUP")), False, ("dial", "park", "queue"), "%F %T", True, True
    )


def test_all_are_all_that_there_are() -> None:
    found, _ = read("[general]\nevents=ANSWER,all\n")
    assert found.all_events
    assert found.events == frozenset(EVENTS)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("events=ANSWERED", "ANSWERED"),
        ("enable=perhaps", "perhaps"),
        ("radius=yes", "radius"),
        ("enabled=yes", "enabled"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_left_out(line: str, named: str) -> None:
    found, problems = read(f"[general]\n{line}\nevents=HANGUP\n")
    assert found == CelSettings(events=frozenset(("HANGUP",)))
    assert len(problems) == 1
    assert named in problems[0]
    assert "cel.conf:2" in problems[0]


def test_the_number_of_applications_is_limited() -> None:
    found, _ = read("[general]\napps=" + ",".join(f"a{number}" for number in range(2 * MOST_APPLICATIONS)))
    assert len(found.applications) == MOST_APPLICATIONS
