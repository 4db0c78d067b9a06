"""Parsing the arguments of functions, and reading and writing variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asterism.pbx.vocabulary.flow import FunctionError

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|[0-7]{3}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def unescape(text: str) -> str:
    r"""A text with ``\n``, ``\t``, ``\r``, ``\x2c`` and ``\054`` replaced; any other ``\\`` is dropped."""

    def replace(found: re.Match[str]) -> str:
        escape = found.group(1)
        if escape[0] == "x" and len(escape) == 3:
            return chr(int(escape[1:], 16))
        if len(escape) == 3:
            return chr(int(escape, 8) & 0xFF)
        return _ESCAPES.get(escape, escape)

    return _ESCAPE.sub(replace, text) if "\\" in text else text


def value_of(pbx: Host, channel: Channel | None, name: str) -> str:
    """The value of a variable, or of a function written like ``FUNC(args)``; empty when unset.

    It is plain text: what a function makes of it is marked as text from outside where it is.
    """
    name = name.strip()
    function, parenthesis, rest = name.partition("(")
    environment = pbx.dialplan.environment
    if parenthesis:
        return str(environment.function(channel, function, rest[: rest.rfind(")")]) or "")
    return str(environment.variable(channel, name) or "")


def assign(pbx: Host, channel: Channel | None, name: str, value: str) -> None:
    """Set a variable or write a function."""
    pbx.dialplan.environment.assign(channel, name.strip(), value)


def integer(text: str, what: str = "it") -> int:
    """A whole number; raises :class:`FunctionError` for anything else."""
    try:
        return int(text.strip()[:20])
    except ValueError:
        raise FunctionError(f"{what} must be a whole number, not '{text}'") from None


def ranges(text: str, count: int) -> list[int]:
    """The positions (from 1) of ``2``, ``2-``, ``-2``, ``1&3``, in the order asked for, at most ``count``."""
    positions: list[int] = []
    for part in text.split("&"):
        first, dash, last = part.strip().partition("-")
        try:
            start = int(first) if first else 1
            end = (int(last) if last else count) if dash else start
        except ValueError:
            raise FunctionError(f"'{text}' is not a range of fields") from None
        positions.extend(range(max(start, 1), min(end, count) + 1))
        if len(positions) > 100_000:
            raise FunctionError("the range is too long")
    return positions
