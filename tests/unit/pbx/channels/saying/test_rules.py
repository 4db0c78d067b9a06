"""What all rules have in common."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asterism.pbx.channels.saying.languages import RULES
from asterism.pbx.channels.saying.rules import MOST, Rules

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy with other tests."""

ALL = sorted({rules.language: rules for rules in RULES.values()}.values(), key=lambda rules: rules.language)


@pytest.mark.parametrize("rules", ALL, ids=lambda rules: rules.language)
@PATIENT
@given(number=st.integers(-MOST, MOST), gender=st.sampled_from(["", "m", "f", "n", "c", "x"]))
def test_every_number_is_a_few_prompts(rules: Rules, number: int, gender: str) -> None:
    for names in (rules.number(number, gender), rules.ordinal(number, gender)):
        assert 0 < len(names) < 32
        assert all(re.fullmatch(r"digits/[0-9A-Za-z-]+", name) for name in names)


@pytest.mark.parametrize("rules", ALL, ids=lambda rules: rules.language)
@PATIENT
@given(numbers=st.lists(st.integers(-MOST, MOST), min_size=2, max_size=2, unique=True))
def test_different_numbers_are_said_differently(rules: Rules, numbers: list[int]) -> None:
    first, second = numbers
    assert rules.number(first) != rules.number(second)


@pytest.mark.parametrize("rules", ALL, ids=lambda rules: rules.language)
def test_numbers_up_to_a_hundred_thousand_differ(rules: Rules) -> None:
    said = {tuple(rules.number(number)) for number in range(100_001)}
    assert len(said) == 100_001


@pytest.mark.parametrize("rules", ALL, ids=lambda rules: rules.language)
def test_a_number_that_is_too_large_is_refused(rules: Rules) -> None:
    for number in (MOST + 1, -MOST - 1, 10**5000):
        with pytest.raises(ValueError, match="12 digits"):
            rules.number(number)


@pytest.mark.parametrize("rules", ALL, ids=lambda rules: rules.language)
def test_money_has_both_parts_only_where_there_are_both(rules: Rules) -> None:
    assert "and" in rules.money(12, 35)
    assert "and" not in rules.money(12, 0)
    assert "and" not in rules.money(0, 35)
    assert rules.money(12, 35)[-1] == "cents"
