"""SDP handlers: what to do with one type of media stream (docs/extending/sdp-handler.md).

A session description is a list of streams. For each, the handlers registered for its type ("audio", "video", "image",
...) are asked in order of priority; the first that takes the stream keeps it until it refuses it, and then the others
are asked again. Handlers read and compose sections with the model of :mod:`asterism.stack.sdp`; ports come from
``server.media``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.media.payload_types import PayloadTypes
from asterism.media.stream import Agreed, ChannelStream
from asterism.stack.sdp import MediaDescription

if TYPE_CHECKING:
    from asterism.applications.session.direct_media import Place
    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.media_transport.leg import TransportLeg
    from asterism.applications.session.media_transport.terms import TransportTerms
    from asterism.applications.session.session import Session
    from asterism.pbx.channels.technology import MediaTarget
    from asterism.stack.sdp import SessionDescription


class MediaStream(ChannelStream):
    """One stream of a session, as its handler sees it; ``close`` frees what it holds.

    Attributes:
        handler: who negotiates it.
        peer_holds: the peer does not want to receive.
        refused: the peer has answered our offer of it with port 0, or not at all.
        placed: where the peer is to send, as our latest description says; ``None``: here.
        sends_to: the same, as was agreed on.
        leg: the media transport that its packets go over, with its keys; ``None``: it has plain ports of its own.
        written: what our latest description says of that transport.
    """

    __slots__ = ("handler", "leg", "peer_holds", "placed", "refused", "sends_to", "written")

    def __init__(self, handler: SdpHandler) -> None:
        self.handler = handler
        self.type = handler.media
        self.port = None
        self.peer_holds = self.refused = self.one_way = False
        self.placed: Place | None = None
        self.sends_to: Place | None = None
        self.leg: TransportLeg | None = None
        self.written: TransportTerms | None = None

    @property
    def target(self) -> MediaTarget | None:
        """The address to which another peer may send directly; ``None``: media must pass through here."""
        return None

    @property
    def peer_types(self) -> PayloadTypes:
        """The payload types that the peer sends, as our last agreed description has them."""
        return PayloadTypes(())

    @property
    def behind_nat(self) -> bool:
        """Whether packets come from elsewhere than the peer's description says, or none has come yet."""
        return False

    def moved(self, session: Session) -> None:
        """The peer sends elsewhere from now on (``sends_to``), or here again."""

    @property
    def agreed(self) -> Agreed:
        """The codecs agreed for the stream, the preferred one first."""
        return ()

    def close(self) -> None:
        """Free sockets and timers. Called once: when the stream is removed, or when the session ends."""


class SdpHandler:
    """Negotiates the streams of one ``media`` type.

    Callbacks are plain functions: they run inside the handling of a message and must not wait. One that raises counts
    as a refusal of the stream; it is logged, and the call goes on.
    """

    name: ClassVar[str]
    media: ClassVar[str] = "audio"
    """The type that stands in ``m=``, in lower case."""
    priority: ClassVar[int] = 500
    limit: ClassVar[str] = ""
    """The option of endpoints that says how many streams of one call this handler takes; empty: any number.

    With it, streams are offered where the call's other party has some of the type; without, one in each call.
    """

    def create_offer(self, session: Session) -> tuple[MediaStream, MediaDescription] | None:
        """Open a stream and compose its section for our first offer; ``None`` when this session shall have none."""
        return None

    def accepts(self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> bool:
        """Whether a stream that the peer offers can be taken for a new call. Nothing may be changed here."""
        return False

    def agreed(self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> Agreed:
        """The codecs that answering an offered stream would agree on. Nothing may be changed here."""
        return ()

    def answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream | None
    ) -> tuple[MediaStream, MediaDescription] | None:
        """Take the peer's offered stream and compose our answer's section; ``None`` refuses it (port 0).

        ``stream`` is the one that this handler has in the same place, or ``None`` at first.
        """
        return None

    def reoffer(self, session: Session, stream: MediaStream) -> MediaDescription:
        """Compose the section of an open stream for a new offer of ours; what was agreed still holds."""
        return MediaDescription(media=self.media)

    def apply_answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream
    ) -> bool:
        """Take the peer's answer to our offered stream; ``False`` when it cannot be worked with."""
        return False

    def roll_back(self, session: Session, stream: MediaStream) -> None:
        """Our new offer was refused: what was agreed before holds again (RFC 3261 14.1)."""
