"""Call-Info and Alert-Info (RFC 3261), Geolocation (RFC 6442), User-to-User (RFC 7433), Security-* (RFC 3329)."""

from __future__ import annotations

import re
from typing import ClassVar, Self

from asterism.stack.errors import ParseError
from asterism.stack.grammar import QUOTED, TOKEN, check_value, format_params, parse_params, printable, unquote
from asterism.stack.headers.base import ParamValue

_bracketed = re.compile(r"<([^<>\x00-\x20]*)>\s*(;.*)?", re.DOTALL).fullmatch
_data = re.compile(rf"({QUOTED}|{TOKEN}|[^\s;,\"]+)\s*(;.*)?", re.DOTALL).fullmatch


class _UriValue(ParamValue):
    """An absolute URI in angle brackets with parameters; ``value`` is the URI without brackets."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a value. Raises ParseError."""
        found = _bracketed(text.strip())
        if found is None:
            raise ParseError(f"bad {cls.NAME}: {printable(text)!r}")
        return cls._make(found.group(1), parse_params(found.group(2) or ""))

    def __str__(self) -> str:
        return check_value(f"<{self.value}>{format_params(self.params)}")


class CallInfo(_UriValue):
    """More about the caller: an icon, a card, a page."""

    NAME: ClassVar[str] = "Call-Info"
    __slots__ = ()

    @property
    def purpose(self) -> str:
        """``icon``, ``info``, ``card``, ``answer-after`` users, ...; ``""`` if not given."""
        return (self.param("purpose") or "").lower()


class AlertInfo(_UriValue):
    """The ring tone that the caller asks for."""

    NAME: ClassVar[str] = "Alert-Info"
    __slots__ = ()


class Geolocation(_UriValue):
    """Where the target is: a ``cid:`` or a location URI."""

    NAME: ClassVar[str] = "Geolocation"
    __slots__ = ()


class UserToUser(ParamValue):
    """Data that the network carries between users; ``value`` is raw."""

    NAME: ClassVar[str] = "User-to-User"
    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a value. Raises ParseError."""
        found = _data(text.strip())
        if found is None:
            raise ParseError(f"bad User-to-User: {printable(text)!r}")
        return cls._make(found.group(1), parse_params(found.group(2) or ""))

    @property
    def data(self) -> bytes:
        """The data: decoded from hexadecimal if ``encoding`` says so or is not given, else the text's bytes.

        Raises:
            ParseError: not hexadecimal.
        """
        text = unquote(self.value)
        if (self.param("encoding") or "hex").lower() != "hex":
            return text.encode("utf-8", "surrogateescape")
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise ParseError("User-to-User is not hexadecimal") from None


class SecurityClient(ParamValue):
    """A security mechanism that the client offers."""

    NAME: ClassVar[str] = "Security-Client"
    __slots__ = ()

    @property
    def mechanism(self) -> str:
        """``tls``, ``digest``, ``ipsec-ike``, ...; lower case."""
        return self.value.lower()

    @property
    def preference(self) -> float:
        """The ``q`` value, 0 to 1; 1 if it is missing or malformed."""
        value = self.param("q") or ""
        return float(value) if re.fullmatch(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", value) else 1.0


class SecurityServer(SecurityClient):
    """A security mechanism that the server offers."""

    NAME: ClassVar[str] = "Security-Server"
    __slots__ = ()


class SecurityVerify(SecurityClient):
    """The server's list, sent back."""

    NAME: ClassVar[str] = "Security-Verify"
    __slots__ = ()
