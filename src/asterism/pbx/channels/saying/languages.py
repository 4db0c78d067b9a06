"""Which rules a language has."""

from __future__ import annotations

from types import MappingProxyType

from asterism.pbx.channels.saying.english import English
from asterism.pbx.channels.saying.french import French
from asterism.pbx.channels.saying.german import German
from asterism.pbx.channels.saying.rules import Rules
from asterism.pbx.channels.saying.slavic import LANGUAGES, Slavic
from asterism.pbx.channels.saying.spanish import Spanish

_ENGLISH = English()
RULES: MappingProxyType[str, Rules] = MappingProxyType(
    {
        **{rules.language: rules for rules in (_ENGLISH, German(), French(), Spanish())},
        **dict.fromkeys(LANGUAGES, Slavic()),
    }
)
"""The rules there are, by the first part of a language's tag."""


def rules_of(language: str) -> Rules:
    """The rules of a language such as ``de``, ``de_AT`` or ``de-AT``; those of English where it has none."""
    return RULES.get(language.replace("-", "_").partition("_")[0].lower(), _ENGLISH)


def numbers(number: int, gender: str = "", language: str = "en") -> list[str]:
    """The prompts of a whole number.

    Raises:
        ValueError: it has more than 12 digits.
    """
    return rules_of(language).number(number, gender)
