"""Streams of fax in T.38 over UDPTL (``m=image``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.media_transport.opening import NOWHERE, local_host
from asterism.applications.session.registry import sessions
from asterism.applications.session.sdp_handler import MediaStream, SdpHandler
from asterism.applications.session.t38 import session_t38
from asterism.applications.session.t38_sections import (
    is_fax,
    read_correction,
    read_datagram,
    read_parameters,
    read_terms,
    write_section,
)
from asterism.core.errors import AsterismError
from asterism.core.module import Module
from asterism.media.stream import IMAGE
from asterism.media.udptl import ErrorCorrection
from asterism.stack.sdp import Connection, MediaDescription

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.media.core import Media
    from asterism.media.udptl_port import UdptlPort
    from asterism.pbx.channels.t38 import T38Parameters
    from asterism.stack.sdp import SessionDescription

_NO_CONNECTION = Connection("IP4", "")


class T38Stream(MediaStream):
    """A stream of T.38.

    Attributes:
        udptl: its port.
        ours: our terms.
        theirs: what was agreed on, with the largest IFP packet that the peer can take.
        correction: the error correction that our description names.
        connection: where we receive, when that is of another address family than the session's other media.
    """

    __slots__ = ("connection", "correction", "ours", "session", "theirs", "udptl")

    def __init__(
        self, handler: SdpHandler, session: Session, udptl: UdptlPort, ours: T38Parameters, correction: ErrorCorrection
    ) -> None:
        super().__init__(handler)
        self.session = session
        self.udptl = udptl
        port: Any = udptl  # connected as streams of audio are, by ``relay_to``
        self.port = port
        self.ours = self.theirs = ours
        self.correction = correction
        self.connection: Connection | None = None

    def close(self) -> None:
        """Free the port."""
        self.udptl.close()
        session_t38(self.session).closed(self)


class T38Handler(SdpHandler):
    """Takes and offers T.38 where the channel wants it (:mod:`asterism.applications.session.t38`).

    A new call cannot begin with it: it is refused there, or disabled beside audio, as in Asterisk 22.
    """

    name = "t38"
    media = IMAGE
    limit = "t38_udptl"

    def __init__(self, media: Media) -> None:
        self._media = media

    def answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream | None
    ) -> tuple[MediaStream, MediaDescription] | None:
        """Take T.38 that the channel has accepted, or new terms of what is there, with the offer's error correction."""
        if not is_fax(media):
            return None
        host = (media.connection or description.connection or _NO_CONNECTION).address
        accepting = session_t38(session).accepting
        if isinstance(stream, T38Stream):
            ours = read_parameters(media).meet(accepting or stream.ours)
        elif accepting is not None:
            ours = accepting
            opened = self._open(session, ours, host)
            if opened is None:
                return None
            stream = opened
        else:
            return None
        before = stream.ours, stream.correction
        stream.ours, stream.correction = ours, read_correction(media)
        if not self._agree(session, stream, host, media):
            stream.ours, stream.correction = before
            if session_t38(session).stream is not stream:
                stream.close()
            return None
        return stream, self._section(stream)

    def create_offer(self, session: Session) -> tuple[MediaStream, MediaDescription] | None:
        """Offer T.38 where the channel has asked for it."""
        wanted = session_t38(session).wanted
        if wanted is None:
            return None
        stream = self._open(session, wanted, "")
        return None if stream is None else (stream, self._section(stream))

    def reoffer(self, session: Session, stream: MediaStream) -> MediaDescription:
        """The stream as it is."""
        assert isinstance(stream, T38Stream)
        return self._section(stream)

    def apply_answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream
    ) -> bool:
        """Send as the peer has answered."""
        assert isinstance(stream, T38Stream)
        host = (media.connection or description.connection or _NO_CONNECTION).address
        return is_fax(media) and self._agree(session, stream, host, media)

    def _open(self, session: Session, ours: T38Parameters, peer: str) -> T38Stream | None:
        """A stream with a port on an address that the peer can reach."""
        endpoint = session.endpoint
        host, other_family = local_host(session, peer, to_media_address=endpoint.t38_bind_udptl_to_media_address)
        try:
            udptl = self._media.open_udptl(
                host, symmetric=endpoint.t38_udptl_nat, tos=endpoint.tos_audio, cos=endpoint.cos_audio
            )
        except (OSError, ValueError, AsterismError) as error:
            session.core.log.warning("no UDPTL port on %s: %s", host, error)
            return None
        stream = T38Stream(self, session, udptl, ours, ErrorCorrection(endpoint.t38_udptl_ec))
        if other_family:
            stream.connection = Connection("IP6" if ":" in host else "IP4", host)
        return stream

    def _agree(self, session: Session, stream: T38Stream, host: str, media: MediaDescription) -> bool:
        """Take the peer's terms and its address; whether packets can be exchanged."""
        endpoint, udptl = session.endpoint, stream.udptl
        if host not in NOWHERE:
            try:
                udptl.set_remote(host, media.port)
            except ValueError as error:
                if not endpoint.t38_udptl_nat:
                    session.core.log.warning("T.38 of %s cannot be reached: %s", endpoint.id, error)
                    return False
        correction = read_correction(media)
        largest = endpoint.t38_udptl_maxdatagram or read_datagram(media)
        udptl.set_terms(correction, largest)
        terms = read_terms(media, endpoint.t38_udptl_maxdatagram)
        stream.theirs = terms.meet(stream.ours)._replace(max_ifp=terms.max_ifp)
        session_t38(session).opened(stream)
        return True

    def _section(self, stream: T38Stream) -> MediaDescription:
        datagram = self._media.udptl.settings.local_datagram(stream.correction, stream.ours.max_ifp)
        return write_section(stream.ours, stream.correction, datagram, stream.udptl.local[1], stream.connection)


class T38Module(Module):
    """Registers the handler."""

    name = "session_sdp_t38"
    aliases = ("res_pjsip_t38",)
    requires = ("session",)
    description = "SDP handler for T.38 over UDPTL"

    def load(self, server: Any) -> None:
        """Register it."""
        sessions(server).register_sdp_handler(T38Handler(server.media))
