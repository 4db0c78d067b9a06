"""Redirection and diversion of calls: 3xx, Diversion (RFC 5806) and History-Info (RFC 7044).

What stands for what in the two headers is RFC 7544's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from asterism.applications.session.identity import name_addr, party_of, sip_uri
from asterism.pbx.vocabulary.party import PRESENTATIONS, Redirecting
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
_HIDDEN = re.compile(r"(?:^|&)privacy=[^&]*(?:history|header|session)", re.ASCII | re.IGNORECASE)
"""An entry whose party wants to be told to nobody (RFC 7044 10.1.2)."""
_CAUSE = re.compile(r"cause=([1-6]\d\d)(?!\d)", re.ASCII)
ANYBODY = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"""A party that wants to be told to nobody (RFC 3323 4.1)."""
_PROHIBITED = PRESENTATIONS["prohib_not_screened"]
_MOST_DIVERSIONS = 255
_DIVIDING = str.maketrans("", "", "-.()")
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


def diversion_value(party: PartyId, reason: str, host: str, counter: int = 1, hidden: bool = False) -> str:
    """A value of Diversion.

    Args:
        party: who diverted the call, or, in a response, where it goes now.
        reason: why.
        host: our address, in which the party's number is.
        counter: how often it did so (RFC 5806 section 8), told where it is more than once.
        hidden: the party wants to be told to nobody, and who gets this is not trusted with it.
    """
    who = ANYBODY if hidden else name_addr(party.name, sip_uri(party.number, host))
    private = ";privacy=full" if party.private else ""
    times = f";counter={counter}" if counter > 1 else ""
    return f"{who};reason={reason}{times}{private}"


def _of_diversion(found: list[NameAddr]) -> Redirecting | None:
    """The first value names who diverted the call last, the last one who did so first."""
    if not found:
        return None
    last, first = found[0], found[-1]
    return Redirecting(
        from_=_diverter(last),
        original=_diverter(first),
        reason=_reason(last.param("reason")),
        original_reason=_reason(first.param("reason")),
        count=min(sum(map(_counter, found)), _MOST_DIVERSIONS),
    )


def _diverter(address: NameAddr) -> PartyId:
    private = (address.param("privacy") or "off").lower() not in ("off", "")
    return party_of(address, _PROHIBITED if private else 0)


def _counter(address: NameAddr) -> int:
    """How many diversions a value stands for."""
    text = address.param("counter") or "1"
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 4 else 1


def _reason(text: str | None) -> str:
    return text if text and is_token(text) else "unknown"


def _of_history(found: list[NameAddr]) -> Redirecting | None:
    """Diverting parties, first to last: an entry with a Reason, or the one before one with ``cause`` (RFC 4458)."""
    parties: list[tuple[PartyId, str]] = []
    entries = found[:_MAX_ENTRIES]
    for position, entry in enumerate(entries):
        told = unquote(entry.uri.headers)
        status = _status_of(told)
        if not status and position + 1 < len(entries):
            status = _status_of(f"cause={entries[position + 1].uri.param('cause') or ''}")
        if status:
            private = _HIDDEN.search(told) is not None
            parties.append((party_of(entry, _PROHIBITED if private else 0), _REASONS.get(status, "unknown")))
    if not parties:
        return None
    (last, reason), (first, first_reason) = parties[-1], parties[0]
    return Redirecting(
        from_=last, original=first, reason=reason, original_reason=first_reason, count=len(parties)
    )  # fmt: skip


def _status_of(text: str) -> int:
    found = _CAUSE.search(text)
    return int(found[1]) if found else 0


def targets_of(response: Response, numbers: bool = False) -> list[Uri]:
    """The SIP URIs that a 3xx names, the best first (RFC 3261 8.1.3.4, 20.10); ``numbers``: ``tel`` URIs as well.

    Headers that they have are left out.
    """
    try:
        contacts = [one for one in response.contacts if one.uri.is_sip or (numbers and one.uri.scheme == "tel")]
    except ParseError:
        return []
    contacts.sort(key=_quality, reverse=True)
    return [one.uri.replace(headers="") if one.uri.headers else one.uri for one in contacts]


def extension_of(target: Uri) -> str:
    """The extension that a target names: its user, of a ``tel`` URI the number without what only divides it."""
    return target.user.translate(_DIVIDING) if target.scheme == "tel" else target.user


def _quality(contact: NameAddr) -> float:
    text = contact.param("q") or "1"
    number = text.isascii() and text.replace(".", "", 1).isdigit() and len(text) <= 5
    return min(float(text), 1.0) if number else 0.0
