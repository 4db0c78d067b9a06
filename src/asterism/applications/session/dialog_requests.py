"""Requests of the peer within the dialog: what :class:`~asterism.stack.sdp.exchange.OfferAnswer` says is done here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.session.descriptions import description_of, not_understood
from asterism.applications.session.headers import ACCEPT
from asterism.applications.session.state import SessionState
from asterism.applications.session.t38 import fax_section, may_fax, session_t38
from asterism.applications.session.t38_sections import read_terms
from asterism.stack.errors import ParseError
from asterism.stack.sdp.exchange import Action, Message, Side

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asterism.applications.session.session import Session
    from asterism.sip.rx import Rx
    from asterism.stack.sdp import SessionDescription

_NO_CAUSE = ("Reason", "Q.850;cause=0")
"""The Reason that Asterisk adds when it refuses a request within a call and the call goes on."""
NO_ANSWER = (("Warning", '390 SIP "No SDP answer"'), ("Accept", ACCEPT), _NO_CAUSE)
"""Headers of the 488 to an offer that nothing can be taken from, as Asterisk 22 sends them."""

_LONGEST_WAIT = 10
"""Seconds that Retry-After may ask for (RFC 3261 14.2, RFC 3311 5.2)."""
_IN_PROGRESS = "Another INVITE transaction in progress"
_INFO = "application/dtmf-relay, application/dtmf, application/media_control+xml"
"""The bodies of INFO that are taken."""


def refused(session: Session, rx: Rx, action: Action) -> bool:
    """Refuse a request whose offer, or which itself, is not allowed now; ``False`` where it is."""
    in_progress = _IN_PROGRESS if rx.request.method == "INVITE" else ""
    if action is Action.REFUSE_491:
        session.respond(rx, 491, in_progress, (_NO_CAUSE,))
    elif action is Action.REFUSE_500:
        wait = int.from_bytes(session.core.random(2), "big") % (_LONGEST_WAIT + 1)
        session.respond(rx, 500, in_progress, (("Retry-After", str(wait)), _NO_CAUSE))
    else:
        return False
    return True


def read_description(session: Session, rx: Rx) -> tuple[SessionDescription | None, bool]:
    """The description of a request, and whether the request can be gone on with; if not, it has been refused."""
    request = rx.request
    if not request.body:
        return None, True
    try:
        return description_of(request), True
    except ParseError as error:
        session.respond(rx, error.status, headers=not_understood(request) if error.status == 415 else ())
        return None, False


def _on_invite(session: Session, rx: Rx) -> None:
    """A re-INVITE (RFC 3261 14.2): its offer is answered at once, and without one ours is made.

    A call that is there already takes no other's place: with Replaces it is refused (488).
    """
    if rx.request.get("Replaces") is not None:
        session.respond(rx, 488)
        return
    description, readable = read_description(session, rx)
    if not readable:
        return
    offers = session.offers
    action = offers.see(Side.PEER, Message.INVITE, description is not None)
    if refused(session, rx, action):
        return
    if description is not None and _held_for_fax(session, rx, description, _answer_invite):
        return
    waiting = session.registry.candidates(session, description)
    if waiting is not None:
        session.work.push(_answer_later, waiting, session, rx, description, _answer_invite)
        return
    _answer_invite(session, rx, description)


def _held_for_fax(
    session: Session,
    rx: Rx,
    description: SessionDescription,
    answer: Callable[[Session, Rx, SessionDescription], None],
) -> bool:
    """Whether an offer is the request for T.38, about which the channel is asked."""
    if session.channel is None or not may_fax(session):
        return False
    section = fax_section(description)
    if section is None or session_t38(session).stream is not None:
        return False
    terms = read_terms(section, session.endpoint.t38_udptl_maxdatagram)
    session_t38(session).hold(rx, description, terms, answer)
    return True


async def _answer_later(
    waiting: Awaitable[None],
    session: Session,
    rx: Rx,
    description: SessionDescription | None,
    answer: Callable[[Session, Rx, SessionDescription | None], None],
) -> None:
    """Answer when our candidates are known; what else comes in the dialog is handled after that."""
    await waiting
    if session.state is not SessionState.ENDED:
        answer(session, rx, description)
        session.offer_settled()
    else:
        session.respond(rx, 487 if rx.request.method == "INVITE" else 481)


def _answer_invite(session: Session, rx: Rx, description: SessionDescription | None) -> None:
    """Answer a re-INVITE whose offer, if it has one, has been seen."""
    offers, media = session.offers, session.media
    body: bytes | None
    if description is not None and _is_known(session, description):
        body = media.body
    elif description is not None:
        body = media.answer(session, description)
    else:
        session.offer_all = session.profile.settings.all_codecs_on_empty_reinvite
        body = session.media.offer(session)
        session.offer_all = False
    if body is None:
        offers.see(Side.US, Message.INVITE_REFUSED)
        session.respond(rx, 488, headers=NO_ANSWER)
        return
    offers.see(Side.US, Message.OK, True)
    session.take_target(rx.request)
    transaction = rx.transaction_for()
    transaction.user = session
    session.unacknowledged = rx.request.cseq.number
    rx.send(session.make_response(rx, 200, body))
    if description is not None:
        session.offered_by_peer()


def _is_known(session: Session, description: SessionDescription) -> bool:
    """Whether an offer is taken for no change, as its version is that of the one before and its driver is so."""
    before, origin, media = session.media.peer_origin, description.origin, session.media
    if not session.endpoint.habits.skips_known_sdp or before is None or origin is None or not media.body:
        return False
    return before.version == origin.version


def _on_update(session: Session, rx: Rx) -> None:
    """An UPDATE (RFC 3311 5.2), before the answer or after it; without an offer it only refreshes."""
    description, readable = read_description(session, rx)
    if not readable:
        return
    if description is not None:
        if refused(session, rx, session.offers.see(Side.PEER, Message.UPDATE, True)):
            return
        if session.confirmed and _held_for_fax(session, rx, description, _answer_update):
            return
        waiting = session.registry.candidates(session, description)
        if waiting is not None:
            session.work.push(_answer_later, waiting, session, rx, description, _answer_update)
            return
    _answer_update(session, rx, description)


def _answer_update(session: Session, rx: Rx, description: SessionDescription | None) -> None:
    """Answer an UPDATE whose offer, if it has one, has been seen."""
    body = None
    offers = session.offers
    if description is not None:
        body = session.media.answer(session, description)
        if body is None:
            offers.see(Side.US, Message.UPDATE_REFUSED)
            session.respond(rx, 488, headers=NO_ANSWER)
            return
        offers.see(Side.US, Message.UPDATE_OK, True)
    session.take_target(rx.request)
    rx.send(session.make_response(rx, 200, body))
    if description is not None:
        session.offered_by_peer()


def _on_bye(session: Session, rx: Rx) -> None:
    session.respond(rx, 200)
    session.bye_received()


def _on_options(session: Session, rx: Rx) -> None:
    headers = (
        *((("Contact", session.contact),) if session.endpoint.habits.own_number and session.contact else ()),
        ("Accept", ACCEPT),
        ("Allow", session.core.state.capabilities.allow),
        ("Supported", session.profile.supported),
        ("Accept-Encoding", "identity"),
        ("Accept-Language", "en"),
    )
    session.respond(rx, 200, headers=headers)


def _on_info(session: Session, rx: Rx) -> None:
    # Nothing that a supplement takes (RFC 6086 4.2.2 asks for 469 only where packages are negotiated).
    session.respond(rx, 415, headers=(("Accept", _INFO),))


HANDLERS: dict[str, Callable[[Session, Rx], None]] = {
    "BYE": _on_bye,
    "INVITE": _on_invite,
    "UPDATE": _on_update,
    "OPTIONS": _on_options,
    "INFO": _on_info,
}
"""Handlers of requests that no supplement has taken, by method."""
