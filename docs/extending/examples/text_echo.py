"""An SDP handler: streams of real-time text (``m=text``, RFC 4103), echoed packet by packet."""

import asyncio
import contextlib
import socket

from asterism.applications.session.identity import EndpointProfile
from asterism.applications.session.registry import sessions
from asterism.applications.session.sdp_handler import MediaStream, SdpHandler
from asterism.applications.session.session import Session
from asterism.core.module import Module
from asterism.server.server import Server
from asterism.stack.sdp import MediaDescription, SessionDescription


class TextStream(MediaStream):
    """One stream: a UDP socket that sends back what comes."""

    __slots__ = ("_loop", "_socket", "format")

    def __init__(self, handler: SdpHandler, host: str, text_format: str) -> None:
        super().__init__(handler)
        self.format = text_format
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self._loop.add_reader(self._socket, self._on_readable)

    @property
    def port(self) -> int:
        """Where the peer shall send."""
        return int(self._socket.getsockname()[1])

    def _on_readable(self) -> None:
        with contextlib.suppress(OSError):
            packet, source = self._socket.recvfrom(2048)
            self._socket.sendto(packet, source)

    def close(self) -> None:
        """Free the socket; called when the session ends."""
        self._loop.remove_reader(self._socket)
        self._socket.close()


class TextHandler(SdpHandler):
    """Takes one stream of T.140 text for each session; offers none of its own."""

    name = "text"
    media = "text"

    def accepts(self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> bool:
        """Whether a stream that is offered can be taken; changes nothing."""
        return media.protocol.upper() == "RTP/AVP" and bool(_t140(media))

    def answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream | None
    ) -> tuple[MediaStream, str] | None:
        """Take the stream and write our section; ``None`` refuses it with port 0."""
        found = _t140(media)
        if media.protocol.upper() != "RTP/AVP" or not found:
            return None
        text = stream if isinstance(stream, TextStream) else TextStream(self, session.local_address, found)
        return text, f"m=text {text.port} RTP/AVP {found}\r\na=rtpmap:{found} t140/1000\r\n"


def _t140(media: MediaDescription) -> str:
    """The payload type that the offer maps to t140, empty if none."""
    for name, value in media.attributes:
        payload, _, encoding = (value or "").partition(" ")
        if name == "rtpmap" and encoding.lower() == "t140/1000" and payload in media.formats:
            return payload
    return ""


class TextEcho(Module):
    """Registers the handler."""

    name = "session_text_echo"
    requires = ("session",)
    description = "SDP handler that echoes real-time text"

    def load(self, server: Server) -> None:
        """Register it with the session module."""
        sessions(server).register_sdp_handler(TextHandler())
