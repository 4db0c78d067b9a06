"""Streams over RTP (RFC 3551), relayed by this server: audio, video and text; plain, or over media transports."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.session import timeouts
from asterism.applications.session.media_transport import sections
from asterism.applications.session.media_transport.gathering import Preparation
from asterism.applications.session.media_transport.opening import NOWHERE, local_host, open_leg
from asterism.applications.session.media_transport.terms import (
    PLAIN,
    Refused,
    TransportTerms,
    accept,
    offer,
    take_answer,
)
from asterism.applications.session.negotiation import (
    AudioTerms,
    accept_answer,
    accept_offer,
    agreed_codecs,
    all_terms,
    audio_section,
    offer_terms,
)
from asterism.applications.session.picture_updates import ask_peer
from asterism.applications.session.registry import sessions
from asterism.applications.session.sdp_handler import MediaStream, SdpHandler
from asterism.applications.session.sdp_handlers import naming
from asterism.applications.session.sdp_handlers.reading import read_lines
from asterism.applications.session.sdp_handlers.stream import RtpStream
from asterism.core.errors import AsterismError
from asterism.core.module import Module
from asterism.media.payload_types import PayloadTypes
from asterism.media.sockets import is_address
from asterism.media.stream import AUDIO, Agreed
from asterism.pbx.channels import rtcp
from asterism.pbx.channels.fax_tone import detect_fax
from asterism.pbx.channels.inband_digits import detect_digits
from asterism.pbx.vocabulary.controls import SoftHangup
from asterism.stack.grammar import printable
from asterism.stack.sdp import Connection

if TYPE_CHECKING:
    from asterism.applications.session.direct_media import DirectLeg
    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.media_transport.leg import TransportLeg
    from asterism.applications.session.media_transport.sections import SectionTransport
    from asterism.applications.session.media_transport.terms import Options
    from asterism.applications.session.session import Session
    from asterism.media.core import Media as MediaSubsystem
    from asterism.media.rtp import RtpSession
    from asterism.stack.sdp import MediaDescription, SessionDescription

_NOT_AVAILABLE = 44
"""Q.850: requested channel not available; what a call without audio ends with."""
PROFILE = "RTP/AVP"
_NO_CONNECTION = Connection("IP4", "")
_SENDS_NOTHING = frozenset(("recvonly", "inactive"))
_HELD = {"sendrecv": "sendonly", "recvonly": "inactive"}
"""Our direction while the other party of the call holds this one, by the direction otherwise."""


class RtpHandler(SdpHandler):
    """Negotiates streams whose packets are passed on as they are.

    Formats of the two sides are compared by name, and nothing is converted.
    """

    marking: ClassVar[tuple[str, str]]
    """The options for traffic class and link priority of the packets."""
    digits: ClassVar[bool] = False
    """Whether digits are sent in the streams."""

    def __init__(self, media: MediaSubsystem) -> None:
        self._media = media

    # What differs from type to type.

    def _opened(self, session: Session, rtp: RtpSession) -> None:
        """An RTP session was opened."""
        rtp.rtcp.listen()

    def _negotiated(self, session: Session, stream: RtpStream) -> None:
        """The meaning of payload types has changed."""

    def _options(self, profile: EndpointProfile, leg: TransportLeg | None = None) -> Options:
        """What holds for the transport of an endpoint's media: no ICE where ``icesupport`` of ``rtp.conf`` is no.

        ``leg``: the transport that is there; one that has ICE keeps it.
        """
        options = profile.transport
        if not options.ice or self._media.settings.ice_support or (leg is not None and leg.transport.ice is not None):
            return options
        return options._replace(ice=False)

    # What the peer offers.

    def accepts(self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> bool:
        """Whether profile, address and codecs fit."""
        here = bool(media.port) or not sections.disabled(media)
        return here and self._acceptable(profile, description, media) is not None

    def agreed(self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> Agreed:
        """Codecs of the answer, in its order."""
        found = None if not media.port and sections.disabled(media) else self._acceptable(profile, description, media)
        return () if found is None else agreed_codecs(found[0])

    def answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream | None
    ) -> tuple[MediaStream, MediaDescription] | None:
        """Take the offer in the order of our codecs."""
        before = stream if isinstance(stream, RtpStream) else None
        found = self._acceptable(session.profile, description, media, session, before)
        if found is None:
            return None
        terms, way, section = found
        host = (media.connection or description.connection or _NO_CONNECTION).address
        if section is None:
            if before is None:
                before = self._open(session, terms, host)
                if before is None:
                    return None
            elif not session.symmetric and not _reaches(before.rtp, host):
                return None
            stream = before
        else:
            taken = self._take_transport(session, before, terms, way, section, host, media.port)
            if taken is None:
                return None
            stream = taken
        # With ICE an address that is nobody's says only that it is not known yet (RFC 8840 4.3).
        stream.peer_holds = (host in NOWHERE and not way.ice) or terms.direction in _SENDS_NOTHING
        if session.held and session.moh_passthrough:
            terms = terms._replace(direction=_HELD.get(terms.direction, terms.direction))
        stream.terms = terms
        stream.announced = terms.types
        stream.offered = None
        self._set_up(session, stream)
        self._set_remote(session, stream, host, media.port, section)
        ptime = terms.ptime if session.endpoint.use_ptime else 0
        port = stream.rtp.local[1]
        if session.direct is not None:
            terms, port = _placed(session.direct, stream, terms)
        answered = audio_section(terms, port, ptime, stream.connection, self.media)
        if section is not None:
            naming.take(session, stream, section, answered)
        return stream, answered

    def _take_transport(
        self, session: Session, stream: RtpStream | None, terms: AudioTerms, way: TransportTerms,
        section: SectionTransport, host: str, port: int,
    ) -> RtpStream | None:  # fmt: skip
        """The stream of an offered section that has a transport of its own, which takes what was offered."""
        legs = session.media.legs
        leg = legs.found(stream, session.media.streams, way.group)
        if leg is not None and not leg.fits(way):
            leg = None
        if stream is None or leg is None or stream.leg is not leg:
            leg = leg or open_leg(self._media, session, host, self.marking, ice=way.ice)
            stream = None if leg is None else self._open(session, terms, host, leg)
            if leg is None or stream is None:
                return None
            fresh = True
        else:
            fresh = False
        usable = way.ice or session.symmetric or _reaches(stream.rtp, host)
        if usable:
            try:
                if legs.first(leg):
                    leg.take_offer(section, way, host, port)
                legs.took(leg, way.group)
            except ValueError as error:
                session.core.log.warning("the media of %s cannot be taken: %s", session.endpoint.id, error)
                usable = False
        if not usable:
            if fresh:
                stream.close()
            return None
        stream.way, stream.offered_way = way, None
        return stream

    # What we offer.

    def create_offer(self, session: Session) -> tuple[MediaStream, MediaDescription] | None:
        """Offer every codec of the endpoint, the caller's first as ``outgoing_call_offer_pref`` says."""
        formats = session.offers_of(self.media)
        if not formats:
            return None
        mode = (session.media.dtmf_mode or session.endpoint.dtmf_mode) if self.digits else "none"
        terms = offer_terms(formats, mode, session.media.parameters)
        leg, way = None, PLAIN
        if not session.profile.plain:
            legs = session.media.legs
            options = self._options(session.profile)._replace(in_clear=session.media.in_clear)
            way = offer(options, legs.name(self.media))
            shared = legs.shared(session.media.streams) if way.group else None
            leg = shared or open_leg(self._media, session, "", self.marking, ice=way.ice)
            if leg is None:
                return None
        stream = self._open(session, terms, "", leg)
        if stream is None:
            return None
        stream.offered = terms
        # What is offered must be understood from now on: early media may come before the answer does.
        self._set_up(session, stream)
        section = audio_section(terms, stream.rtp.local[1], media=self.media)
        if leg is not None:
            naming.offer(session, stream, way, section)
        return stream, section

    def reoffer(self, session: Session, stream: MediaStream) -> MediaDescription:
        """The codecs agreed, under the payload types that we announced for them."""
        assert isinstance(stream, RtpStream)
        # What we want, whatever the peer wants: one that holds us says so again (RFC 6337 5.3).
        direction = "sendonly" if stream.one_way or (session.held and session.moh_passthrough) else "sendrecv"
        numbers = {one: number for number, one in stream.announced.formats}
        formats = tuple((numbers.get(one, number), one) for number, one in stream.terms.types.formats)
        types = PayloadTypes(formats, stream.announced.events)
        offered = AudioTerms(types, direction, 0, stream.terms.parameters)
        chosen = session.media.wanted if self.media == AUDIO else ()
        if chosen or session.media.dtmf_mode or session.offer_all:
            allowed = session.profile.formats_of[self.media]
            wanted = chosen or (allowed if session.offer_all else tuple(one for _, one in formats))
            mode = (session.media.dtmf_mode or session.endpoint.dtmf_mode) if self.digits else "none"
            offered = all_terms(offered, wanted, mode)
        port = stream.rtp.local[1]
        if session.direct is not None:
            offered, port = _placed(session.direct, stream, offered)
        stream.offered = offered
        self._set_up(session, stream)
        section = audio_section(offered, port, 0, stream.connection, self.media)
        if stream.leg is not None:
            naming.offer_again(session, stream, section)
        return section

    def apply_answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream
    ) -> bool:
        """Send what the peer answered."""
        assert isinstance(stream, RtpStream)
        leg, way, section = stream.leg, PLAIN, None
        if leg is not None:
            section = sections.read(description, media)
            found = take_answer(session.profile.transport, stream.offered_way or PLAIN, section, leg.suites)
            if isinstance(found, Refused):
                session.core.log.warning("the %s of %s %s", self.media, session.endpoint.id, found.why)
                return False
            way = found
        elif media.protocol.upper() != PROFILE:
            return False
        host = (media.connection or description.connection or _NO_CONNECTION).address
        if not (session.symmetric or way.ice) and not _reaches(stream.rtp, host):
            session.core.log.warning(
                "%s answers with media at '%s', which cannot be reached", session.endpoint.id, host
            )
            return False
        # Measured by the offer, not by an earlier answer: another branch of the call may choose otherwise.
        offered = stream.offered or stream.terms
        read = read_lines if description.cacheable else read_lines.__wrapped__
        lines = read(tuple(media.formats), tuple(media.attributes), tuple(description.attributes))
        terms = accept_answer(offered, lines)
        if terms is None:
            return False
        if leg is not None and section is not None:
            legs = session.media.legs
            try:
                if legs.first(leg):
                    leg.take_answer(section, way, host, media.port)
                    legs.took(leg, way.group)
                elif not way.group:
                    stream.refused = True
                    raise ValueError("it is not in the BUNDLE group of the stream that it was offered with")
            except ValueError as error:
                session.core.log.warning("the %s of %s cannot be had: %s", self.media, session.endpoint.id, error)
                return False
            stream.way = way
            naming.took(session, stream, section)
        stream.terms = terms
        # With ICE an address that is nobody's says only that it is not known yet (RFC 8840 4.3).
        stream.peer_holds = (host in NOWHERE and not way.ice) or terms.direction in _SENDS_NOTHING
        stream.announced = offered.types
        self._set_up(session, stream)
        self._set_remote(session, stream, host, media.port, section)
        return True

    def roll_back(self, session: Session, stream: MediaStream) -> None:
        """Forget our open offer."""
        assert isinstance(stream, RtpStream)
        if stream.offered is not None:
            stream.offered = stream.offered_way = None
            self._set_up(session, stream)

    # The RTP session.

    def _open(
        self, session: Session, terms: AudioTerms, peer: str, leg: TransportLeg | None = None
    ) -> RtpStream | None:
        """A stream with ports on an address that the peer's media can reach, or on a transport that is open."""
        endpoint = session.endpoint
        host, other_family = session.local_address, False
        if leg is not None:
            leg.join()
            host, other_family = leg.host or host, bool(leg.host)
        elif endpoint.bind_rtp_to_media_address or (peer and (":" in peer) != (":" in host)):
            host, other_family = local_host(session, peer, to_media_address=endpoint.bind_rtp_to_media_address)
        try:
            rtp = self._media.open_rtp(
                host,
                symmetric=session.symmetric,
                ports=(endpoint.rtp_port_start, endpoint.rtp_port_end),
                tos=getattr(endpoint, self.marking[0]),
                cos=getattr(endpoint, self.marking[1]),
                transport=None if leg is None else leg.transport,
            )
        except (OSError, ValueError, AsterismError) as error:
            if leg is not None:
                leg.leave()
            session.core.log.warning("no RTP session on %s: %s", host, error)
            return None
        rtp.follow_peer = not endpoint.asymmetric_rtp_codec
        rtp.cname = session.media.cname
        if endpoint.disable_direct_media_on_nat:
            rtp.on_source = session.media_changed
        self._opened(session, rtp)
        stream = RtpStream(self, rtp, terms, leg)
        if other_family:
            stream.connection = Connection("IP6" if ":" in host else "IP4", host)
        return stream

    def _set_up(self, session: Session, stream: RtpStream) -> None:
        """Tell the RTP session what its payload types mean: what we announced before may still be on its way."""
        terms, receive = stream.terms, stream.announced
        if stream.offered is not None and stream.offered is not terms:
            receive = PayloadTypes(
                receive.formats + stream.offered.types.formats, receive.events + stream.offered.types.events
            )
        ptime = terms.ptime if session.endpoint.use_ptime else 0
        stream.rtp.set_formats(terms.types, receive, ptime, terms.parameters)
        self._negotiated(session, stream)

    def _set_remote(
        self, session: Session, stream: RtpStream, host: str, port: int, section: SectionTransport | None = None
    ) -> None:
        way = stream.way
        finds_peer = way is not None and way.ice
        held = (host in NOWHERE and not finds_peer) or stream.terms.direction in _SENDS_NOTHING
        if host not in NOWHERE and not finds_peer:
            try:
                stream.rtp.set_remote(host, port, rtcp=None if section is None else section.rtcp_address(host))
            except ValueError as error:
                # No address of the socket's family: where it is is learned from its packets.
                session.core.log.debug("media of %s: %s", session.endpoint.id, error)
        stream.rtp.hold = held
        self.watch(session, stream)

    def watch(self, session: Session, stream: RtpStream) -> None:
        """Called when hold or direct media change, to adjust the timeout for missing packets. Does nothing here."""

    def _acceptable(
        self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription,
        session: Session | None = None, stream: RtpStream | None = None,
    ) -> tuple[AudioTerms, TransportTerms, SectionTransport | None] | None:  # fmt: skip
        """The terms of an answer to an offered section, ``None`` when it cannot be taken.

        The second part is what the section has of its transport, where that is not plain RTP.
        """
        endpoint = profile.endpoint
        leg = None if stream is None else stream.leg
        section, way = None, PLAIN
        if profile.plain and leg is None:
            if media.protocol.upper() != PROFILE:
                return None
        else:
            section = sections.read(description, media)
            found = accept(self._options(profile, leg), section, "" if leg is None else leg.role)
            if isinstance(found, Refused):
                return None
            way = found
            if way.plain and leg is None:
                section = None
        host = (media.connection or description.connection or _NO_CONNECTION).address
        if host not in NOWHERE and not is_address(host) and not (endpoint.rtp_symmetric or way.ice):
            profile.core.log.warning("%s offers media at '%s', which is no address", endpoint.id, printable(host))
            return None
        preference = "local_first" if endpoint.preferred_codec_only else endpoint.incoming_call_offer_pref
        read = read_lines if description.cacheable else read_lines.__wrapped__
        lines = read(tuple(media.formats), tuple(media.attributes), tuple(description.attributes))
        mode, allowed = "none", profile.formats_of[self.media]
        if self.digits:
            mode = endpoint.dtmf_mode
            if session is not None:
                mode, allowed = session.media.dtmf_mode or mode, session.media.answers or allowed
        terms = accept_offer(allowed, lines, mode, preference)
        return None if terms is None else (terms, way, section)


