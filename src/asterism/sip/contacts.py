"""Reachability of contacts."""

from __future__ import annotations

from enum import Enum

from asterism.sip.objects.contact import Contact

__all__ = ["Contact", "ContactStatus", "Reachability"]


class ContactStatus(Enum):
    """Whether a contact answers; the value is what console listings print.

    ``NON_QUALIFIED`` is one that nobody asks, ``UNKNOWN`` one that has not been asked yet.
    """

    NON_QUALIFIED = "NonQual"
    UNKNOWN = "Unknown"
    REACHABLE = "Avail"
    UNREACHABLE = "Unavail"
    REMOVED = "Removed"

    @property
    def event_name(self) -> str:
        """The word in manager events."""
        return _EVENT_NAMES[self]


_EVENT_NAMES = {
    ContactStatus.NON_QUALIFIED: "NonQualified",
    ContactStatus.UNKNOWN: "Unknown",
    ContactStatus.REACHABLE: "Reachable",
    ContactStatus.UNREACHABLE: "Unreachable",
    ContactStatus.REMOVED: "Removed",
}


class Reachability:
    """The qualify state of one contact; ``rtt`` is the last round trip in seconds, ``None`` when unknown."""

    __slots__ = ("rtt", "status")

    def __init__(self, status: ContactStatus = ContactStatus.NON_QUALIFIED, rtt: float | None = None) -> None:
        self.status = status
        self.rtt = rtt

    @property
    def available(self) -> bool:
        """Whether calls may be sent there: reachable, or not asked (yet)."""
        return self.status is not ContactStatus.UNREACHABLE

    @property
    def rtt_usec(self) -> int:
        """The round trip in microseconds, 0 when unknown."""
        return 0 if self.rtt is None else round(self.rtt * 1_000_000)
