"""Audio over plain RTP (``RTP/AVP``, RFC 3551), relayed by this server."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from asterism.applications.session.negotiation import (
    REVERSED,
    AudioTerms,
    Offered,
    accept_answer,
    accept_offer,
    all_terms,
    offer_terms,
    write_audio,
)
from asterism.applications.session.registry import sessions
from asterism.applications.session.sdp_handler import MediaStream, SdpHandler
from asterism.core.errors import AsterismError
from asterism.core.module import Module
from asterism.pbx import rtcp
from asterism.pbx.muting import apply_mute
from asterism.stack.errors import ParseError
from asterism.stack.sdp import RtpMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.session import Session
    from asterism.media.core import Media as MediaSubsystem
    from asterism.media.formats import Format
    from asterism.media.rtp import RtpSession
    from asterism.stack.sdp import MediaDescription, SessionDescription

_NOT_AVAILABLE = 44
"""Q.850: requested channel not available; what a call without audio ends with."""
_PROFILE = "RTP/AVP"
_NOWHERE = frozenset(("0.0.0.0", "::", ""))


class RtpAudio(MediaStream):
    """An audio stream: its RTP session, the terms agreed for it, and what we offered last, if we did."""

    __slots__ = ("offered", "rtp", "terms")

    def __init__(self, handler: SdpHandler, rtp: RtpSession, terms: AudioTerms) -> None:
        super().__init__(handler)
        self.rtp = rtp
        self.terms = terms
        self.offered: AudioTerms | None = None

    def close(self) -> None:
        """Free the ports."""
        self.rtp.close()


class RtpHandler(SdpHandler):
    """Negotiates one audio stream for each session."""

    name = "rtp"
    media = "audio"

    def __init__(self, media: MediaSubsystem) -> None:
        self._media = media

    def create_offer(self, session: Session) -> tuple[MediaStream, str] | None:
        """Offer every codec of the endpoint, the caller's first as ``outgoing_call_offer_pref`` says."""
        formats = session.offer_formats
        if not formats:
            return None
        terms = offer_terms(formats, session.endpoint.dtmf_mode)
        rtp = self._open(session)
        if rtp is None:
            return None
        stream = RtpAudio(self, rtp, terms)
        stream.offered = terms
        # What is offered must be understood from now on: early media may come before the answer does.
        self._set_up(stream)
        return stream, write_audio(terms, stream.rtp.local[1])

    def accepts(self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> bool:
        """Whether profile and codecs fit."""
        return bool(media.port) and _terms(profile, description, media) is not None

    def agreed(
        self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription
    ) -> Sequence[Format]:
        """Those of the answer, in its order."""
        terms = _terms(profile, description, media) if media.port else None
        return () if terms is None else tuple(dict(terms.formats).values())

    def answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream | None
    ) -> tuple[MediaStream, str] | None:
        """Take the offer in the order of our codecs; a second audio stream is refused."""
        if stream is None and session.audio is not None:
            return None
        terms = _terms(session.profile, description, media)
        if terms is None:
            return None
        if isinstance(stream, RtpAudio):
            stream.terms = terms
            stream.offered = None
        else:
            rtp = self._open(session)
            if rtp is None:
                return None
            stream = RtpAudio(self, rtp, terms)
        self._set_up(stream)
        self._set_remote(session, stream, description, media)
        return stream, write_audio(terms, stream.rtp.local[1])

    def reoffer(self, session: Session, stream: MediaStream) -> str:
        """The section as agreed before."""
        assert isinstance(stream, RtpAudio)
        if session.held and session.endpoint.moh_passthrough:
            stream.terms = stream.terms._replace(direction="inactive" if session.remote_hold else "sendonly")
        elif not session.remote_hold:
            stream.terms = stream.terms._replace(direction="sendrecv")
        stream.offered = stream.terms
        if session.offer_all:
            stream.offered = all_terms(stream.terms, session.formats)
            self._set_up(stream)
        return write_audio(stream.offered, stream.rtp.local[1])

    def apply_answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream
    ) -> bool:
        """Send what the peer answered."""
        assert isinstance(stream, RtpAudio)
        if media.protocol.upper() != _PROFILE:
            return False
        # Measured by the offer, not by an earlier answer: another branch of the call may choose otherwise.
        offered, direction = _read(tuple(media.formats), tuple(media.attributes), tuple(description.attributes))
        terms = accept_answer(stream.offered or stream.terms, offered, direction)
        if terms is None:
            return False
        stream.terms = terms
        self._set_up(stream)
        self._set_remote(session, stream, description, media)
        return True

    def _open(self, session: Session) -> RtpSession | None:
        endpoint = session.endpoint
        bound = endpoint.media_address if endpoint.bind_rtp_to_media_address else ""
        host = bound or session.local_address
        try:
            rtp = self._media.open_rtp(
                host,
                symmetric=endpoint.rtp_symmetric,
                ports=(endpoint.rtp_port_start, endpoint.rtp_port_end),
                tos=endpoint.tos_audio,
                cos=endpoint.cos_audio,
            )
        except (OSError, ValueError, AsterismError) as error:
            session.core.log.warning("no RTP session on %s: %s", host, error)
            return None
        if endpoint.rtp_keepalive:
            rtp.set_keep_alive(endpoint.rtp_keepalive)
        rtp.on_rtcp = lambda stream, sent, report: rtcp.publish(session.channel, stream, sent, report)
        rtp.on_digit = session.on_rtp_digit
        rtp.on_digit_begin = session.on_rtp_digit_begin
        if session.channel is not None:
            apply_mute(session.channel, rtp)
        session.audio = rtp
        return rtp

    def _silent(self, session: Session) -> None:
        session.core.log.info("no audio came from %s; ending the call", session.endpoint.id)
        session.work.push(session.fail, _NOT_AVAILABLE)

    def _set_up(self, stream: RtpAudio) -> None:
        terms = stream.terms
        receive = None
        if stream.offered is not None and stream.offered is not terms:
            receive = dict(stream.offered.formats)
        stream.rtp.set_formats(dict(terms.formats), terms.dtmf_payload, receive)

    def _set_remote(
        self, session: Session, stream: RtpAudio, description: SessionDescription, media: MediaDescription
    ) -> None:
        connection = media.connection or description.connection
        host = "" if connection is None else connection.address
        held = host in _NOWHERE or stream.terms.direction in ("recvonly", "inactive")
        if host not in _NOWHERE:
            try:
                stream.rtp.set_remote(host, media.port)
            except ValueError as error:
                # A name, or an address of the other family: nothing can be sent there, but what comes is taken.
                session.core.log.info("media of %s: %s", session.endpoint.id, error)
        stream.rtp.hold = held
        seconds = session.endpoint.rtp_timeout_hold if held else session.endpoint.rtp_timeout
        if seconds or session.endpoint.rtp_timeout or session.endpoint.rtp_timeout_hold:
            stream.rtp.set_timeout(seconds, lambda: self._silent(session))
        if held != session.remote_hold:
            session.set_remote_hold(held)


