"""Addresses of messages: as they are told to the dialplan, and as the dialplan writes them."""

from __future__ import annotations

import re

from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr
from asterism.stack.uri import Uri

_NOT_IN_FROM_AND_TO = frozenset(("lr", "maddr", "method", "transport", "ttl"))

has_controls = re.compile(r"[\x00-\x1f\x7f]").search


def plain(uri: Uri, port: bool = False) -> Uri:
    """A URI as it stands in From and To (RFC 3261 19.1.1): without port and what says how to get there.

    With ``port`` it keeps that.
    """
    if not uri.is_sip:
        return uri
    params = {name: value for name, value in uri.params.items() if name not in _NOT_IN_FROM_AND_TO}
    return uri.replace(port=uri.port if port else None, params=params, headers="", password=None)


def address(text: str) -> NameAddr:
    """``"Name" <sip:user@host>``, ``sip:user@host``, ``user@host`` or ``host``. Raises ``ParseError``."""
    text = text.strip()
    if has_controls(text):
        raise ParseError("control characters in an address")
    if "<" not in text and not text.lower().startswith(("sip:", "sips:", "tel:")):
        text = f"sip:{text}"
    found = NameAddr.parse(text)
    if found.uri.is_sip and not found.uri.host:
        raise ParseError(f"no host in {text!r}")
    return found


def is_uri(text: str) -> bool:
    """Whether a text is written as a URI, with or without a name."""
    return text.lower().startswith(("sip:", "sips:", "<", '"'))
