"""Which rules a language has."""

from __future__ import annotations

import pytest

from asterism.pbx.channels.saying.languages import RULES, numbers, rules_of


@pytest.mark.parametrize(
    ("language", "found"),
    [("de", "de"), ("de_AT", "de"), ("de-ch", "de"), ("DE", "de"), ("fr", "fr"), ("es_MX", "es"), ("en_GB", "en"),
     ("", "en"), ("xx", "en"), ("deu", "en"), ("uk", "ru")],
)  # fmt: skip
def test_the_first_part_of_the_tag_decides(language: str, found: str) -> None:
    assert rules_of(language).language == found


def test_numbers_in_a_language() -> None:
    assert numbers(21, "f", "es") == ["digits/20-and", "digits/1F"]
    assert numbers(21) == ["digits/20", "digits/1"]
    assert {"en", "de", "es", "fr"} <= set(RULES)
