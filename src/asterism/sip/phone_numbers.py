"""Telephone numbers in user parts: ``user=phone`` (RFC 3261 19.1.1), and numbers as people write them."""

from __future__ import annotations

import re

from asterism.stack.uri import Uri

_WRITTEN = re.compile(r"[0-9*#+()\-. ]+").fullmatch
_VISUAL = re.compile(r"[() \-]|\.(?=.)").sub
_NUMBER = re.compile(r"\+?[0-9*#]+").fullmatch


def is_number(user: str) -> bool:
    """Whether a user part looks like a telephone number."""
    return _NUMBER(user) is not None


def shrunk(number: str) -> str:
    """A number as people write it without brackets, blanks, hyphens and inner dots; what is no number stays.

    ``(030) 123-45.6`` is ``030123456``.
    """
    if number.isalnum() or _WRITTEN(number) is None:
        return number
    return _VISUAL("", number)


def as_phone(uri: Uri) -> Uri:
    """The URI with ``user=phone`` if its user is a number and says nothing else of itself."""
    if not uri.is_sip or "user" in uri.params or not is_number(uri.user):
        return uri
    return uri.replace(params={**uri.params, "user": "phone"})
