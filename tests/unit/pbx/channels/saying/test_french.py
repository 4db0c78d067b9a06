"""French, by its grammar."""

from __future__ import annotations

import pytest

from asterism.pbx.channels.saying.french import French

FRENCH = French()


@pytest.mark.parametrize(
    ("number", "gender", "names"),
    [
        (1, "", "1"), (1, "f", "1F"), (21, "", "20 et 1"), (21, "f", "20 et 1F"), (22, "", "20 2"), (61, "", "60 et 1"),
        (70, "", "70"), (71, "", "60 et 11"), (72, "", "60 12"), (79, "", "60 19"), (80, "", "80"), (81, "", "80 1"),
        (90, "", "90"), (91, "", "80 11"), (99, "", "80 19"), (100, "", "hundred"), (101, "", "hundred 1"),
        (200, "", "2 hundred"), (1000, "", "thousand"), (1971, "", "thousand 9 hundred 60 et 11"),
        (2000, "", "2 thousand"), (21_000, "f", "20 et 1 thousand"), (1_000_000, "", "1 million"),
        (2_000_000_000, "", "2 milliard"), (-5, "", "minus 5"),
    ],
)  # fmt: skip
def test_numbers(number: int, gender: str, names: str) -> None:
    assert FRENCH.number(number, gender) == [f"digits/{name}" for name in names.split()]


@pytest.mark.parametrize(
    ("number", "names"),
    [
        (1, "h-1"), (2, "h-2"), (17, "h-17"), (20, "h-20"), (22, "20 h-2"), (71, "60 et h-11"), (100, "h-hundred"),
        (21, "20 et 1"), (101, "hundred 1"), (10**9, "1 h-billion"), (11, "h-11"), (91, "80 h-11"),
    ],
)  # fmt: skip
def test_ordinals(number: int, names: str) -> None:
    assert FRENCH.ordinal(number) == [f"digits/{name}" for name in names.split()]


def test_times() -> None:
    assert FRENCH.day(1) == ["digits/h-1"]
    assert FRENCH.day(21) == ["digits/20", "digits/et", "digits/1"]
    assert FRENCH.hour(1) == ["digits/1F", "digits/oclock"]
    assert FRENCH.minute(0) == []
    assert FRENCH.minute(21) == ["digits/20", "digits/et", "digits/1F"]


def test_none_is_singular() -> None:
    assert FRENCH.noun(0, "appel") == "appel"
    assert FRENCH.noun(2, "appel") == "appels"
