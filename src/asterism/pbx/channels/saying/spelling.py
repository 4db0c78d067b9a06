"""Text said character by character: as digits, as letters, as words of the phonetic alphabet.

The names are the same in all languages; only the files differ. All of these are lazy, so that a text of any
length costs no memory.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from types import MappingProxyType

_DIGITS = MappingProxyType(
    {**{str(digit): f"digits/{digit}" for digit in range(10)}, "*": "digits/star", "#": "digits/pound",
     "-": "digits/minus"}
)  # fmt: skip
_SIGNS = MappingProxyType(
    {
        " ": "letters/space", ".": "letters/dot", "-": "letters/dash", "/": "letters/slash", "@": "letters/at",
        "+": "letters/plus", "=": "letters/equals", "$": "letters/dollar", "!": "letters/exclaimation-point",
        "*": "letters/asterisk", "#": "digits/pound",
    }
)  # fmt: skip
"""Signs with a name of their own, as Asterisk's prompts spell it; others are ``letters/ascii`` and their code."""
CASES = "anlu"
"""Letters of :func:`letters`' ``case``."""


def digits(text: str) -> Iterator[str]:
    """The prompts of a text's digits, ``*``, ``#`` and ``-``; all other characters are passed over."""
    return (_DIGITS[character] for character in text if character in _DIGITS)


def _plain(text: str) -> Iterator[str]:
    """Its characters, those with accents without them; what is not ASCII then is left out."""
    for character in text:
        if not character.isascii():
            character = unicodedata.normalize("NFKD", character)[0]
        if " " <= character <= "~":
            yield character


def _sign(character: str) -> str:
    if character.isdigit():
        return f"digits/{character}"
    return _SIGNS.get(character) or f"letters/ascii{ord(character)}"


def letters(text: str, case: str = "n") -> Iterator[str]:
    """The prompts that spell a text; letters with accents are said without them.

    ``case`` tells of which letters it is said whether they are upper or lower case: ``a`` all, ``l`` lower ones, ``u``
    upper ones, ``n`` none.
    """
    for character in _plain(text):
        if not character.isalpha():
            yield _sign(character)
            continue
        if character.islower() and case in "al":
            yield "lowercase"
        elif character.isupper() and case in "au":
            yield "uppercase"
        yield f"letters/{character.lower()}"


def phonetic(text: str) -> Iterator[str]:
    """The prompts of a text, letters by the words of the phonetic alphabet (alpha, bravo, ...)."""
    for character in _plain(text):
        yield f"phonetic/{character.lower()}_p" if character.isalpha() else _sign(character)
