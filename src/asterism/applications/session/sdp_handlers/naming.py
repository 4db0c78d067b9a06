"""What sections say of a stream's transport, its feedback and header extensions, and its names."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from asterism.applications.session.media_transport.lines import StreamNames, write
from asterism.applications.session.media_transport.terms import PLAIN, Protection, TransportTerms
from asterism.media import feedback_terms, header_extensions
from asterism.media.stream import AUDIO, VIDEO

if TYPE_CHECKING:
    from asterism.applications.session.media_transport.sections import SectionTransport
    from asterism.applications.session.sdp_handlers.stream import RtpStream
    from asterism.applications.session.session import Session
    from asterism.stack.sdp import MediaDescription


def take(session: Session, stream: RtpStream, section: SectionTransport, answer: MediaDescription) -> None:
    """Write what our answer to an offered section says of all that, when its transport has taken the offer."""
    way = stream.way
    assert way is not None
    browser = session.profile.transport.browser
    stream.sources = section.sources
    numbers = [number for number, _ in stream.terms.types.formats]
    if way.feedback:
        stream.feedback = feedback_terms.accepted(stream.type, section.feedback, numbers, congestion=browser)
    else:
        stream.feedback = ()
    wanted = header_extensions.offered(stream.type, bundled=bool(way.group), congestion=browser and way.feedback)
    stream.extensions = header_extensions.accepted(section.extensions, wanted)
    _write(session, stream, way, answer)


def offer(session: Session, stream: RtpStream, way: TransportTerms, section: MediaDescription) -> None:
    """Write what our first offer of a stream says of all that."""
    browser = session.profile.transport.browser
    stream.offered_way = way
    if way.feedback:
        stream.feedback = feedback_terms.offered(stream.type, congestion=browser)
    stream.extensions = header_extensions.offered(stream.type, bundled=bool(way.group), congestion=browser)
    assert stream.leg is not None
    stream.leg.prepare_offer(way)
    _write(session, stream, way, section)


def offer_again(session: Session, stream: RtpStream, section: MediaDescription) -> None:
    """Write what another offer of ours says: what was agreed on holds."""
    leg = stream.leg
    assert leg is not None
    way = stream.way or stream.offered_way or PLAIN
    setup = (leg.role or leg.options.setup) if way.protection is Protection.DTLS else ""
    way = stream.offered_way = way._replace(crypto=None, setup=setup, role="")
    leg.prepare_offer(way)
    _write(session, stream, way, section)


def took(session: Session, stream: RtpStream, section: SectionTransport) -> None:
    """Take what the peer's answer to our offer says."""
    way = stream.way
    assert way is not None
    browser = session.profile.transport.browser
    stream.sources = section.sources
    numbers = [number for number, _ in stream.announced.formats]
    if way.feedback:
        stream.feedback = feedback_terms.accepted(stream.type, section.feedback, numbers, congestion=browser)
    else:
        stream.feedback = ()
    stream.extensions = header_extensions.accepted(section.extensions, stream.extensions)


def _write(session: Session, stream: RtpStream, way: TransportTerms, section: MediaDescription) -> None:
    leg = stream.leg
    assert leg is not None
    media = session.media
    if not media.cname:
        media.cname += session.core.random(8).hex().encode()
    if session.profile.transport.browser and not stream.msid:
        if not media.msid:
            media.msid = _uuid(session)
        # Those that belong together have one name, so that browsers play them in step (RFC 8830 3).
        first = next((one for one in media.streams if one is not None and one.type == stream.type), stream)
        together = stream.type in (AUDIO, VIDEO) and (first is stream)
        stream.msid = f"{media.msid if together else _uuid(session)} {_uuid(session)}"
    stream.written = way
    names = StreamNames(
        stream.rtp.ssrc, media.cname.decode("ascii"), stream.msid,
        feedback_terms.lines(stream.feedback), stream.extensions.lines,
    )  # fmt: skip
    write(section, way, leg.local(way), names, carries=media.legs.carries(leg))


def _uuid(session: Session) -> str:
    return str(uuid.UUID(bytes=session.core.random(16), version=4))
