"""An SDP handler: streams of real-time text (``m=text``, RFC 4103), echoed packet by packet."""

import asyncio
import contextlib

from asterism.applications.session.identity import EndpointProfile
from asterism.applications.session.registry import sessions
from asterism.applications.session.sdp_handler import MediaStream, SdpHandler
from asterism.applications.session.session import Session
from asterism.core.module import Module
from asterism.media.core import Media
from asterism.media.ports import PortPair
from asterism.server.server import Server
from asterism.stack.sdp import MediaDescription, RtpMap, SessionDescription


class TextStream(MediaStream):
    """One stream: a UDP port that sends back what comes."""

    __slots__ = ("_loop", "_ports", "format")

    def __init__(self, handler: SdpHandler, ports: PortPair, text_format: RtpMap) -> None:
        super().__init__(handler)
        self.format = text_format
        self._ports = ports
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(ports.first.fileno(), self._on_readable)

    def section(self) -> MediaDescription:
        """Our section: where the peer shall send, and what."""
        section = MediaDescription(media="text", port=self._ports.port, protocol="RTP/AVP")
        section.add_format(self.format)
        return section

    def _on_readable(self) -> None:
        with contextlib.suppress(OSError):
            packet, source = self._ports.first.recvfrom(2048)
            self._ports.first.sendto(packet, source)

    def close(self) -> None:
        """Free the ports; called when the stream is removed or the session ends."""
        self._loop.remove_reader(self._ports.first.fileno())
        self._ports.close()


class TextHandler(SdpHandler):
    """Takes streams of T.140 text; offers none of its own."""

    name = "text"
    media = "text"

    def __init__(self, media: Media) -> None:
        self._media = media

    def accepts(self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> bool:
        """Whether a stream that is offered can be taken; changes nothing."""
        return media.protocol.upper() == "RTP/AVP" and _t140(media) is not None

    def answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream | None
    ) -> tuple[MediaStream, MediaDescription] | None:
        """Take the stream and compose our section; ``None`` refuses it with port 0."""
        found = _t140(media)
        if media.protocol.upper() != "RTP/AVP" or found is None:
            return None
        if isinstance(stream, TextStream):
            stream.format = found
        else:
            stream = TextStream(self, self._media.open_ports(session.local_address), found)
        return stream, stream.section()

    def reoffer(self, session: Session, stream: MediaStream) -> MediaDescription:
        """Offer the stream again as it is."""
        assert isinstance(stream, TextStream)
        return stream.section()

    def apply_answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream
    ) -> bool:
        """Take the answer to that, if it still has text."""
        return _t140(media) is not None


def _t140(media: MediaDescription) -> RtpMap | None:
    """The payload type of the section that stands for T.140."""
    return next((one for one in media.rtpmaps() if one.encoding.lower() == "t140" and one.clock_rate == 1000), None)


class TextEcho(Module):
    """Registers the handler."""

    name = "session_text_echo"
    requires = ("session",)
    description = "SDP handler that echoes real-time text"

    def load(self, server: Server) -> None:
        """Register it with the session module."""
        sessions(server).register_sdp_handler(TextHandler(server.media))
