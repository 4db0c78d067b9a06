"""Session descriptions as bodies of messages: put into ours, and read from the peer's."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from asterism.stack.bodies import parse_body
from asterism.stack.errors import ParseError
from asterism.stack.sdp import SessionDescription

if TYPE_CHECKING:
    from asterism.stack.bodies import BodyPart
    from asterism.stack.message import Message

SDP_TYPE = "application/sdp"
_SDP_LINE = (("Content-Type", SDP_TYPE),)


def carry(message: Message, description: bytes) -> None:
    """Put a description of ours into a message of ours that has no body yet."""
    message.body = description
    message.add_lines(_SDP_LINE)


def description_of(message: Message) -> SessionDescription | None:
    """The session description that a message carries, ``None`` when it has no body.

    It may be one part of several (RFC 5621); a body that need not be understood, or of no told type, counts as none.

    Raises:
        ParseError: status 415 for a body that is no SDP, 400 for one that should be and is not.
    """
    body = message.body
    if not body:
        return None
    if message.get("Content-Encoding") is not None and _is_encoded(message):
        raise ParseError("the body is encoded", 415)
    content_type = message.get("Content-Type")
    if content_type is None:
        return None
    if content_type != SDP_TYPE:
        content_type = content_type.partition(";")[0].strip().lower()
    if content_type != SDP_TYPE:
        part = _part_of(message, multipart=content_type.startswith("multipart/"))
        if part is None:
            return None
        body = part.content
    try:
        description = SessionDescription.parse(body)
    except ParseError as error:
        raise ParseError(error.message, 400) from error
    if description.origin is None:
        raise ParseError("no o= line in the session description", 400)
    unmapped = _has_unmapped if description.cacheable else _has_unmapped.__wrapped__
    for media in description.media:
        if not media.port:
            continue
        if description.connection is None and media.connection is None:
            raise ParseError("no c= line in the session description", 400)
        if unmapped(tuple(media.formats), tuple(media.attributes)) and media.is_rtp:
            raise ParseError(_UNMAPPED, 400)
    return description


_UNMAPPED = "Missing SDP rtpmap for dynamic payload type (PJMEDIA_SDP_EMISSINGRTPMAP)"
"""The words that Asterisk's stack has for it."""


@lru_cache(maxsize=512)
def _has_unmapped(formats: tuple[str, ...], attributes: tuple[tuple[str, str | None], ...]) -> bool:
    """Whether a dynamic payload type stands for nothing (RFC 3551 6)."""
    mapped = {(value or "").strip().partition(" ")[0] for name, value in attributes if name == "rtpmap"}
    numbers = (text for text in formats if len(text) < 4 and text.isascii() and text.isdigit())
    return any(96 <= int(text) <= 127 and text not in mapped for text in numbers)


def _is_encoded(message: Message) -> bool:
    return (message.get("Content-Encoding") or "identity").strip().lower() != "identity"


def _part_of(message: Message, *, multipart: bool) -> BodyPart | None:
    """The part of a body that is the session description; ``None`` if there is none and need be none."""
    body = parse_body(message) if multipart or message.has("Content-Disposition") else None
    if body is None:
        raise ParseError("the body is no session description", 415)
    found = body.find(SDP_TYPE)
    for part in body.walk():
        # Locations and ISUP come beside SDP without a word on how they are to be handled: only what says that it is
        # indispensable is taken to be, unless there is nothing else.
        said = found is None or "handling" in part.disposition.params
        if part is not found and said and part.disposition.required:
            raise ParseError("a part of the body is not understood", 415)
    return found


def not_understood(message: Message) -> tuple[tuple[str, str], ...]:
    """Headers of a 415 to this message: the types of body, or encodings, that are understood (RFC 3261 21.4.13)."""
    return (("Accept-Encoding", "identity"),) if _is_encoded(message) else (("Accept", SDP_TYPE),)
