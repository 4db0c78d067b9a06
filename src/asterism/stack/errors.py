"""The exceptions of the stack: errors of a peer, and errors of a caller of the stack.

:class:`ParseError` and :class:`LimitError` are the only exceptions that bytes from the
network can raise in this package. They carry the status to answer with and, where enough of
the message was understood, the request to answer. A caller's own mistake (a header value with
a line break in it) is a :class:`ValueError`, as anywhere in Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import mypyc_attr

if TYPE_CHECKING:
    from asterism.stack.message import Request


@mypyc_attr(allow_interpreted_subclasses=True)
class SipError(Exception):
    """Base of every error that the stack raises on purpose."""


@mypyc_attr(allow_interpreted_subclasses=True)
class ParseError(SipError):
    """A peer sent something that is not SIP, or not this part of it.

    Attributes:
        message: what is wrong, in printable characters.
        status: the status code of the response it deserves (400, 414, 505, 513, ...).
        request: the request, as far as it was understood, if it can be answered (it has
            Via, From, To, Call-ID and CSeq lines); ``None`` for responses and for garbage.
    """

    def __init__(self, message: str, status: int = 400, request: Request | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.request = request


class LimitError(ParseError):
    """A message exceeds one of the :class:`~asterism.stack.limits.Limits`."""
