"""Streams over plain RTP (``RTP/AVP``, RFC 3551), relayed by this server: audio, video and text."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.session import timeouts
from asterism.applications.session.identity import address_towards
from asterism.applications.session.negotiation import (
    LARGEST_KEPT,
    MAX_ENCODING,
    MAX_PARAMETERS,
    MAX_PTIME,
    REVERSED,
    AudioTerms,
    Offered,
    Section,
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
from asterism.core.errors import AsterismError
from asterism.core.module import Module
from asterism.media.payload_types import PayloadTypes
from asterism.media.sockets import is_address
from asterism.media.stream import AUDIO, Agreed
from asterism.pbx.channels import rtcp
from asterism.pbx.channels.fax_tone import detect_fax
from asterism.pbx.channels.inband_digits import detect_digits
from asterism.pbx.channels.technology import MediaTarget
from asterism.pbx.vocabulary.controls import SoftHangup
from asterism.stack.errors import ParseError
from asterism.stack.grammar import printable
from asterism.stack.sdp import Connection, RtpMap

if TYPE_CHECKING:
    from asterism.applications.session.direct_media import DirectLeg
    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.session import Session
    from asterism.media.core import Media as MediaSubsystem
    from asterism.media.rtp import RtpSession
    from asterism.stack.sdp import MediaDescription, SessionDescription

_NOT_AVAILABLE = 44
"""Q.850: requested channel not available; what a call without audio ends with."""
PROFILE = "RTP/AVP"
_NO_CONNECTION = Connection("IP4", "")
_NOWHERE = frozenset(("0.0.0.0", "::", ""))
_SENDS_NOTHING = frozenset(("recvonly", "inactive"))
_HELD = {"sendrecv": "sendonly", "recvonly": "inactive"}
"""Our direction while the other party of the call holds this one, by the direction otherwise."""


class RtpStream(MediaStream):
    """A stream of RTP packets.

    Attributes:
        rtp: its RTP session.
        terms: what was agreed last, or what we offer as long as nothing was.
        announced: the payload types that we understand, as our last agreed description says.
        offered: our last offer, until the peer makes one: several branches of a call may answer it.
        connection: where we receive, when that is of another address family than the session's other media.
    """

    __slots__ = ("announced", "connection", "offered", "rtp", "terms")

    def __init__(self, handler: SdpHandler, rtp: RtpSession, terms: AudioTerms) -> None:
        super().__init__(handler)
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
        """The address at which the peer receives; ``None`` while it gave none, or its packets have another length."""
        rtp = self.rtp
        remote = rtp.remote
        if remote is None or rtp.closed or rtp.repacketizes:
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
        handler = self.handler
        if isinstance(handler, RtpHandler):
            handler.watch(session, self)
        if session.endpoint.rtp_keepalive and self.type == AUDIO:
            self.rtp.set_keep_alive(0 if away else session.endpoint.rtp_keepalive)

    def close(self) -> None:
        """Free the ports."""
        self.rtp.close()


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

    # What the peer offers.

    def accepts(self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> bool:
        """Whether profile, address and codecs fit."""
        return bool(media.port) and self._acceptable(profile, description, media) is not None

    def agreed(self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> Agreed:
        """Codecs of the answer, in its order."""
        terms = self._acceptable(profile, description, media) if media.port else None
        return () if terms is None else agreed_codecs(terms)

    def answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream | None
    ) -> tuple[MediaStream, MediaDescription] | None:
        """Take the offer in the order of our codecs."""
        terms = self._acceptable(session.profile, description, media, session)
        if terms is None:
            return None
        host = (media.connection or description.connection or _NO_CONNECTION).address
        if not isinstance(stream, RtpStream):
            opened = self._open(session, terms, host)
            if opened is None:
                return None
            stream = opened
        elif not session.symmetric and not _reaches(stream.rtp, host):
            return None
        stream.peer_holds = host in _NOWHERE or terms.direction in _SENDS_NOTHING
        if session.held and session.moh_passthrough:
            terms = terms._replace(direction=_HELD.get(terms.direction, terms.direction))
        stream.terms = terms
        stream.announced = terms.types
        stream.offered = None
        self._set_up(session, stream)
        self._set_remote(session, stream, host, media.port)
        ptime = terms.ptime if session.endpoint.use_ptime else 0
        port = stream.rtp.local[1]
        if session.direct is not None:
            terms, port = _placed(session.direct, stream, terms)
        return stream, audio_section(terms, port, ptime, stream.connection, self.media)

    # What we offer.

    def create_offer(self, session: Session) -> tuple[MediaStream, MediaDescription] | None:
        """Offer every codec of the endpoint, the caller's first as ``outgoing_call_offer_pref`` says."""
        formats = session.offers_of(self.media)
        if not formats:
            return None
        if not session.profile.in_the_clear:
            session.core.log.warning("%s is not called: its media_encryption is not available", session.endpoint.id)
            return None
        mode = (session.media.dtmf_mode or session.endpoint.dtmf_mode) if self.digits else "none"
        terms = offer_terms(formats, mode, session.media.parameters)
        stream = self._open(session, terms, "")
        if stream is None:
            return None
        stream.offered = terms
        # What is offered must be understood from now on: early media may come before the answer does.
        self._set_up(session, stream)
        return stream, audio_section(terms, stream.rtp.local[1], media=self.media)

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
        return audio_section(offered, port, 0, stream.connection, self.media)

    def apply_answer(
        self, session: Session, description: SessionDescription, media: MediaDescription, stream: MediaStream
    ) -> bool:
        """Send what the peer answered."""
        assert isinstance(stream, RtpStream)
        if media.protocol.upper() != PROFILE:
            return False
        host = (media.connection or description.connection or _NO_CONNECTION).address
        if not session.symmetric and not _reaches(stream.rtp, host):
            session.core.log.warning(
                "%s answers with media at '%s', which cannot be reached", session.endpoint.id, host
            )
            return False
        # Measured by the offer, not by an earlier answer: another branch of the call may choose otherwise.
        offered = stream.offered or stream.terms
        section = _read(tuple(media.formats), tuple(media.attributes), tuple(description.attributes))
        terms = accept_answer(offered, section)
        if terms is None:
            return False
        stream.terms = terms
        stream.peer_holds = host in _NOWHERE or terms.direction in _SENDS_NOTHING
        stream.announced = offered.types
        self._set_up(session, stream)
        self._set_remote(session, stream, host, media.port)
        return True

    def roll_back(self, session: Session, stream: MediaStream) -> None:
        """Forget our open offer."""
        assert isinstance(stream, RtpStream)
        if stream.offered is not None:
            stream.offered = None
            self._set_up(session, stream)

    # The RTP session.

    def _open(self, session: Session, terms: AudioTerms, peer: str) -> RtpStream | None:
        """A stream with ports on an address that the peer's media can reach."""
        endpoint = session.endpoint
        bound = endpoint.media_address if endpoint.bind_rtp_to_media_address else ""
        host = bound or session.local_address
        other_family = not bound and peer not in _NOWHERE and (":" in peer) != (":" in host)
        if other_family and is_address(peer):
            host = address_towards(peer, 9)
        try:
            rtp = self._media.open_rtp(
                host,
                symmetric=session.symmetric,
                ports=(endpoint.rtp_port_start, endpoint.rtp_port_end),
                tos=getattr(endpoint, self.marking[0]),
                cos=getattr(endpoint, self.marking[1]),
            )
        except (OSError, ValueError, AsterismError) as error:
            session.core.log.warning("no RTP session on %s: %s", host, error)
            return None
        rtp.follow_peer = not endpoint.asymmetric_rtp_codec
        rtp.cname = session.media.cname
        if endpoint.disable_direct_media_on_nat:
            rtp.on_source = session.media_changed
        self._opened(session, rtp)
        stream = RtpStream(self, rtp, terms)
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

    def _set_remote(self, session: Session, stream: RtpStream, host: str, port: int) -> None:
        held = host in _NOWHERE or stream.terms.direction in _SENDS_NOTHING
        if host not in _NOWHERE:
            try:
                stream.rtp.set_remote(host, port)
            except ValueError as error:
                # No address of the socket's family: where it is is learned from its packets.
                session.core.log.debug("media of %s: %s", session.endpoint.id, error)
        stream.rtp.hold = held
        self.watch(session, stream)

    def watch(self, session: Session, stream: RtpStream) -> None:
        """Called when hold or direct media change, to adjust the timeout for missing packets. Does nothing here."""

    def _acceptable(
        self, profile: EndpointProfile, description: SessionDescription, media: MediaDescription,
        session: Session | None = None,
    ) -> AudioTerms | None:  # fmt: skip
        """The terms of an answer to an offered section, ``None`` when it cannot be taken."""
        endpoint = profile.endpoint
        if media.protocol.upper() != PROFILE or not profile.in_the_clear:
            return None
        host = (media.connection or description.connection or _NO_CONNECTION).address
        if host not in _NOWHERE and not is_address(host) and not endpoint.rtp_symmetric:
            profile.core.log.warning("%s offers media at '%s', which is no address", endpoint.id, printable(host))
            return None
        preference = "local_first" if endpoint.preferred_codec_only else endpoint.incoming_call_offer_pref
        section = _read(tuple(media.formats), tuple(media.attributes), tuple(description.attributes))
        mode, allowed = "none", profile.formats_of[self.media]
        if self.digits:
            mode = endpoint.dtmf_mode
            if session is not None:
                mode, allowed = session.media.dtmf_mode or mode, session.media.answers or allowed
        return accept_offer(allowed, section, mode, preference)


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
    return host in _NOWHERE or (is_address(host) and (":" in host) == (":" in rtp.local[0]))


