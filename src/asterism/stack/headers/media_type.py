"""Content-Type (RFC 3261 20.15) and Content-Disposition (20.11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Self

from asterism.stack.errors import ParseError
from asterism.stack.grammar import TOKEN, Params, format_params, parse_params, printable, unquote
from asterism.stack.headers.base import HeaderValue

_type = re.compile(rf"({TOKEN})\s*/\s*({TOKEN})\s*(;.*)?", re.DOTALL).fullmatch
_disposition = re.compile(rf"({TOKEN})\s*(;.*)?", re.DOTALL).fullmatch


class MediaType(HeaderValue):
    """An immutable ``type/subtype;param=value``; type and subtype are lower case."""

    NAME: ClassVar[str] = "Content-Type"

    __slots__ = ("params", "subtype", "type")

    def __init__(self, type_: str, subtype: str, params: Mapping[str, str | None] | None = None) -> None:
        self.type = type_.lower()
        self.subtype = subtype.lower()
        self.params: Params = {} if params is None else params

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a value.

        Raises:
            ParseError: malformed.
        """
        found = _type(text.strip())
        if found is None:
            raise ParseError(f"bad media type: {printable(text)!r}")
        type_, subtype, params = found.groups()
        return cls(type_, subtype, parse_params(params or ""))

    @property
    def name(self) -> str:
        """``type/subtype``, without parameters."""
        return f"{self.type}/{self.subtype}"

    def param(self, name: str) -> str | None:
        """A parameter, unquoted; ``""`` if it has no value, ``None`` if it is not there."""
        value = self.params.get(name)
        if value is None:
            return "" if name in self.params else None
        return unquote(value)

    def __str__(self) -> str:
        return f"{self.type}/{self.subtype}{format_params(self.params)}"

    def __repr__(self) -> str:
        return f"MediaType({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MediaType):
            return NotImplemented
        return self.name == other.name and dict(self.params) == dict(other.params)

    def __hash__(self) -> int:
        return hash((self.type, self.subtype))


class ContentDisposition(HeaderValue):
    """The purpose of a body: ``session``, ``render``, ``early-session``, ...; immutable."""

    NAME: ClassVar[str] = "Content-Disposition"

    __slots__ = ("params", "type")

    def __init__(self, type_: str, params: Mapping[str, str | None] | None = None) -> None:
        self.type = type_.lower()
        self.params: Params = {} if params is None else params

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a value.

        Raises:
            ParseError: malformed.
        """
        found = _disposition(text.strip())
        if found is None:
            raise ParseError(f"bad Content-Disposition: {printable(text)!r}")
        return cls(found.group(1), parse_params(found.group(2) or ""))

    @property
    def required(self) -> bool:
        """Whether a receiver that does not understand the body must refuse the message.

        The ``handling`` parameter; required unless it says optional.
        """
        return (self.params.get("handling") or "required").lower() != "optional"

    def __str__(self) -> str:
        return f"{self.type}{format_params(self.params)}"

    def __repr__(self) -> str:
        return f"ContentDisposition({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ContentDisposition):
            return NotImplemented
        return self.type == other.type and dict(self.params) == dict(other.params)

    def __hash__(self) -> int:
        return hash(self.type)
