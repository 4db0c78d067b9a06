"""``user_eq_phone``: ``user=phone`` on URIs whose user part is a telephone number (RFC 3261 19.1.1)."""

from __future__ import annotations

import re

from asterism.stack.uri import Uri

_NUMBER = re.compile(r"\+?[0-9*#]+").fullmatch


def is_number(user: str) -> bool:
    """Whether a user part looks like a telephone number."""
    return _NUMBER(user) is not None


def as_phone(uri: Uri) -> Uri:
    """The URI with ``user=phone`` if its user is a number and says nothing else of itself."""
    if not uri.is_sip or "user" in uri.params or not is_number(uri.user):
        return uri
    return uri.replace(params={**uri.params, "user": "phone"})