def read_section(description: SessionDescription, media: MediaDescription) -> Section:
    """Read a section of the peer's description, as far as it concerns an audio stream."""
    read = _read if description.size <= LARGEST_KEPT else _read.__wrapped__
    return read(tuple(media.formats), tuple(media.attributes), tuple(description.attributes))


_Attributes = tuple[tuple[str, str | None], ...]


@lru_cache(maxsize=512)
def _read(formats: tuple[str, ...], attributes: _Attributes, common: _Attributes) -> Section:
    """Read a section; its direction may be given in the session attributes, ``common`` to all sections."""
    direction = next((name for name, _ in attributes + common if name in REVERSED), "sendrecv")
    maps: dict[str, RtpMap] = {}
    parameters: dict[str, str] = {}
    ptime = 0
    for name, value in attributes:
        text = (value or "").strip()
        if name == "rtpmap":
            try:
                found = RtpMap.parse(text)
            except ParseError:
                continue
            maps.setdefault(found.payload, found)
        elif name == "fmtp":
            payload, _, rest = text.partition(" ")
            parameters.setdefault(payload, rest.strip() if len(rest) <= MAX_PARAMETERS else "")
        elif name == "ptime" and not ptime:
            whole = text.partition(".")[0]
            ptime = min(int(whole), MAX_PTIME) if whole.isascii() and whole.isdigit() and len(whole) < 6 else 0
    offered: list[Offered] = []
    for text in dict.fromkeys(formats):
        if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127:
            known = maps.get(text)
            fmtp = parameters.get(text, "")
            offered.append(
                Offered(int(text), fmtp=fmtp)
                if known is None
                else Offered(int(text), _encoding(known), known.clock_rate, fmtp)
            )
    return Section(tuple(offered), direction, ptime)


def _encoding(known: RtpMap) -> str:
    """The encoding; that of several channels is another one. Opus always shows two (RFC 7587 7)."""
    name = known.encoding[:MAX_ENCODING]
    return name if known.channels == 1 or name.lower() == "opus" else f"{name}/{known.channels}"


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
