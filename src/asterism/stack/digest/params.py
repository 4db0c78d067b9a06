"""The parameters of the authentication headers, as text (RFC 7235 2.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from asterism.stack.errors import ParseError
from asterism.stack.grammar import QUOTED, TOKEN, check_value, printable, quote, unquote

_param = re.compile(rf"\s*({TOKEN})\s*=\s*({QUOTED}|[^\s,\"]+)\s*(?:,|$)", re.DOTALL).match
_NAMES = frozenset(
    [
        "algorithm",
        "cnonce",
        "nc",
        "nonce",
        "opaque",
        "qop",
        "realm",
        "response",
        "uri",
        "username",
    ]
)
"""Names of the usual parameters of credentials, already in lower case."""

_scheme = re.compile(rf"\s*({TOKEN})(?:\s+|$)").match


def parse_params(text: str) -> dict[str, str]:
    """The parameters of a header, unquoted, by lower-case name. Raises ParseError."""
    return usual_params(text) or any_params(text)


def any_params(text: str) -> dict[str, str]:
    """The same, for whatever the grammar allows."""
    params: dict[str, str] = {}
    position, end = 0, len(text)
    while position < end:
        found = _param(text, position)
        if found is None:
            if text[position:].strip(" \t,"):
                raise ParseError(f"bad authentication parameter: {printable(text[position:])!r}")
            break
        name = found.group(1).lower()
        if name in params:
            raise ParseError(f"repeated authentication parameter: {printable(name)}")
        params[name] = unquote(found.group(2))
        position = found.end()
    return params


def usual_params(text: str) -> dict[str, str] | None:
    """Parse the usual form: no comma, escape or control character inside a value. ``None`` for all else."""
    if "\\" in text or not text.isprintable():
        return None
    params: dict[str, str] = {}
    pieces = text.split(",")
    for piece in pieces:
        name, _, value = piece.partition("=")
        if name not in _NAMES:
            name = name.strip(" ").lower()
            if not (name.isalnum() and name.isascii()):
                return None
        if value[-1:] == " " or value[:1] == " ":
            value = value.strip(" ")
        if value[:1] == '"':
            if value.count('"') != 2 or value[-1] != '"':
                return None
            value = value[1:-1]
        elif not value or '"' in value or " " in value:
            return None
        params[name] = value
    return params if len(params) == len(pieces) else None


def split_scheme(text: str) -> tuple[str, str]:
    """The scheme that a header starts with, and the rest. Raises ParseError."""
    found = _scheme(text)
    if found is None:
        raise ParseError(f"bad authentication header: {printable(text)!r}")
    return found.group(1), text[found.end() :]


def join(pairs: Iterable[tuple[str, str | None]]) -> str:
    """``name=value, name=value``, without those that are ``None``. Raises ValueError for a line break."""
    return check_value(", ".join([f"{name}={value}" for name, value in pairs if value is not None]))


def quoted(text: str) -> str | None:
    """A quoted-string, ``None`` for empty text."""
    return quote(text) if text else None


def lenient_params(text: str) -> dict[str, str]:
    """The parameters, or none where they are malformed."""
    try:
        return parse_params(text)
    except ParseError:
        return {}
