"""Slavic languages: numbers are said by English rules, but what is counted has its own forms."""

from __future__ import annotations

from typing import ClassVar

from asterism.pbx.channels.saying.english import English

LANGUAGES = ("be", "bg", "bs", "cs", "hr", "mk", "pl", "ru", "sk", "sl", "sr", "uk")
_ADJECTIVES = {"f": "a", "n": "o", "c": "i", "m": ""}


class Slavic(English):
    """The forms of nouns and adjectives: one, a few (genitive singular), many (genitive plural)."""

    language: ClassVar[str] = "ru"

    def noun(self, number: int, name: str) -> str:
        """``name`` for 1, 21, ...; ``namex1`` for 2 to 4, 22 to 24, ...; ``namex2`` for others."""
        tens, unit = abs(number) // 10 % 10, abs(number) % 10
        if unit == 1 and tens != 1:
            return name
        return name + ("x1" if 2 <= unit <= 4 and tens != 1 else "x2")

    def adjective(self, number: int, name: str, gender: str = "") -> str:
        """The nominative of the gender for 1, 21, ...; the genitive plural, ``x``, for others."""
        if abs(number) % 10 == 1 and abs(number) % 100 != 11:
            return name + _ADJECTIVES.get(gender, "")
        return name + "x"
