"""SIP, done right: messages, SDP, digest, framing, transactions, dialogs and the resolver's logic.

Nothing in this package opens a socket, reads a clock, or knows Asterism. Bytes and the time go
in; messages, bytes to send and typed events come out. It stands on the standard library alone.
"""

from __future__ import annotations

from asterism.stack.errors import LimitError, ParseError, SipError
from asterism.stack.flow import Flow
from asterism.stack.headers import CSeq, NameAddr, RAck, Via, canonical
from asterism.stack.headers.media_type import ContentDisposition, MediaType
from asterism.stack.limits import DEFAULT_LIMITS, Limits
from asterism.stack.message import Message, Request, Response, make_response, reason_phrase
from asterism.stack.parser import parse_message
from asterism.stack.uri import Uri

__all__ = [
    "DEFAULT_LIMITS",
    "CSeq",
    "ContentDisposition",
    "Flow",
    "LimitError",
    "Limits",
    "MediaType",
    "Message",
    "NameAddr",
    "ParseError",
    "RAck",
    "Request",
    "Response",
    "SipError",
    "Uri",
    "Via",
    "canonical",
    "make_response",
    "parse_message",
    "reason_phrase",
]
