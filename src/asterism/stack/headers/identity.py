"""Identities of the caller, diversions and history of a call.

P-Asserted-Identity, P-Preferred-Identity, Remote-Party-ID, Diversion, History-Info and Identity:
RFC 3325, draft-ietf-sip-privacy-04, RFC 5806, RFC 7044, RFC 8224. Path (RFC 3327) and Service-Route (RFC 3608)
are plain address lists too.
"""

from __future__ import annotations

from typing import ClassVar

from asterism.stack.errors import ParseError
from asterism.stack.grammar import printable
from asterism.stack.headers.base import AddressValue, ParamValue


class PAssertedIdentity(AddressValue):
    """An identity that a trusted network vouches for."""

    NAME: ClassVar[str] = "P-Asserted-Identity"
    __slots__ = ()


class PPreferredIdentity(AddressValue):
    """The identity that a user wants to be asserted."""

    NAME: ClassVar[str] = "P-Preferred-Identity"
    __slots__ = ()


class Path(AddressValue):
    """A proxy between a registered contact and its registrar."""

    NAME: ClassVar[str] = "Path"
    __slots__ = ()


class ServiceRoute(AddressValue):
    """A proxy that a registrar wants requests to pass."""

    NAME: ClassVar[str] = "Service-Route"
    __slots__ = ()


class RemotePartyId(AddressValue):
    """An identity with its party, privacy and screening."""

    NAME: ClassVar[str] = "Remote-Party-ID"
    __slots__ = ()

    @property
    def party(self) -> str:
        """``calling`` (the default) or ``called``."""
        return (self.param("party") or "calling").lower()

    @property
    def privacy(self) -> str:
        """``off`` (the default), ``full``, ``name``, ``uri``."""
        return (self.param("privacy") or "off").lower()

    @property
    def screened(self) -> bool:
        """Whether ``screen=yes``."""
        return (self.param("screen") or "no").lower() == "yes"


class Diversion(AddressValue):
    """The party that diverted the call, and the reason."""

    NAME: ClassVar[str] = "Diversion"
    __slots__ = ()

    @property
    def reason(self) -> str:
        """``unconditional``, ``user-busy``, ``no-answer``, ..., ``unknown`` if not given."""
        return self.param("reason") or "unknown"

    @property
    def counter(self) -> int:
        """How many diversions this entry stands for, at least 1."""
        value = self.param("counter") or ""
        return max(1, int(value)) if value.isascii() and value.isdigit() and len(value) <= 3 else 1


class HistoryInfo(AddressValue):
    """One target that the request had, with its place in the history."""

    NAME: ClassVar[str] = "History-Info"
    __slots__ = ()

    @property
    def index(self) -> tuple[int, ...]:
        """The index as numbers (``1.2`` is ``(1, 2)``), empty if it is missing or malformed."""
        pieces = (self.param("index") or "").split(".")
        good = all(piece.isascii() and piece.isdigit() and len(piece) <= 6 for piece in pieces)
        return tuple(int(piece) for piece in pieces) if good else ()


class Identity(ParamValue):
    """A PASSporT signature with where its certificate is."""

    NAME: ClassVar[str] = "Identity"
    __slots__ = ()

    @classmethod
    def _check(cls, value: str) -> None:
        if not value or not all(char.isalnum() or char in "-_=.+/" for char in value):
            raise ParseError(f"bad Identity: {printable(value)!r}")

    @property
    def info(self) -> str:
        """The certificate's URI, without angle brackets."""
        return (self.param("info") or "").removeprefix("<").removesuffix(">")
