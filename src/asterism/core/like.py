"""The words ``like <pattern>`` behind a console command that lists things: one reading of them for every command."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from asterism.core.errors import UsageError
from asterism.core.regex import RegexError, compile_regex

Wanted = Callable[[str], bool]
"""Whether a name is to be listed."""


def like_pattern(args: Sequence[str]) -> Wanted:
    """Names in which a regular expression is found, upper and lower case being different; all without ``args``.

    Raises:
        UsageError: ``args`` are neither empty nor ``like <pattern>``, or it is no regular expression.
    """
    text = _text(args)
    if text is None:
        return _all
    try:
        search = compile_regex(text).search
    except RegexError as error:
        raise UsageError(f"'{text}' is not a regular expression: {error}") from None
    return lambda name: search(name) is not None


def like_text(args: Sequence[str]) -> Wanted:
    """Names that contain a text, whatever the case; all without ``args``.

    Raises:
        UsageError: ``args`` are neither empty nor ``like <text>``.
    """
    text = _text(args)
    if text is None:
        return _all
    wanted = text.lower()
    return lambda name: wanted in name.lower()


def _text(args: Sequence[str]) -> str | None:
    if not args:
        return None
    if len(args) != 2 or args[0].lower() != "like":
        raise UsageError("nothing, or like and a pattern")
    return args[1]


def _all(_name: str) -> bool:
    return True