def _terms(profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> AudioTerms | None:
    if media.protocol.upper() != _PROFILE:
        return None
    endpoint = profile.endpoint
    preference = "local_first" if endpoint.preferred_codec_only else endpoint.incoming_call_offer_pref
    offered, direction = _read(tuple(media.formats), tuple(media.attributes), tuple(description.attributes))
    return accept_offer(profile.formats, offered, endpoint.dtmf_mode, preference, direction)


_Attributes = tuple[tuple[str, str | None], ...]


@lru_cache(maxsize=512)
def _read(formats: tuple[str, ...], attributes: _Attributes, common: _Attributes) -> tuple[tuple[Offered, ...], str]:
    """The payload types of a section and its direction, which may be told in the attributes ``common`` to all."""
    direction = next((name for name, _ in attributes + common if name in REVERSED), "sendrecv")
    maps: dict[str, RtpMap] = {}
    for name, value in attributes:
        if name == "rtpmap" and value:
            try:
                found = RtpMap.parse(value)
            except ParseError:
                continue
            maps.setdefault(found.payload, found)
    offered: list[Offered] = []
    for text in formats:
        if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127:
            known = maps.get(text)
            offered.append(
                Offered(int(text)) if known is None else Offered(int(text), known.encoding, known.clock_rate)
            )
    return tuple(offered), direction


class RtpModule(Module):
    """Registers :class:`RtpHandler`."""

    name = "session_sdp_rtp"
    aliases = ("res_pjsip_sdp_rtp",)
    requires = ("session",)
    description = "SDP handler for RTP audio streams"

    def load(self, server: Any) -> None:
        """Register the handler."""
        sessions(server).register_sdp_handler(RtpHandler(server.media))
