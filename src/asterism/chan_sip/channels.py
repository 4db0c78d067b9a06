"""What is asked of a channel of the technology SIP: whose it is, and what its far end says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.session.driver import SessionDriver
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.chan_sip.habits import TECHNOLOGY
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.stack.message import Request


def sip_session(channel: Channel | None) -> Session | None:
    """The session of a channel of the technology SIP; ``None`` for any other."""
    driver = None if channel is None else channel.driver
    if not isinstance(driver, SessionDriver) or driver.session.endpoint.habits.technology != TECHNOLOGY:
        return None
    return driver.session


def invite_of(session: Session) -> Request | None:
    """The INVITE that made a call: the peer's, or ours once it was sent."""
    if isinstance(session, IncomingSession):
        return session.request
    return session.sent if isinstance(session, OutgoingSession) else None


def peer_named_by(endpoint: Endpoint) -> str:
    """The peer that an endpoint was made of, empty for guests and endpoints of another file."""
    return endpoint.fields.get("chan_sip", "")


def peer_name(session: Session) -> str:
    """The name of the peer whose call this is; empty for a guest's."""
    return peer_named_by(session.endpoint)


def user_agent(session: Session) -> str:
    """``User-Agent`` of the peer: of its INVITE, or of its answer to ours (which may say ``Server``)."""
    if isinstance(session, IncomingSession):
        return session.request.get("User-Agent") or ""
    answer = session.final_response if isinstance(session, OutgoingSession) else None
    return "" if answer is None else answer.get("User-Agent") or answer.get("Server") or ""


def contact_uri(session: Session) -> str:
    """The address that the peer of a call gave as its own, or at which it was called."""
    if isinstance(session, OutgoingSession):
        return str(session.target)
    if not isinstance(session, IncomingSession):
        return ""
    try:
        contacts = session.request.contacts
    except ParseError:
        return ""
    return str(contacts[0].uri) if contacts else ""
