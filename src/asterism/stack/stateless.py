"""Responses written straight from the lines of their request.

Most of what a server answers (OPTIONS, challenges, refusals) is sent once and forgotten. Such a response
needs no :class:`Response`: the echoed header lines are there as text, and so are those that the server adds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.stack.grammar import check_value, is_token
from asterism.stack.headers.address import has_tag
from asterism.stack.headers.names import KNOWN, canonical
from asterism.stack.reasons import REASONS, reason_phrase

if TYPE_CHECKING:
    from asterism.stack.message import Request

_ECHOED = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})
_ECHOED_WITH_ROUTE = _ECHOED | {"Record-Route"}


def header_block(lines: Iterable[tuple[str, str]]) -> str:
    """Header lines as text, each with its line break, fit for :func:`response_bytes`.

    Raises:
        ValueError: a name is not a token, or a value contains CR, LF or NUL.
    """
    block = ""
    for name, value in lines:
        if KNOWN.get(name) != name:
            name = canonical(name)
            if not is_token(name):
                raise ValueError(f"not a header name: {name!r}")
        block += f"{name}: {value if value.isprintable() else check_value(value)}\r\n"
    return block


def response_bytes(request: Request, status: int, to_tag: str, block: str = "") -> bytes:
    """The same bytes as ``make_response(request, status, to_tag=to_tag)`` with more headers and no body.

    Args:
        request: what is answered.
        status: 101 to 699.
        to_tag: a token, put into To if the request has no tag there.
        block: further header lines, from :func:`header_block`.
    """
    echoed = _ECHOED_WITH_ROUTE if status < 300 else _ECHOED
    text = f"SIP/2.0 {status} {REASONS.get(status) or reason_phrase(status)}\r\n"
    for name, value in request.headers:
        if name in echoed:
            # What ends with the bracket of its address has no parameters.
            if name == "To" and (value[-1:] == ">" or not has_tag(value)):
                text += f"To: {value};tag={to_tag}\r\n"
            else:
                text += f"{name}: {value}\r\n"
    return f"{text}{block}Content-Length: 0\r\n\r\n".encode("utf-8", "surrogateescape")
