"""Dressing messages as an endpoint's ``habits.style`` says: headers that all have, and the order of headers."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.sip.objects.habits import Style
    from asterism.stack.message import Request, Response

_RESPONSE_ORDER = (
    "Via", "Record-Route", "From", "To", "Call-ID", "CSeq", "Server", "Allow", "Supported", "WWW-Authenticate",
    "Session-Expires", "Min-SE", "Expires", "Contact", "Date", "Accept", "Content-Type", "Require",
)  # fmt: skip
_REQUEST_ORDER = (
    "Via", "Max-Forwards", "Route", "From", "To", "Contact", "Call-ID", "CSeq", "User-Agent", "Authorization",
    "Proxy-Authorization", "Date", "Refer-To", "Referred-By", "Subscription-State", "Event", "Session-Expires",
    "Min-SE", "Allow", "Supported",
)  # fmt: skip
_RANKS = {name: rank for rank, name in enumerate(_RESPONSE_ORDER)}
_REQUEST_RANKS = {name: rank for rank, name in enumerate(_REQUEST_ORDER)}
_LAST = len(_RESPONSE_ORDER) + len(_REQUEST_ORDER)
_REQUEST_RANKS["Content-Type"] = _LAST + 1
_LEFT_OUT = frozenset(
    ("Server", "User-Agent", "Allow", "Supported", "Accept", "Allow-Events", "Accept-Encoding", "Accept-Language")
) | {"Warning"}
"""Headers that are put in anew, or that such messages have not."""
_WITH_CAPABILITIES = frozenset(("INVITE", "OPTIONS", "REFER"))
"""Requests that tell what we can do, and the date is told in."""


def dressed_lines(lines: list[tuple[str, str]], style: Style) -> list[tuple[str, str]]:
    """The header lines of a response in the style's dress."""
    kept = [line for line in lines if line[0] not in _LEFT_OUT]
    if style.agent:
        kept.append(("Server", style.agent))
    kept += (("Allow", style.allow), ("Supported", style.supported))
    for name, value in kept:
        if name == "CSeq" and value.endswith("OPTIONS"):
            kept.append(("Accept", style.accept))
            break
    return _in_order(kept, _RANKS)


def dress_response(response: Response, style: Style) -> None:
    """Put a response into the style's dress; done twice it is the same."""
    response.replace_headers(dressed_lines(response.headers, style))


def dress_request(request: Request, style: Style) -> None:
    """Put a request of ours into the style's dress; done twice it is the same."""
    kept = [line for line in request.headers if line[0] not in _LEFT_OUT]
    if style.agent:
        kept.append(("User-Agent", style.agent))
    if request.method in _WITH_CAPABILITIES:
        kept += (("Allow", style.allow), ("Supported", style.supported))
        if request.method != "REFER" and "Date" not in dict(kept):
            kept.append(("Date", formatdate(usegmt=True)))
    request.replace_headers(_in_order(kept, _REQUEST_RANKS))


def _in_order(lines: list[tuple[str, str]], ranks: Mapping[str, int]) -> list[tuple[str, str]]:
    """The lines in a style's order; those that it does not name stand last, as they came.

    No key function: every header of every message would call it.
    """
    rank = ranks.get
    ranked = [(rank(line[0], _LAST), place, line) for place, line in enumerate(lines)]
    ranked.sort()
    return [line for _, _, line in ranked]
