"""Spanish, by its grammar."""

from __future__ import annotations

import datetime

import pytest

from asterism.pbx.channels.saying.spanish import Spanish

SPANISH = Spanish()


@pytest.mark.parametrize(
    ("number", "gender", "names"),
    [
        (1, "", "1"), (1, "m", "1M"), (1, "f", "1F"), (20, "", "20"), (21, "", "21"), (21, "m", "20-and 1M"),
        (21, "f", "20-and 1F"), (29, "", "29"), (31, "", "30 and 1"), (31, "f", "30 and 1F"), (99, "", "90 and 9"),
        (100, "", "hundred"), (101, "", "100-and 1"), (199, "", "100-and 90 and 9"), (500, "", "500"),
        (1000, "", "thousand"), (1001, "", "thousand 1"), (2000, "", "2 thousand"), (21_000, "", "20-and 1M thousand"),
        (100_000, "", "hundred thousand"), (1_000_000, "", "1M million"), (31_000_000, "", "30 and 1M millions"),
        (1_000_000_000, "", "thousand millions"), (-5, "", "minus 5"),
    ],
)  # fmt: skip
def test_numbers(number: int, gender: str, names: str) -> None:
    assert SPANISH.number(number, gender) == [f"digits/{name}" for name in names.split()]


@pytest.mark.parametrize(
    ("number", "names"),
    [
        (1, "h-1"), (12, "h-12"), (20, "h-20"), (21, "h-20 h-1"), (100, "h-hundred"), (121, "h-hundred h-20 h-1"),
        (1000, "h-thousand"), (200, "200"), (0, "0"),
    ],
)  # fmt: skip
def test_ordinals(number: int, names: str) -> None:
    assert SPANISH.ordinal(number) == [f"digits/{name}" for name in names.split()]


def test_times() -> None:
    assert SPANISH.hour(1) == ["digits/1F"]
    assert SPANISH.hour(21) == ["digits/20-and", "digits/1F"]
    assert SPANISH.minute(0) == ["digits/oclock"]
    assert SPANISH.minute(13) == ["digits/and", "digits/13"]
    one, two = (datetime.datetime(2023, 11, 14, hour) for hour in (13, 14))
    assert "'digits/at' " in SPANISH.default_format(one)
    assert "'digits/at_s' " in SPANISH.default_format(two)
