"""Spelling: digits, letters, the phonetic alphabet."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from say_kit import recorded

from asterism.pbx.channels.saying.spelling import CASES, digits, letters, phonetic

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy with other tests."""


@pytest.mark.parametrize(("text", "names"), recorded("SayDigits"))
def test_digits_are_those_of_the_record(text: str, names: list[str]) -> None:
    assert list(digits(text)) == names


@pytest.mark.parametrize(("text", "names"), recorded("SayAlpha"))
def test_letters_are_those_of_the_record(text: str, names: list[str]) -> None:
    assert list(letters(text)) == names


@pytest.mark.parametrize(("args", "names"), recorded("SayAlphaCase"))
def test_cases_are_those_of_the_record(args: str, names: list[str]) -> None:
    case, text = args.split(",")
    assert list(letters(text, case)) == names


@pytest.mark.parametrize(("text", "names"), recorded("SayPhonetic"))
def test_phonetic_is_that_of_the_record(text: str, names: list[str]) -> None:
    assert list(phonetic(text)) == names


def test_letters_with_accents_are_said_without_and_what_has_no_letter_is_left_out() -> None:
    assert list(letters("Ä☎é\n")) == ["letters/a", "letters/e"]
    assert list(phonetic("ñ")) == ["phonetic/n_p"]
    assert list(digits("٣²")) == []


@PATIENT
@given(st.text(), st.sampled_from(CASES))
def test_any_text_gives_names_that_cannot_leave_their_folders(text: str, case: str) -> None:
    for name in (*digits(text), *letters(text, case), *phonetic(text)):
        assert name.isascii()
        assert ".." not in name
        assert name.count("/") <= 1
