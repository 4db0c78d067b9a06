"""The format language of times."""

from __future__ import annotations

import datetime
import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asterism.pbx.channels.saying.dates import MOST_FORMAT, moment_names
from asterism.pbx.channels.saying.english import English
from asterism.pbx.channels.saying.french import French
from asterism.pbx.channels.saying.german import German
from asterism.pbx.channels.saying.rules import Rules
from asterism.pbx.channels.saying.spanish import Spanish

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy with other tests."""

NOW = datetime.datetime(2023, 11, 14, 22, 13, 20)
MOMENTS = st.integers(-62_000_000_000, 253_000_000_000).map(
    lambda seconds: datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
)


def said(form: str = "", moment: datetime.datetime = NOW, rules: Rules | None = None) -> str:
    names = moment_names(rules or English(), moment, NOW, form)
    return " ".join(name.removeprefix("digits/") for name in names)


def test_today_yesterday_and_before() -> None:
    day = datetime.timedelta(days=1)
    assert said("Q") == "today"
    assert said("q") == ""
    assert said("Q", NOW - day) == said("q", NOW - day) == "yesterday"
    assert said("Q", NOW + day) == "tomorrow"
    assert said("Q", NOW - 2 * day) == "day-0"
    assert said("Q", NOW - 6 * day) == "day-3"
    assert said("Q", NOW - 7 * day) == said("BdY", NOW - 7 * day) == "mon-10 h-7 2 thousand 20 3"
    assert said("Q", NOW + 2 * day) == "mon-10 h-16 2 thousand 20 3"
    assert said("Q", NOW.replace(hour=0, minute=0, second=0) - datetime.timedelta(seconds=1)) == "yesterday"


def test_quoted_names_are_played_as_they_are() -> None:
    assert said("'vm-received' Q 'hello world'k") == "vm-received today hello world 20 2"
    assert said("k'''open end") == "20 2 open end"


def test_other_languages_have_their_own_default() -> None:
    assert said(rules=German()) == "day-2 h-14 mon-10 2 thousand 3-and 20 at 2-and 20 oclock 13"
    assert said(rules=French()) == "day-2 14 mon-10 2 thousand 20 3 at 20 2 oclock 13"
    assert said(rules=Spanish()) == "day-2 14 es-de mon-10 es-de 2 thousand 23 at_s 10 and 13 p-m"
    assert said() == "day-2 mon-10 h-14 2 thousand 20 3 at 10 13 p-m"
    assert said("Q", NOW.replace(year=2001), German()) == "h-14 mon-10 2 thousand 1"


def test_unknown_letters_are_told_with_their_place_and_the_others_said() -> None:
    told: list[tuple[str, int]] = []
    names = moment_names(English(), NOW, NOW, "k x", lambda letter, place: told.append((letter, place)))
    assert names == ["digits/20", "digits/2"]
    assert told == [("x", 2)]


@PATIENT
@given(
    st.text(string.ascii_letters + " '%", max_size=20),
    MOMENTS,
    st.sampled_from([English(), German(), French(), Spanish()]),
)
def test_any_format_says_any_moment(form: str, moment: datetime.datetime, rules: Rules) -> None:
    assert all(name for name in moment_names(rules, moment, NOW, form))


def test_a_long_format_is_cut() -> None:
    assert len(moment_names(English(), NOW, NOW, "T" * 10**6)) <= 5 * MOST_FORMAT
