"""How far a session got."""

from __future__ import annotations

from enum import Enum


class SessionState(Enum):
    """How far a session got."""

    NEW = "Null"
    CALLING = "Calling"
    INCOMING = "Incoming"
    EARLY = "Early"
    CONNECTING = "Connecting"
    """The 2xx is out and not acknowledged."""
    CONFIRMED = "Confirmed"
    ENDED = "Disconnected"


ANSWERED_STATES = (SessionState.CONFIRMED, SessionState.CONNECTING)
"""The call is answered and not over."""
BEFORE_ANSWER_STATES = (SessionState.INCOMING, SessionState.EARLY)
"""A call that came and waits for its answer."""
