"""Parsing the arguments of applications."""

from __future__ import annotations

import re

from asterism.pbx.dialplan.language.foreign import NEUTRAL, pick, shadow

_PLAIN = re.compile(r'[^\\"()\[\]]*').fullmatch
"""Matches argument texts without any special character."""


def split_arguments(text: str, separator: str = ",", limit: int = 0, *, raw: bool = False) -> list[str]:
    r"""Split at commas outside quotes, parentheses and brackets; ``\\,`` is a comma. Quotes are removed.

    ``raw`` arguments keep their quotes and backslashes.

    ``limit`` is the greatest number of arguments: the last one keeps its commas and quotes. Text from outside
    divides nothing.
    """
    scan = shadow(text)
    if _PLAIN(scan):
        return text.split(separator, limit - 1 if limit else -1)
    arguments: list[str] = []
    current: list[int] = []
    depth = 0
    quoted = False
    position = 0
    while position < len(scan):
        character = scan[position]
        if limit and len(arguments) == limit - 1:
            arguments.append(text[position:])
            return arguments
        if character == "\\" and position + 1 < len(scan):
            if raw:
                current.append(position)
            position += 1
            current.append(position)
        elif character == '"':
            quoted = not quoted
            if raw:
                current.append(position)
        elif quoted:
            current.append(position)
        elif character == separator and not depth:
            arguments.append(pick(text, current))
            current = []
        else:
            if character in "([":
                depth += 1
            elif character in ")]" and depth:
                depth -= 1
            current.append(position)
        position += 1
    arguments.append(pick(text, current))
    return arguments


def split_fields(text: str, count: int, *, rest: bool = False) -> list[str]:
    """Exactly ``count`` arguments, stripped: those that are left out are empty.

    Further ones are passed over; with ``rest`` they stay in the last, which keeps its commas and quotes.
    """
    found = split_arguments(text, limit=count if rest else 0)
    return [each.strip() for each in (*found, *("",) * count)[:count]]


def split_names(text: str) -> list[str]:
    """The names in a list joined by ``&``, stripped, without empty ones."""
    return [name for each in text.split("&") if (name := each.strip())]


def option_letters(text: str) -> set[str]:
    """The letters of options none of which has an argument; see :func:`split_letters`."""
    return {letter for letter, _ in split_letters(text, frozenset())}


def split_letters(text: str, with_argument: frozenset[str]) -> list[tuple[str, str | None]]:
    """The letters in order, each with its argument; parentheses may be nested. Text from outside is no letter.

    ``with_argument`` are the letters that may have one. Behind any other letter, a parenthesis is passed over as a
    whole: what is in it is no list of further letters.
    """
    found: list[tuple[str, str | None]] = []
    position = 0
    scan = shadow(text)
    while position < len(scan):
        letter = scan[position]
        position += 1
        argument: str | None = None
        if scan[position : position + 1] == "(":
            depth = 1
            start = position = position + 1
            while position < len(scan) and depth:
                depth += {"(": 1, ")": -1}.get(scan[position], 0)
                position += 1
            if letter in with_argument:
                argument = text[start : position - 1] if not depth else text[start:]
        if not letter.isspace() and letter != NEUTRAL:
            found.append((letter, argument))
    return found


def number(text: str) -> float | None:
    """A number of seconds; ``None`` for what is not one or negative."""
    try:
        value = float(text.strip())
    except ValueError:
        return None
    return value if 0 <= value < 1e10 else None


def find_outside(text: str, character: str) -> int:
    """Index of the first ``character`` outside parentheses, quotes and text from outside; -1 if there is none."""
    depth = 0
    quoted = False
    for index, found in enumerate(shadow(text)):
        if found == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif found == character and not depth:
            return index
        elif found == "(":
            depth += 1
        elif found == ")" and depth:
            depth -= 1
    return -1


def divide(text: str, separator: str) -> tuple[str, str, str]:
    """Like ``text.partition(separator)``, where text from outside divides nothing, whatever the separator."""
    index = shadow(text).find(separator)
    return (text, "", "") if index < 0 else (text[:index], separator, text[index + len(separator) :])


def split_condition(text: str) -> tuple[str, str, str] | None:
    """``condition?true:false`` in its parts; ``None`` without a question mark."""
    condition, mark, branches = text.partition("?")
    if not mark:
        return None
    colon = find_outside(branches, ":")
    if colon < 0:
        return condition.strip(), branches.strip(), ""
    return condition.strip(), branches[:colon].strip(), branches[colon + 1 :].strip()


def split_call(text: str) -> tuple[str, str]:
    """``App(args)`` as name and argument text; without parentheses the arguments are empty."""
    name, parenthesis, rest = text.strip().partition("(")
    if not parenthesis:
        return name.strip(), ""
    close = rest.rfind(")")
    return name.strip(), rest if close < 0 else rest[:close]


def split_assignment(text: str) -> tuple[str, str] | None:
    """``name=value`` in two, the ``=`` being the first outside the parentheses of a function name."""
    depth = 0
    for index, character in enumerate(shadow(text)):
        if character == "=" and not depth:
            return text[:index].strip(), text[index + 1 :]
        if character == "(":
            depth += 1
        elif character == ")" and depth:
            depth -= 1
    name, equals, value = divide(text, "=")  # an unclosed parenthesis
    return (name.strip(), value) if equals else None