class AudioHandler(RtpHandler):
    """Streams of audio: they carry digits, are consumed here too, and their silence may end the call."""

    name = "rtp"
    media = "audio"
    limit = "max_audio_streams"
    digits = True
    marking = "tos_audio", "cos_audio"

    def _opened(self, session: Session, rtp: RtpSession) -> None:
        endpoint = session.endpoint
        if endpoint.rtp_keepalive:
            rtp.set_keep_alive(endpoint.rtp_keepalive)
        rtp.on_rtcp = lambda stream, sent, report: rtcp.publish(session.channel, stream, sent, report)
        rtp.on_digit = session.on_rtp_digit
        rtp.on_digit_begin = session.on_rtp_digit_begin

    def _negotiated(self, session: Session, stream: RtpStream) -> None:
        if session.channel is not None:
            if session.endpoint.fax_detect and "cng" in session.endpoint.habits.fax_signs:
                detect_fax(session.channel, True, session.endpoint.fax_detect_timeout)
            mode = session.media.dtmf_mode or session.endpoint.dtmf_mode
            detect_digits(session.channel, mode == "inband" or (mode == "auto" and not stream.rtp.sends_events))

    def watch(self, session: Session, stream: RtpStream) -> None:
        """End the call when nothing comes for too long; not while the peer sends elsewhere."""
        endpoint = session.endpoint
        if not (endpoint.rtp_timeout or endpoint.rtp_timeout_hold):
            return
        seconds = endpoint.rtp_timeout_hold if stream.rtp.hold else endpoint.rtp_timeout
        stream.rtp.set_timeout(0 if stream.sends_to is not None else seconds, partial(_silent, session))


