"""German, by its grammar."""

from __future__ import annotations

import pytest

from asterism.pbx.channels.saying.german import German

GERMAN = German()


@pytest.mark.parametrize(
    ("number", "gender", "names"),
    [
        (1, "", "1"), (1, "f", "1F"), (1, "m", "1N"), (1, "n", "1N"), (20, "", "20"), (21, "f", "1-and 20"),
        (99, "", "9-and 90"), (100, "", "1N hundred"), (101, "", "1N hundred 1"), (101, "f", "1N hundred 1F"),
        (1000, "", "1N thousand"), (21_000, "", "1-and 20 thousand"), (12_345, "", "12 thousand 3 hundred 5-and 40"),
        (1_000_000, "", "1F million"), (2_000_001, "", "2 millions 1"), (1_000_000_000, "", "1F milliard"),
        (21_000_000_000, "", "1-and 20 milliards"), (-5, "", "minus 5"),
    ],
)  # fmt: skip
def test_numbers(number: int, gender: str, names: str) -> None:
    assert GERMAN.number(number, gender) == [f"digits/{name}" for name in names.split()]


@pytest.mark.parametrize(
    ("number", "names"),
    [
        (1, "h-1"), (14, "h-14"), (21, "1-and h-20"), (100, "1N h-hundred"), (1003, "1N thousand h-3"),
        (2_000_000, "2 h-million"), (3_000_000_000, "3 h-milliard"),
    ],
)  # fmt: skip
def test_ordinals(number: int, names: str) -> None:
    assert GERMAN.ordinal(number) == [f"digits/{name}" for name in names.split()]


def test_times() -> None:
    assert GERMAN.hour(1) == ["digits/1N", "digits/oclock"]
    assert GERMAN.hour(21) == ["digits/1-and", "digits/20", "digits/oclock"]
    assert GERMAN.minute(0) == []
    assert GERMAN.year(1985) == ["digits/19", "digits/hundred", "digits/5-and", "digits/80"]
    assert GERMAN.year(2023) == ["digits/2", "digits/thousand", "digits/3-and", "digits/20"]


def test_money_is_ein_dollar() -> None:
    assert GERMAN.money(1, 0) == ["digits/1N", "dollar"]
    assert GERMAN.money(0, 0) == ["digits/0", "dollars"]
