"""The media side of a session: its streams in the order of the SDP, and our side of every offer and answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.session.negotiation import write_session
from asterism.stack.bodies import parse_body
from asterism.stack.errors import ParseError
from asterism.stack.sdp import SessionDescription

if TYPE_CHECKING:
    from asterism.applications.session.sdp_handler import MediaStream
    from asterism.applications.session.session import Session
    from asterism.stack.bodies import BodyPart
    from asterism.stack.message import Message
    from asterism.stack.sdp import MediaDescription

SDP_TYPE = "application/sdp"
_SDP_LINE = (("Content-Type", SDP_TYPE),)


def carry(message: Message, description: bytes) -> None:
    """Put a description of ours into a message of ours that has no body yet."""
    message.body = description
    message.add_lines(_SDP_LINE)


def description_of(message: Message) -> SessionDescription | None:
    """The session description that a message carries, ``None`` when it has no body.

    It may be one part of several (RFC 5621); a body that need not be understood counts as none.

    Raises:
        ParseError: status 415 for a body that is no SDP, 400 for one that should be and is not.
    """
    body = message.body
    if not body:
        return None
    if message.get("Content-Encoding") is not None and _is_encoded(message):
        raise ParseError("the body is encoded", 415)
    content_type = message.get("Content-Type") or ""
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
    if description.connection is None and any(media.port and media.connection is None for media in description.media):
        raise ParseError("no c= line in the session description", 400)
    return description


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
    """What goes with a 415 to this message: the kinds of body, or of encoding, that are understood (21.4.13)."""
    return (("Accept-Encoding", "identity"),) if _is_encoded(message) else (("Accept", SDP_TYPE),)


class SessionMedia:
    """Streams and descriptions of one session.

    ``streams`` has one entry for each section of the last description, ``None`` where it was refused.
    """

    __slots__ = ("_origin_id", "_refused", "_sections", "_version", "body", "streams")

    def __init__(self) -> None:
        self.streams: list[MediaStream | None] = []
        self._refused: list[str] = []
        self._sections: list[str] = []
        self._origin_id = ""
        self._version = 0
        self.body = b""
        """The last description we wrote."""

    def offer(self, session: Session) -> bytes | None:
        """Our offer: the open streams as they are, or new ones at first; ``None`` when there is nothing to offer."""
        sections: list[str] = []
        if self.streams:
            for index, stream in enumerate(self.streams):
                sections.append(self._refused[index] if stream is None else stream.handler.reoffer(session, stream))
        else:
            for handlers in session.registry.handlers.values():
                for handler in handlers:
                    opened = handler.create_offer(session)
                    if opened is not None:
                        self.streams.append(opened[0])
                        self._refused.append("")
                        sections.append(opened[1])
                        break
        if not any(self.streams):
            return None
        return self._write(session, sections)

    def answer(self, session: Session, description: SessionDescription) -> bytes | None:
        """Our answer to the peer's offer, its streams set up; ``None`` when none can be taken."""
        if not self._origin_id:
            # Our first answer continues the offer's own numbering, as observed.
            origin = description.origin
            assert origin is not None
            self._origin_id = str(origin.session_id)
            self._version = origin.version % 2**62 + 1
        sections: list[str] = []
        accepted = False
        for index, media in enumerate(description.media):
            stream = self.streams[index] if index < len(self.streams) else None
            answered = None
            if media.port:
                handlers = (
                    (stream.handler,) if stream is not None else tuple(session.registry.handlers.get(media.media, ()))
                )
                for handler in handlers:
                    answered = handler.answer(session, description, media, stream)
                    if answered is not None:
                        break
            if index >= len(self.streams):
                self.streams.append(None)
                self._refused.append("")
            if answered is None:
                # A stream once open is kept for a later offer that takes it up again.
                self._refused[index] = _refuse(media)
                sections.append(self._refused[index])
                continue
            accepted = True
            self.streams[index], section = answered
            sections.append(section)
        return self._write(session, sections) if accepted else None

    def apply(self, session: Session, description: SessionDescription) -> bool:
        """Take the peer's answer to our offer; whether at least one stream came of it."""
        accepted = False
        for index, stream in enumerate(self.streams):
            if stream is None or index >= len(description.media):
                continue
            media = description.media[index]
            if media.port and stream.handler.apply_answer(session, description, media, stream):
                accepted = True
        return accepted

    def close(self) -> None:
        """Free every stream."""
        for stream in self.streams:
            if stream is not None:
                stream.close()
        self.streams.clear()
        self._refused.clear()

    def _write(self, session: Session, sections: list[str]) -> bytes:
        if not self._origin_id:
            number = int.from_bytes(session.core.random(4), "big") >> 1
            self._origin_id = str(number)
            self._version = number
            self._sections = sections
        elif sections != self._sections:
            self._version += 1
            self._sections = sections
        endpoint = session.endpoint
        self.body = write_session(
            endpoint.sdp_owner or "-",
            self._origin_id,
            self._version,
            session.media_address,
            endpoint.sdp_session or "-",
            sections,
        )
        return self.body


def _refuse(media: MediaDescription) -> str:
    return f"m={media.media} 0 {media.protocol} {' '.join(media.formats)}\r\n"
