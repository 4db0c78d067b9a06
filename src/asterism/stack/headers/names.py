"""Header names: canonical spelling and compact forms."""

from __future__ import annotations

from typing import Final

from asterism.stack.errors import ParseError
from asterism.stack.grammar import is_token, printable

_NAMES: Final = [
    "Accept",
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Accept-Resource-Priority",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Answer-Mode",
    "Authentication-Info",
    "Authorization",
    "Call-ID",
    "Call-Info",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-ID",
    "Content-Language",
    "Content-Length",
    "Content-Transfer-Encoding",
    "Content-Type",
    "CSeq",
    "Date",
    "Diversion",
    "Error-Info",
    "Event",
    "Expires",
    "Feature-Caps",
    "Flow-Timer",
    "From",
    "Geolocation",
    "Geolocation-Error",
    "Geolocation-Routing",
    "History-Info",
    "Identity",
    "In-Reply-To",
    "Info-Package",
    "Join",
    "Max-Breadth",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "Organization",
    "P-Access-Network-Info",
    "P-Answer-State",
    "P-Asserted-Identity",
    "P-Asserted-Service",
    "P-Associated-URI",
    "P-Called-Party-ID",
    "P-Charging-Function-Addresses",
    "P-Charging-Vector",
    "P-DCS-Billing-Info",
    "P-Early-Media",
    "P-Media-Authorization",
    "P-Preferred-Identity",
    "P-Preferred-Service",
    "P-Profile-Key",
    "P-Served-User",
    "P-User-Database",
    "P-Visited-Network-ID",
    "Path",
    "Permission-Missing",
    "Policy-Contact",
    "Policy-ID",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Recv-Info",
    "Refer-Events-At",
    "Refer-Sub",
    "Refer-To",
    "Referred-By",
    "Reject-Contact",
    "Remote-Party-ID",
    "Replaces",
    "Reply-To",
    "Request-Disposition",
    "Require",
    "Resource-Priority",
    "Retry-After",
    "Route",
    "RSeq",
    "Security-Client",
    "Security-Server",
    "Security-Verify",
    "Server",
    "Service-Route",
    "Session-Expires",
    "Session-ID",
    "SIP-ETag",
    "SIP-If-Match",
    "Subject",
    "Subscription-State",
    "Supported",
    "Suppress-If-Match",
    "Target-Dialog",
    "Timestamp",
    "To",
    "Trigger-Consent",
    "Unsupported",
    "User-Agent",
    "User-to-User",
    "Via",
    "Warning",
    "WWW-Authenticate",
    "X-Asterisk-HangupCause",
    "X-Asterisk-HangupCauseCode",
]

COMPACT: Final = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

_LOWER: Final = {name.lower(): name for name in _NAMES} | COMPACT

SINGLE: Final = frozenset(
    [
        "Call-ID",
        "Content-Disposition",
        "Content-Length",
        "Content-Type",
        "CSeq",
        "Event",
        "Expires",
        "From",
        "Max-Forwards",
        "Min-Expires",
        "Min-SE",
        "RAck",
        "Refer-To",
        "Replaces",
        "RSeq",
        "Session-Expires",
        "SIP-ETag",
        "SIP-If-Match",
        "Subscription-State",
        "Target-Dialog",
        "To",
    ]
)
"""Headers that a message may carry once; a second one is an attempt to be read two ways."""


OWN: Final = frozenset(("Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length"))
"""Headers of every request that are the stack's to write: nobody adds another one."""


def canonical(name: str) -> str:
    """The canonical spelling of a header name; unknown names are returned as they are."""
    known = KNOWN.get(name)
    return known if known is not None else _LOWER.get(name.lower(), name)


def wire_name(name: str) -> str:
    """The canonical name of what stands before the colon in a header line.

    Raises:
        ParseError: not a token.
    """
    name = name.rstrip(" \t")
    known = _LOWER.get(name.lower())
    if known is not None:
        return known
    if not is_token(name):
        raise ParseError(f"bad header name: {printable(name)!r}")
    return name


KNOWN: Final[dict[str, str]] = (
    {name: name for name in _NAMES}
    | {name.lower(): name for name in _NAMES}
    | {name.upper(): name for name in _NAMES}
    | {name.title(): name for name in _NAMES}
    | COMPACT
    | {short.upper(): name for short, name in COMPACT.items()}
)
"""Spellings seen on the wire, to their canonical names."""
