"""States of a session, and the transitions between them."""

from __future__ import annotations

from enum import Enum


class SessionState(Enum):
    """State of a session.

    Requests within an answered call, a re-INVITE too, do not move it: :class:`~asterism.stack.sdp.exchange.OfferAnswer`
    keeps theirs.
    """

    NEW = "Null"
    CALLING = "Calling"
    """Our INVITE is out."""
    INCOMING = "Incoming"
    """The peer's INVITE came."""
    EARLY = "Early"
    """A provisional response was sent or came."""
    CONNECTING = "Connecting"
    """Our 2xx is out and not acknowledged."""
    CONFIRMED = "Confirmed"
    ENDED = "Disconnected"

    __hash__ = object.__hash__


MOVES: dict[SessionState, tuple[SessionState, ...]] = {
    # From NEW to CONFIRMED: a branch of a call that is over has answered after all; it is acknowledged and ended.
    SessionState.NEW: (SessionState.CALLING, SessionState.INCOMING, SessionState.CONFIRMED, SessionState.ENDED),
    SessionState.CALLING: (SessionState.EARLY, SessionState.CONFIRMED, SessionState.ENDED),
    SessionState.INCOMING: (SessionState.EARLY, SessionState.CONNECTING, SessionState.ENDED),
    # Back to CALLING: the INVITE goes elsewhere (3xx), or once more (422).
    SessionState.EARLY: (
        SessionState.CALLING, SessionState.CONNECTING, SessionState.CONFIRMED, SessionState.ENDED,
    ),
    SessionState.CONNECTING: (SessionState.CONFIRMED, SessionState.ENDED),
    SessionState.CONFIRMED: (SessionState.ENDED,),
    SessionState.ENDED: (),
}  # fmt: skip
"""Transitions allowed from each state; staying is none."""

ANSWERED_STATES = (SessionState.CONFIRMED, SessionState.CONNECTING)
"""States of a call that is answered and not over."""
BEFORE_ANSWER_STATES = (SessionState.INCOMING, SessionState.EARLY)
"""States of an incoming call that is not answered yet."""
UNANSWERED_CALL_STATES = (SessionState.CALLING, SessionState.EARLY)
"""States of an outgoing call that is not answered yet."""
