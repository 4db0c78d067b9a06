"""Contacts and what is known about reaching them."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import Any

from asterism.stack.uri import Uri


class ContactStatus(Enum):
    """Whether a contact answers; the value is what console listings print."""

    NON_QUALIFIED = "NonQual"
    REACHABLE = "Avail"
    UNREACHABLE = "Unavail"
    REMOVED = "Removed"

    @property
    def event_name(self) -> str:
        """The word in manager events."""
        return _EVENT_NAMES[self]


_EVENT_NAMES = {
    ContactStatus.NON_QUALIFIED: "NonQualified",
    ContactStatus.REACHABLE: "Reachable",
    ContactStatus.UNREACHABLE: "Unreachable",
    ContactStatus.REMOVED: "Removed",
}


class Contact:
    """One contact of an AOR, permanent (from the configuration) or registered.

    A registered contact is never changed in place: a refresh puts a new object in its place, so that what
    is not committed yet can be seen by nobody. ``expiration_time`` is Unix time in seconds, 0 for a
    permanent contact. ``path`` is the stored Path vector, comma separated. ``reliable`` contacts came over a connection.
    """

    __slots__ = (
        "aor",
        "call_id",
        "cseq",
        "endpoint",
        "expiration_time",
        "instance",
        "path",
        "prune_on_boot",
        "q",
        "reg_server",
        "registered_at",
        "uri",
        "user_agent",
        "via_addr",
        "via_port",
    )

    def __init__(
        self,
        aor: str,
        uri: str,
        expiration_time: float = 0,
        *,
        path: str = "",
        user_agent: str = "",
        endpoint: str = "",
        reg_server: str = "",
        via_addr: str = "",
        via_port: int = 0,
        call_id: str = "",
        cseq: int = 0,
        q: float = 1.0,
        prune_on_boot: bool = False,
        instance: str = "",
        registered_at: float = 0,
    ) -> None:
        self.aor = aor
        self.uri = uri
        self.expiration_time = expiration_time
        self.path = path
        self.user_agent = user_agent
        self.endpoint = endpoint
        self.reg_server = reg_server
        self.via_addr = via_addr
        self.via_port = via_port
        self.call_id = call_id
        self.cseq = cseq
        self.q = q
        self.prune_on_boot = prune_on_boot
        self.instance = instance
        self.registered_at = registered_at

    def __repr__(self) -> str:
        return f"<Contact {self.aor}/{self.uri}>"

    @property
    def permanent(self) -> bool:
        """Whether it comes from the configuration and never expires."""
        return not self.expiration_time

    @property
    def hash(self) -> str:
        """MD5 of the URI, as in listings (its first ten digits) and in ids."""
        return hashlib.md5(self.uri.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()

    @property
    def id(self) -> str:
        """The object's name: ``aor@@hash`` for a permanent contact, ``aor;@hash`` for a registered one."""
        return f"{self.aor}{'@@' if self.permanent else ';@'}{self.hash}"

    @property
    def parsed(self) -> Uri:
        """The URI, parsed (cached by value)."""
        return Uri.parse(self.uri)

    def fields(self) -> dict[str, Any]:
        """The fields by name, for a copy with changes: ``Contact(**{**c.fields(), "q": 0.5})``."""
        return {name: getattr(self, name) for name in self.__slots__}


class Reachability:
    """The qualify state of one contact; ``rtt`` is the last round trip in seconds, ``None`` when unknown."""

    __slots__ = ("rtt", "status")

    def __init__(self, status: ContactStatus = ContactStatus.NON_QUALIFIED, rtt: float | None = None) -> None:
        self.status = status
        self.rtt = rtt

    @property
    def available(self) -> bool:
        """Whether calls may be sent there: reachable, or never asked."""
        return self.status is not ContactStatus.UNREACHABLE

    @property
    def rtt_usec(self) -> int:
        """The round trip in microseconds, 0 when unknown."""
        return 0 if self.rtt is None else round(self.rtt * 1_000_000)
