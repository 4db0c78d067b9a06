"""Extension names and patterns: what they match and which of them goes first."""

from __future__ import annotations

import re
from functools import lru_cache

_SETS = {"X": "0123456789", "Z": "123456789", "N": "23456789"}
MAX_PATTERN = 256
_CACHED_LENGTH = 40
"""Longer ones are compiled each time, so that what is kept stays small: an extension keeps its own."""


class Pattern:
    """A compiled ``_pattern``.

    ``key`` orders patterns: position by position the one that matches fewer characters goes first, ``.``
    and ``!`` last. ``tail`` is ``"."``, ``"!"`` or empty.
    """

    __slots__ = ("_full", "key", "match", "sets", "tail", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.sets, self.tail = _read(text[1:])
        body = "".join(_set_regex(one) for one in self.sets)
        # "-" is a separator in what was dialled too, so it is removed before matching.
        self._full = re.compile(body + {"": "", ".": ".+", "!": ".*"}[self.tail] + r"\Z", re.DOTALL)
        self.match = self._full.match
        self.key = (*((len(one), one) for one in self.sets), _TAIL_KEYS[self.tail])

    def matches_more(self, digits: str) -> bool:
        """Whether ``digits`` followed by at least one more could match."""
        if len(digits) >= len(self.sets):
            return bool(self.tail) and all(digit in one for digit, one in zip(digits, self.sets, strict=False))
        return all(digit in one for digit, one in zip(digits, self.sets, strict=False))


# Behind every set of characters; the end of a shorter pattern goes before anything longer.
_TAIL_KEYS = {"": (0, ""), ".": (1000, ""), "!": (1001, "")}


def fold(name: str) -> str:
    """An extension name as it is compared: lower case, without the ``-`` that only separates."""
    return name.replace("-", "").lower() if not name.isdigit() else name


def compile_pattern(text: str) -> Pattern:
    """The pattern of a text that starts with ``_``. Never raises: an unclosed ``[`` stands for itself."""
    return _compiled(text) if len(text) <= _CACHED_LENGTH else Pattern(text[: MAX_PATTERN + 1])


@lru_cache(maxsize=2048)
def _compiled(text: str) -> Pattern:
    return Pattern(text)


def matches(name: str, digits: str) -> bool:
    """Whether the name or ``_pattern`` of an extension (or a caller-ID match) takes ``digits``."""
    if name[:1] == "_":
        return compile_pattern(name).match(fold(digits)) is not None
    return fold(name) == fold(digits)


def order(name: str) -> tuple[object, ...]:
    """A sort key: exact names alphabetically, then patterns, narrower first."""
    if name[:1] == "_":
        return (1, compile_pattern(name).key, name)
    return (0, name, "")


def _read(text: str) -> tuple[tuple[str, ...], str]:
    sets: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character in ".!":
            return tuple(sets), character
        if character == "-":
            continue
        if character == "[":
            end = text.find("]", position)
            if end >= 0:
                sets.append(_members(text[position:end]))
                position = end + 1
                continue
        sets.append(_SETS.get(character.upper(), character.lower()))
    return tuple(sets), ""


def _members(text: str) -> str:
    members: set[str] = set()
    position = 0
    while position < len(text):
        first = text[position]
        if text[position + 1 : position + 2] == "-" and position + 2 < len(text):
            last = text[position + 2]
            members.update(chr(code).lower() for code in range(ord(first), min(ord(last), ord(first) + 1023) + 1))
            position += 3
        else:
            members.add(first.lower())
            position += 1
    return "".join(sorted(members))


def _set_regex(members: str) -> str:
    return "[" + re.escape(members) + "]" if members else "(?!)"
