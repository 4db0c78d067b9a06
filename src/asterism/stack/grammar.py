"""The small pieces of RFC 3261 section 25 that several headers share.

Values arrive without line breaks (the message parser has unfolded them). Everything here is
tolerant of white space where the grammar has LWS, and raises only :class:`ParseError`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from asterism.stack.errors import ParseError

Params = Mapping[str, str | None]
"""Header or URI parameters: lower-case names; ``None`` for a parameter without a value."""

TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]+"
QUOTED = r'"(?:[^"\\]|\\.)*"'

_USUAL_PARAMS = frozenset({"tag", "branch", "rport", "received", "expires", "q", "lr"})

_token = re.compile(TOKEN).fullmatch
_unquote = re.compile(r"\\(.)", re.DOTALL).sub
_controls = re.compile(r"[\x00-\x1f\x7f]").sub
_forbidden = re.compile(r"[\r\n\0]").search
_param_value = re.compile(rf'(?:{QUOTED}|[^"\s;,<>]+)').fullmatch
_generic = re.compile(
    rf"""\s*;\s*(?:({TOKEN})\s*(?:=\s*({QUOTED}|<[^<>"\s]*>|[^"\s;,<>?=][^"\s;,<>]*|))?\s*)?""",
    re.DOTALL,
).match
_element = re.compile(r'(?:[^",<]|"(?:[^"\\]|\\.)*"|<(?:[^">]|"(?:[^"\\]|\\.)*")*>)+', re.DOTALL).match


def is_token(text: str) -> bool:
    """Whether the text is an RFC 3261 token (at least one character)."""
    return _token(text) is not None


def printable(text: str, limit: int = 80) -> str:
    """A piece of a message in a form fit for an error text: no control characters, bounded."""
    text = text.encode("ascii", "backslashreplace").decode("ascii")
    text = _controls("?", text)
    return text if len(text) <= limit else text[:limit] + "..."


def check_value(text: str) -> str:
    """Return the text if it may stand in a header.

    Raises:
        ValueError: it contains CR, LF or NUL and would break the message in two.
    """
    if _forbidden(text):
        raise ValueError(f"line break or NUL in a header: {printable(text)!r}")
    return text


def quote(text: str) -> str:
    """A quoted-string of the text; control characters are left out."""
    text = _controls("", text)
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def unquote(text: str) -> str:
    """The text inside a quoted-string, escapes resolved, control characters left out.

    Text that is not quoted is returned as it is.
    """
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    if "\\" in text:
        text = _unquote(r"\1", text)
    return text if text.isprintable() else _controls("", text)


def split_commas(text: str, limit: int = 256) -> list[str]:
    """Split a header value at the commas outside quoted strings and angle brackets.

    Raises:
        ParseError: unbalanced quotes or brackets, an empty element, or more than ``limit`` elements.
    """
    if "," not in text:
        return [text]
    items: list[str] = []
    position, end = 0, len(text)
    while True:
        found = _element(text, position)
        item = found.group().strip() if found else ""
        if not item:
            raise ParseError(f"empty or unbalanced element in {printable(text)!r}")
        assert found is not None
        items.append(item)
        if len(items) > limit:
            raise ParseError("too many elements in one header")
        position = found.end()
        if position >= end:
            return items
        if text[position] != ",":
            raise ParseError(f"unbalanced quotes or brackets in {printable(text)!r}")
        position += 1


def parse_params(text: str) -> dict[str, str | None]:
    """Parse ``;name=value;name`` (generic-param). The text starts with ``;`` or is empty.

    Quoted values keep their quotes, so that they can be written back; :func:`unquote` opens them.
    A repeated name keeps its first value.

    Raises:
        ParseError: what is left after a parameter does not start another one.
    """
    params: dict[str, str | None] = {}
    if '"' not in text and " " not in text and "\t" not in text and "<" not in text:
        if text and text[0] != ";":
            raise ParseError(f"bad parameters: {printable(text)!r}")
        for piece in text.split(";"):
            if not piece:
                continue
            name, equals, value = piece.partition("=")
            if not (name in _USUAL_PARAMS or _token(name)) or (value and not (value.isalnum() or _param_value(value))):
                raise ParseError(f"bad parameter: {printable(piece)!r}")
            name = name.lower()
            if name not in params:
                params[name] = value if equals else None
        return params
    position, end = 0, len(text)
    if not text.strip():
        return params
    while position < end:
        found = _generic(text, position)
        if found is None:
            raise ParseError(f"bad parameter: {printable(text[position:])!r}")
        position = found.end()
        # Not into "name": it is a str above, and the group may be absent; compiled code would not stand for it.
        name_or_none, value_or_none = found.groups()
        if name_or_none is not None:
            params.setdefault(name_or_none.lower(), value_or_none)
    return params


def format_params(params: Params) -> str:
    """``;name=value;name`` of the parameters; the reverse of :func:`parse_params`."""
    text = ""
    for name, value in params.items():
        text += f";{name}" if value is None else f";{name}={value}"
    return text


def parse_number(text: str, what: str, maximum: int = 2**32 - 1) -> int:
    """Parse an unsigned decimal number.

    Raises:
        ParseError: not digits, or above ``maximum``.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > 40:
        raise ParseError(f"{what} is not a number: {printable(text)!r}")
    number = int(text)
    if number > maximum:
        raise ParseError(f"{what} is out of range: {printable(text)}")
    return number
