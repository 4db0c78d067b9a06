"""A stream of RTP packets, as its handler keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.session.negotiation import AudioTerms, agreed_codecs
from asterism.applications.session.sdp_handler import MediaStream
from asterism.media import header_extensions
from asterism.media.payload_types import PayloadTypes
from asterism.media.stream import AUDIO, Agreed
from asterism.pbx.channels.technology import MediaTarget

if TYPE_CHECKING:
    from asterism.applications.session.media_transport.leg import TransportLeg
    from asterism.applications.session.media_transport.terms import TransportTerms
    from asterism.applications.session.sdp_handlers.rtp import RtpHandler
    from asterism.applications.session.session import Session
    from asterism.media.feedback_terms import Terms
    from asterism.media.rtp import RtpSession
    from asterism.stack.sdp import Connection


class RtpStream(MediaStream):
    """A stream of RTP packets.

    Attributes:
        rtp: its RTP session.
        terms: what was agreed last, or what we offer as long as nothing was.
        announced: the payload types that we understand, as our last agreed description says.
        offered: our last offer, until the peer makes one: several branches of a call may answer it.
        connection: where we receive, when that is of another address family than the session's other media.
        way: what was agreed of its transport; ``None`` while nothing was, and without one.
        offered_way: what our last offer says of it, as long as ``offered``.
        feedback: the kinds of feedback agreed on.
        extensions: the header extensions agreed on.
        sources: the SSRCs that the peer has named.
        msid: its names for a browser (RFC 8830); empty: it has none.
    """

    __slots__ = (
        "announced", "connection", "extensions", "feedback", "msid", "offered", "offered_way", "rtp", "sources",
        "terms", "way",
    )  # fmt: skip

    handler: RtpHandler

    def __init__(
        self, handler: RtpHandler, rtp: RtpSession, terms: AudioTerms, leg: TransportLeg | None = None
    ) -> None:
        super().__init__(handler)
        self.leg = leg
        self.way: TransportTerms | None = None
        self.offered_way: TransportTerms | None = None
        self.feedback: Terms = ()
        self.extensions = header_extensions.NONE
        self.sources: tuple[int, ...] = ()
        self.msid = ""
        self.rtp = self.port = rtp
        self.terms = terms
        self.announced: PayloadTypes = terms.types
        self.offered: AudioTerms | None = None
        self.connection: Connection | None = None

    @property
    def direction(self) -> str:
        """Direction of the agreed terms."""
        return self.terms.direction

    @property
    def agreed(self) -> Agreed:
        """The codecs of the terms."""
        return agreed_codecs(self.terms)

    @property
    def target(self) -> MediaTarget | None:
        """The address at which the peer receives.

        ``None`` while it gave none, if its packets have another length, or where they go over a transport of their own:
        another party has neither its keys nor its path.
        """
        rtp = self.rtp
        remote = rtp.remote
        if remote is None or rtp.closed or rtp.repacketizes or self.leg is not None:
            return None
        return MediaTarget(self.type, *remote, self.terms.types)

    @property
    def peer_types(self) -> PayloadTypes:
        """Payload types that both sides have, under the numbers that we announced."""
        ours, theirs = self.announced, self.terms.types
        known = {one for _, one in theirs.formats}
        formats = tuple(one for one in ours.formats if one[1] in known)
        return PayloadTypes(formats, ours.events if theirs.events else ())

    @property
    def behind_nat(self) -> bool:
        """See :class:`~asterism.applications.session.sdp_handler.MediaStream`."""
        return self.rtp.source_differs

    def moved(self, session: Session) -> None:
        """Packets are no longer waited for, or are again."""
        away = self.sends_to is not None
        self.rtp.set_away(away)
        self.handler.watch(session, self)
        if session.endpoint.rtp_keepalive and self.type == AUDIO:
            self.rtp.set_keep_alive(0 if away else session.endpoint.rtp_keepalive)

    def close(self) -> None:
        """Free the ports."""
        self.rtp.close()
        if self.leg is not None:
            self.leg.leave()
