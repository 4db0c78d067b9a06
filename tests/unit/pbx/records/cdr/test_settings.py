"""``cdr.conf``: defaults, values, and what is wrong."""

from __future__ import annotations

import pytest

from asterism.config import ConfigFile
from asterism.pbx.records.cdr.settings import OPTIONS, Settings, read_settings


def settings_of(text: str) -> tuple[Settings, list[str]]:
    settings, problems = read_settings(ConfigFile.parse(text))
    return settings, [str(one) for one in problems]


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_has_the_default_that_is_documented_and_takes_another(name: str) -> None:
    spec = OPTIONS[name]
    other = "7" if spec.most else "no" if spec.default == "yes" else "yes"
    default, problems = settings_of(f"[general]\n{name} = {spec.default}\n")
    assert default == Settings()
    changed, more = settings_of(f"[general]\n{name.upper()} = {other}\n")
    assert getattr(changed, name) == (7 if spec.most else other == "yes")
    assert problems == more == []


def test_a_wrong_line_is_told_with_its_place_and_leaves_the_default() -> None:
    settings, problems = settings_of("[general]\nsize = many\ntime = 0\nunanswered = perhaps\nloguniqueid = yes\n")
    assert settings == Settings()
    assert [problem.partition("option ")[2].partition(";")[0] for problem in problems] == [
        "'size': 'many' is not a number",
        "'time': 0 is out of range",
        "'unanswered': 'perhaps' is neither yes nor no",
        "'loguniqueid': there is no option 'loguniqueid'",
    ]
    assert all(":" in problem for problem in problems)


def test_other_sections_are_left_to_those_who_write() -> None:
    assert settings_of("[csv]\nloguniqueid = yes\n") == (Settings(), [])


def test_when_records_are_written() -> None:
    settings, _ = settings_of("[general]\nbatch = yes\nsize = 3\ntime = 4\nsafeshutdown = no\n")
    waiting = settings.waiting
    assert (waiting.enabled, waiting.size, waiting.time, waiting.safeshutdown) == (True, 3, 4, False)
