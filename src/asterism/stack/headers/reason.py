"""Reason (RFC 3326), Warning (RFC 3261 20.43), Privacy (RFC 3323)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar, Self

from asterism.stack.errors import ParseError
from asterism.stack.grammar import QUOTED, check_value, is_token, printable, quote, unquote
from asterism.stack.headers.base import HeaderValue, ParamValue

_warning = re.compile(rf"([0-9]{{3}})\s+([^\s\"]+)\s+({QUOTED})", re.DOTALL).fullmatch


class Reason(ParamValue):
    """Why a request was sent: protocol (``SIP``, ``Q.850``), cause and text."""

    NAME: ClassVar[str] = "Reason"
    __slots__ = ()

    @classmethod
    def make(cls, protocol: str, cause: int, text: str = "") -> Self:
        """Build a value."""
        params: dict[str, str | None] = {"cause": str(cause)}
        if text:
            params["text"] = quote(text)
        return cls(protocol, params)

    @property
    def protocol(self) -> str:
        """The protocol, as sent."""
        return self.value

    @property
    def cause(self) -> int | None:
        """The cause, ``None`` if it is not there or no number."""
        return self.number("cause")

    @property
    def text(self) -> str:
        """The text, unquoted."""
        return self.param("text") or ""


class SipWarning(HeaderValue):
    """A warning: code, agent, text."""

    NAME: ClassVar[str] = "Warning"
    __slots__ = ("agent", "code", "text")

    def __init__(self, code: int, agent: str, text: str) -> None:
        self.code = code
        self.agent = check_value(agent)
        self.text = text

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse one warning. Raises ParseError."""
        found = _warning(text.strip())
        if found is None:
            raise ParseError(f"bad Warning: {printable(text)!r}")
        return cls(int(found.group(1)), found.group(2), unquote(found.group(3)))

    def __str__(self) -> str:
        return f"{self.code:03} {self.agent} {quote(self.text)}"


class Privacy(HeaderValue):
    """The privacy requested: ``id``, ``header``, ``session``, ``user``, ``none``, ``critical``, ``history``."""

    NAME: ClassVar[str] = "Privacy"
    __slots__ = ("values",)

    def __init__(self, values: Iterable[str]) -> None:
        self.values = tuple(value.lower() for value in values)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the values, separated by semicolons (commas are taken too). Raises ParseError."""
        values = [item.strip() for item in text.replace(",", ";").split(";")]
        if not all(is_token(item) for item in values):
            raise ParseError(f"bad Privacy: {printable(text)!r}")
        return cls(values)

    def __contains__(self, value: str) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return check_value(";".join(self.values))
