"""Headers that name a dialog, and those of REFER.

Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538); Refer-To (RFC 3515), Refer-Sub (RFC 4488),
Referred-By (RFC 3892).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self
from urllib.parse import unquote as _percent_unquote

from asterism.stack.errors import ParseError
from asterism.stack.grammar import check_value, printable
from asterism.stack.headers.base import AddressValue, ParamValue
from asterism.stack.uri import Uri


class _DialogValue(ParamValue):
    """A Call-ID with two tags as parameters."""

    _TAGS: ClassVar[tuple[str, str]] = ("to-tag", "from-tag")
    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a value. Raises ParseError, also if a tag is missing or there twice."""
        made = cls._parse(text)
        names = [piece.partition("=")[0].strip().lower() for piece in text.split(";")]
        for tag in cls._TAGS:
            if not made.params.get(tag):
                raise ParseError(f"{cls.NAME} without {tag}")
            if names.count(tag) > 1:
                raise ParseError(f"{cls.NAME} with more than one {tag}")
        return made

    @classmethod
    def _check(cls, value: str) -> None:
        if not value or any(char in value for char in " \t,"):
            raise ParseError(f"bad {cls.NAME}: {printable(value)!r}")

    @property
    def call_id(self) -> str:
        """The dialog's Call-ID."""
        return self.value

    @property
    def to_tag(self) -> str:
        """The tag of the side that receives the header (for Target-Dialog: ``remote-tag``, the sender's view)."""
        return self.params.get(self._TAGS[0]) or ""

    @property
    def from_tag(self) -> str:
        """The tag of the other side."""
        return self.params.get(self._TAGS[1]) or ""

    @classmethod
    def make(cls, call_id: str, to_tag: str, from_tag: str, more: Mapping[str, str | None] | None = None) -> Self:
        """Build a value."""
        return cls(call_id, {cls._TAGS[0]: to_tag, cls._TAGS[1]: from_tag, **(more or {})})


class Replaces(_DialogValue):
    """The dialog that the new one is to replace."""

    NAME: ClassVar[str] = "Replaces"
    __slots__ = ()

    @property
    def early_only(self) -> bool:
        """Whether only an early dialog may be replaced."""
        return "early-only" in self.params

    @classmethod
    def from_uri_header(cls, text: str) -> Self:
        """Parse the percent-escaped form of a Refer-To URI's header. Raises ParseError."""
        value = _percent_unquote(text, errors="surrogateescape")
        if any(char < " " for char in value):
            raise ParseError("control character in Replaces")
        return cls.parse(value)

    @classmethod
    def in_uri(cls, uri: Uri) -> Self | None:
        """The Replaces among a URI's headers, ``None`` if there is none.

        Raises:
            ParseError: it is malformed, or there are several.
        """
        found: Self | None = None
        for piece in uri.headers.split("&"):
            name, _, value = piece.partition("=")
            if name.lower() == "replaces":
                if found is not None:
                    raise ParseError("more than one Replaces")
                found = cls.from_uri_header(value)
        return found


class Join(_DialogValue):
    """The dialog that the new one is to join."""

    NAME: ClassVar[str] = "Join"
    __slots__ = ()


class TargetDialog(_DialogValue):
    """The dialog that authorises a request outside of it."""

    NAME: ClassVar[str] = "Target-Dialog"
    _TAGS: ClassVar[tuple[str, str]] = ("remote-tag", "local-tag")
    __slots__ = ()


class ReferTo(AddressValue):
    """The target of a REFER."""

    NAME: ClassVar[str] = "Refer-To"
    __slots__ = ()

    @property
    def method(self) -> str:
        """The method to use, INVITE unless the URI says another."""
        return self.address.uri.param("method") or "INVITE"

    @property
    def replaces(self) -> Replaces | None:
        """The Replaces among the URI's headers (an attended transfer), ``None`` if there is none.

        Raises:
            ParseError: it is malformed, or there are several.
        """
        return Replaces.in_uri(self.address.uri)


class ReferredBy(AddressValue):
    """The sender of a REFER, as told to the target."""

    NAME: ClassVar[str] = "Referred-By"
    __slots__ = ()


class ReferSub(ParamValue):
    """Whether the referrer wants the implicit subscription."""

    NAME: ClassVar[str] = "Refer-Sub"
    __slots__ = ()

    @classmethod
    def _check(cls, value: str) -> None:
        if value.lower() not in {"true", "false"}:
            raise ParseError(f"bad Refer-Sub: {printable(value)!r}")

    @property
    def wanted(self) -> bool:
        """The value."""
        return check_value(self.value).lower() == "true"
