"""Redirection and diversion of calls: 3xx, Diversion (RFC 5806) and History-Info (RFC 7044).

What stands for what in the two headers is RFC 7544's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from asterism.applications.session.identity import name_addr, party_of, sip_uri
from asterism.pbx.vocabulary.party import Redirecting
from asterism.stack.errors import ParseError
from asterism.stack.grammar import is_token

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.party import PartyId
    from asterism.stack.headers import NameAddr
    from asterism.stack.message import Message, Response
    from asterism.stack.uri import Uri

_STATUSES = {"user-busy": 486, "no-answer": 408, "unavailable": 503, "do-not-disturb": 480, "deflection": 480}
"""SIP codes of Diversion's reasons (RFC 4458 section 2, RFC 7544); any other is a 302."""
_REASONS = {302: "unconditional", 404: "unavailable", 408: "no-answer", 480: "deflection", 486: "user-busy",
            487: "deflection", 503: "unavailable"}  # fmt: skip
_CAUSE = re.compile(r"cause=([1-6]\d\d)(?!\d)", re.ASCII)
_MAX_ENTRIES = 32
"""Largest number of entries of a History-Info that are read."""


def status_of_reason(reason: str) -> int:
    """The SIP code that stands for a reason of Diversion."""
    return _STATUSES.get(reason, 302)


def told_redirecting(message: Message) -> Redirecting | None:
    """The diversions of a call, as its message tells them; ``None``: there are none, or they cannot be read."""
    try:
        if message.has("Diversion"):
            return _of_diversion(message.addresses("Diversion"))
        if message.has("History-Info"):
            return _of_history(message.addresses("History-Info"))
    except ParseError:
        pass
    return None


def diversion_value(party: PartyId, reason: str, host: str) -> str:
    """A value of Diversion."""
    return f"{name_addr(party.name, sip_uri(party.number, host))};reason={reason}"


def _of_diversion(found: list[NameAddr]) -> Redirecting | None:
    """The first value names who diverted the call last, the last one who did so first."""
    if not found:
        return None
    last, first = found[0], found[-1]
    return Redirecting(
        from_=party_of(last),
        original=party_of(first),
        reason=_reason(last.param("reason")),
        original_reason=_reason(first.param("reason")),
        count=len(found),
    )


def _reason(text: str | None) -> str:
    return text if text and is_token(text) else "unknown"


def _of_history(found: list[NameAddr]) -> Redirecting | None:
    """Diverting parties, first to last: an entry with a Reason, or the one before one with ``cause`` (RFC 4458)."""
    parties: list[tuple[PartyId, str]] = []
    entries = found[:_MAX_ENTRIES]
    for position, entry in enumerate(entries):
        status = _status_of(unquote(entry.uri.headers))
        if not status and position + 1 < len(entries):
            status = _status_of(f"cause={entries[position + 1].uri.param('cause') or ''}")
        if status:
            parties.append((party_of(entry), _REASONS.get(status, "unknown")))
    if not parties:
        return None
    (last, reason), (first, first_reason) = parties[-1], parties[0]
    return Redirecting(
        from_=last, original=first, reason=reason, original_reason=first_reason, count=len(parties)
    )  # fmt: skip


def _status_of(text: str) -> int:
    found = _CAUSE.search(text)
    return int(found[1]) if found else 0


def targets_of(response: Response) -> list[Uri]:
    """The SIP URIs that a 3xx names, the best first (RFC 3261 8.1.3.4, 20.10)."""
    try:
        contacts = [one for one in response.contacts if one.uri.is_sip]
    except ParseError:
        return []
    contacts.sort(key=_quality, reverse=True)
    return [one.uri for one in contacts]


def _quality(contact: NameAddr) -> float:
    text = contact.param("q") or "1"
    number = text.isascii() and text.replace(".", "", 1).isdigit() and len(text) <= 5
    return min(float(text), 1.0) if number else 0.0
