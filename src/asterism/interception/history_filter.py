"""The conditions of ``pjsip show history where``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from asterism.core.regex import RegexError, compile_regex

Lookup = Callable[[str], "int | str | None"]
Condition = Callable[[Lookup], bool]

FIELDS = frozenset({"number", "timestamp", "addr", "sip.msg.request.method", "sip.msg.call-id"})
_NUMBERS = frozenset({"number", "timestamp"})
_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(<=|>=|!=|==|[()=<>])|([^\s()=<>!"]+))')
_COMPARE: dict[str, Callable[[int | str, int | str], bool]] = {
    "=": lambda left, right: left == right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,  # type: ignore[operator]
    "<=": lambda left, right: left <= right,  # type: ignore[operator]
    ">": lambda left, right: left > right,  # type: ignore[operator]
    ">=": lambda left, right: left >= right,  # type: ignore[operator]
}
_MAX_DEPTH = 50


class FilterError(ValueError):
    """A condition that cannot be read."""


def parse_filter(words: Sequence[str]) -> Condition:
    """A condition as a function of a look-up of fields. Raises :class:`FilterError`.

    ``words`` are those of the console's command line, quotes kept or not: a word with a blank in it was quoted.
    """
    parser = _Parser([token for word in words for token in _tokens(word)])
    condition = parser.either(0)
    if parser.rest:
        raise FilterError(f"'{parser.rest[0]}' is not expected")
    return condition


def _tokens(word: str) -> list[str]:
    if " " in word and '"' not in word:
        return [f'"{word}"']
    found: list[str] = []
    position = 0
    word = word.strip()
    while position < len(word):
        match = _TOKEN.match(word, position)
        if match is None:
            raise FilterError(f"'{word[position:]}'")
        found.append(match[1] or match[2] or match[3])
        position = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens

    def _next(self) -> str:
        if not self.rest:
            raise FilterError("it ends too early")
        return self.rest.pop(0)

    def _word(self, *words: str) -> bool:
        if self.rest and self.rest[0].lower() in words:
            self.rest.pop(0)
            return True
        return False

    def either(self, depth: int) -> Condition:
        found = self._both(depth)
        while self._word("or", "||"):
            left, right = found, self._both(depth)
            found = _or(left, right)
        return found

    def _both(self, depth: int) -> Condition:
        found = self._single(depth)
        while self._word("and", "&&"):
            left, right = found, self._single(depth)
            found = _and(left, right)
        return found

    def _single(self, depth: int) -> Condition:
        if depth > _MAX_DEPTH:
            raise FilterError("it is nested too deep")
        if self._word("not"):
            inner = self._single(depth + 1)
            return lambda lookup: not inner(lookup)
        if self._word("("):
            inner = self.either(depth + 1)
            if not self._word(")"):
                raise FilterError("a parenthesis is not closed")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        field = self._next()
        if field not in FIELDS:
            raise FilterError(f"there is no field '{field}', only {', '.join(sorted(FIELDS))}")
        operator = self._next().lower()
        value = self._next()
        if len(value) > 1 and value.startswith('"') and value.endswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1]) if operator != "like" else value[1:-1]
        if operator == "like":
            try:
                pattern = compile_regex(value)
            except RegexError as error:
                raise FilterError(f"'{value}' is not a regular expression: {error}") from error
            return lambda lookup: (found := lookup(field)) is not None and pattern.search(str(found)) is not None
        compare = _COMPARE.get(operator)
        if compare is None:
            raise FilterError(f"'{operator}' is not an operator")
        wanted: int | str = value
        if field in _NUMBERS:
            if not value.isdecimal() or len(value) > 18:
                raise FilterError(f"'{value}' is not a number")
            wanted = int(value)
        return lambda lookup: (found := lookup(field)) is not None and compare(found, wanted)


def _or(left: Condition, right: Condition) -> Condition:
    return lambda lookup: left(lookup) or right(lookup)


def _and(left: Condition, right: Condition) -> Condition:
    return lambda lookup: left(lookup) and right(lookup)
