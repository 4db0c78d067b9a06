"""English, as recorded from Asterisk."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from say_kit import recorded

from asterism.pbx.channels.saying.english import English
from asterism.pbx.channels.saying.rules import MOST

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy with other tests."""

ENGLISH = English()
VALUES = {
    **{f"digits/{number}": number for number in (*range(21), *range(30, 100, 10))},
    "digits/hundred": 100, "digits/thousand": 1000, "digits/million": 10**6, "digits/billion": 10**9,
}  # fmt: skip


def value(names: list[str]) -> int:
    """The number that a listener understands."""
    total = part = 0
    for name in names:
        number = VALUES[name]
        if number == 100:
            part *= 100
        elif number > 100:
            total, part = total + part * number, 0
        else:
            part += number
    return total + part


@PATIENT
@given(st.integers(1, MOST))
def test_what_is_said_is_the_number(number: int) -> None:
    assert value(ENGLISH.number(number)) == number
    assert ENGLISH.number(-number) == ["digits/minus", *ENGLISH.number(number)]


@pytest.mark.parametrize(("text", "names"), recorded("SayOrdinal"))
def test_ordinals_are_those_of_the_record(text: str, names: list[str]) -> None:
    assert ENGLISH.ordinal(int(text)) == names


@pytest.mark.parametrize(
    ("year", "names"),
    [
        (1970, "19 70"), (1905, "19 oh 5"), (1900, "19 hundred"), (2000, "2 thousand"), (2005, "2 thousand 5"),
        (2115, "20 1 15"), (1066, "1 thousand 60 6"), (3000, "3 thousand"),
    ],
)  # fmt: skip
def test_years_go_by_centuries(year: int, names: str) -> None:
    assert ENGLISH.year(year) == [f"digits/{name}" for name in names.split()]


def test_one_cent_is_singular() -> None:
    assert ENGLISH.money(1, 1) == ["digits/1", "letters/dollar_", "and", "digits/1", "cent"]
    assert ENGLISH.money(2, 0, True) == ["digits/minus", "digits/2", "dollars"]


def test_minutes_and_hours() -> None:
    assert ENGLISH.minute(0, True) == ["digits/hundred"]
    assert ENGLISH.minute(5) == ["digits/oh", "digits/5"]
    assert ENGLISH.hour(0, True) == ["digits/oh"]
    assert ENGLISH.hour(7, True) == ["digits/oh", "digits/7"]
    assert ENGLISH.hour(7) == ["digits/7"]