class VideoHandler(RtpHandler):
    """Streams of video: passed on as they are, between two parties or to those in a conference who are shown them."""

    name = "rtp_video"
    media = "video"
    limit = "max_video_streams"
    marking = "tos_video", "cos_video"

    def _opened(self, session: Session, rtp: RtpSession) -> None:
        super()._opened(session, rtp)
        rtp.on_key_frame = partial(ask_peer, session)


class TextHandler(RtpHandler):
    """Streams of T.140 text (RFC 4103): passed on between two parties."""

    name = "rtp_text"
    media = "text"
    limit = "max_text_streams"
    marking = "tos_audio", "cos_audio"


HANDLERS: tuple[type[RtpHandler], ...] = (AudioHandler, VideoHandler, TextHandler)
"""Handlers that negotiate the types of streams that go over RTP."""


def _placed(direct: DirectLeg, stream: RtpStream, terms: AudioTerms) -> tuple[AudioTerms, int]:
    """The terms and the port of our next description: those of another party, where the peer is to send there."""
    place = stream.placed = direct.place_for(stream)
    if place is None:
        return terms, stream.rtp.local[1]
    return terms._replace(types=place.types), place.port


def _silent(session: Session) -> None:
    session.core.log.info("no audio came from %s; ending the call", session.endpoint.id)
    session.work.push(_end_silent, session)


def _end_silent(session: Session) -> None:
    """End a call without audio as its own device would: the manager is told by SoftHangupRequest."""
    if session.channel is None:
        session.fail(_NOT_AVAILABLE)
    else:
        timeouts.tell(session, timeouts.AUDIO)
        session.channel.soft_hangup(SoftHangup.DEVICE, _NOT_AVAILABLE)


def _reaches(rtp: RtpSession, host: str) -> bool:
    """Whether packets can be sent to an address from this session's socket."""
    return host in NOWHERE or (is_address(host) and (":" in host) == (":" in rtp.local[0]))


class RtpModule(Module):
    """Registers the handlers of :data:`HANDLERS`."""

    name = "session_sdp_rtp"
    aliases = ("res_pjsip_sdp_rtp",)
    requires = ("session",)
    description = "SDP handlers for streams over RTP"

    def load(self, server: Any) -> None:
        """Register the handlers."""
        for handler in HANDLERS:
            sessions(server).register_sdp_handler(handler(server.media))
        gathering = sessions(server).gathering
        gathering.append(Preparation(server.media))
        server.owner.on_release(gathering.clear)
