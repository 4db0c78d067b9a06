"""SDP handlers: what to do with one type of media stream (docs/development/architecture.md, "A call").

A session description is a list of streams. For each, the handlers registered for its type
("audio", "video", "image", ...) are asked in order of priority; the first that takes the stream
keeps it for the rest of the session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.session import Session
    from asterism.media.formats import Format
    from asterism.stack.sdp import MediaDescription, SessionDescription


class MediaStream:
    """One negotiated stream of a session, as its handler sees it; ``close`` frees what it holds."""

    __slots__ = ("handler",)

    def __init__(self, handler: SdpHandler) -> None:
        self.handler = handler

    def close(self) -> None:
        """Free sockets and timers."""


class SdpHandler:
    """Negotiates the streams of one ``media`` type."""

    name: ClassVar[str]
    media: ClassVar[str] = "audio"
    priority: ClassVar[int] = 500

    def create_offer(self, session: Session) -> tuple[MediaStream, str] | None:
        """Open a stream and write its section for our offer; ``None`` when this session shall have none."""
        return None

    def accepts(self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> bool:
        """Whether a stream that the peer offers can be taken for a new call. Nothing may be changed here."""
        return False

    def agreed(
        self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription
    ) -> Sequence[Format]:
        """The formats that answering an offered stream would agree on. Nothing may be changed here."""
        return ()

    def answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream | None
    ) -> tuple[MediaStream, str] | None:
        """Take the peer's offered stream and write our answer's section; ``None`` refuses it (port 0).

        ``stream`` is the one negotiated earlier in the same place, or ``None`` at first.
        """
        return None

    def reoffer(self, session: Session, stream: MediaStream) -> str:
        """Write the section of an open stream for a new offer of ours."""
        return ""

    def apply_answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream
    ) -> bool:
        """Take the peer's answer to our offered stream; ``False`` when it cannot be worked with."""
        return False
