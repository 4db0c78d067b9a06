"""Regular expressions of others: of configuration, dialplan, console and manager clients.

They run on RE2, whose time grows with the length of the text and never more (no backtracking). What an expression costs
is bounded as well: its length, its compiled size and its groups. Look-around and back references do not exist there.
Expressions that are written in the source of Asterism use :mod:`re`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import re2

MAX_LENGTH = 4096
"""Characters of an expression."""
MAX_PROGRAM = 2000
"""Instructions of a compiled expression; a text of 64 KiB then takes less than a second at the very worst."""
MAX_GROUPS = 50
_MEMORY = 512 * 1024


class RegexError(ValueError):
    """The text is not a regular expression, or matching it could cost too much."""


class Match:
    """A match of an expression: the part of the text, and the part for each group."""

    __slots__ = ("_spans", "_text")

    def __init__(self, text: str, spans: list[tuple[int, int]]) -> None:
        self._text = text
        self._spans = spans

    def group(self, number: int = 0) -> str | None:
        """The text of a group (0 is the whole match); ``None`` when the group took no part."""
        start, end = self._spans[number]
        return None if start < 0 else self._text[start:end]

    def span(self, number: int = 0) -> tuple[int, int]:
        """Where a group starts and ends, in characters; ``(-1, -1)`` when it took no part."""
        return self._spans[number]


class Regex:
    """A compiled expression. Its methods never raise, whatever the text holds."""

    __slots__ = ("_compiled", "groups", "pattern")

    def __init__(self, pattern: str, compiled: Any) -> None:
        self.pattern = pattern
        self.groups: int = compiled.groups
        self._compiled = compiled

    def search(self, text: str) -> Match | None:
        """The first match anywhere in ``text``."""
        return self._match(self._compiled.search, text)

    def match(self, text: str) -> Match | None:
        """A match at the start of ``text``."""
        return self._match(self._compiled.match, text)

    def fullmatch(self, text: str) -> Match | None:
        """A match of all of ``text``."""
        return self._match(self._compiled.fullmatch, text)

    def _match(self, method: Callable[[str], Any], text: str) -> Match | None:
        try:
            found = method(text)
        except UnicodeEncodeError:  # bytes of a peer that are no UTF-8 stand as lone surrogates: matched as "?"
            found = method(text.encode("utf-8", "replace").decode())
        return None if found is None else Match(text, [found.span(index) for index in range(self.groups + 1)])


def compile_regex(pattern: str, *, longest: bool = False, ignore_case: bool = False) -> Regex:
    """An expression, compiled. Raises :class:`RegexError` when it is malformed or would cost too much.

    ``longest`` takes the longest of the leftmost matches, as POSIX has it, instead of the first alternative that
    fits. Nothing is cached here: a caller that compiles the same expression again and again keeps it.
    """
    if len(pattern) > MAX_LENGTH:
        raise RegexError(f"a regular expression has at most {MAX_LENGTH} characters")
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.longest_match = longest
    options.case_sensitive = not ignore_case
    try:
        # The class itself, since re2.compile() keeps 128 of them.
        compiled = re2._Regexp(pattern, options)
    except UnicodeEncodeError as error:
        raise RegexError("a regular expression is text in UTF-8") from error
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        raise RegexError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from None
    if compiled.programsize > MAX_PROGRAM or compiled.groups > MAX_GROUPS:
        raise RegexError("the regular expression is too large")
    return Regex(pattern, compiled)
