"""The states of call completion and what leads from one to the other."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class State(Enum):
    """State of a call completion; the values are the words that ``ccss.conf`` has for them."""

    AVAILABLE = "available"
    """The call failed in a way that allows call completion; the caller has not hung up yet."""
    OFFERED = "offered"
    """The caller may request call completion until the offer timer expires."""
    REQUESTED = "caller_requested"
    """The caller has requested it; no called party has acknowledged yet."""
    ACTIVE = "active"
    """Called parties are watched."""
    CALLEE_READY = "callee_ready"
    """A called party is free; the server checks whether the caller is free too."""
    CALLER_BUSY = "caller_busy"
    """The caller is not free: monitoring is suspended until it is."""
    RECALLING = "recalling"
    """The caller is called back, and then calls again."""
    COMPLETE = "complete"
    FAILED = "failed"


class Event(Enum):
    """Event that may change the state of a call completion."""

    OFFER = "offer"
    REQUEST = "request"
    ACKNOWLEDGE = "acknowledge"
    CALLEE_FREE = "callee free"
    CALLEE_BUSY = "callee busy"
    CALLER_BUSY = "caller busy"
    CALLER_FREE = "caller free"
    RECALL = "recall"
    COMPLETE = "complete"
    FAIL = "fail"


FINAL = frozenset((State.COMPLETE, State.FAILED))
ASKED = frozenset((State.REQUESTED, State.ACTIVE, State.CALLEE_READY, State.CALLER_BUSY, State.RECALLING))
"""States in which the caller has requested it and it is not over."""

ARCS: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (State.AVAILABLE, Event.OFFER): State.OFFERED,
        (State.OFFERED, Event.REQUEST): State.REQUESTED,
        (State.REQUESTED, Event.ACKNOWLEDGE): State.ACTIVE,
        (State.ACTIVE, Event.CALLEE_FREE): State.CALLEE_READY,
        # A caller that knows of itself that it is busy says so whenever it likes (RFC 6910 6.5).
        (State.ACTIVE, Event.CALLER_BUSY): State.CALLER_BUSY,
        (State.CALLEE_READY, Event.CALLEE_BUSY): State.ACTIVE,
        (State.CALLEE_READY, Event.CALLER_BUSY): State.CALLER_BUSY,
        (State.CALLEE_READY, Event.RECALL): State.RECALLING,
        (State.CALLER_BUSY, Event.CALLER_FREE): State.ACTIVE,
        (State.RECALLING, Event.COMPLETE): State.COMPLETE,
        **{(state, Event.FAIL): State.FAILED for state in State if state not in FINAL},
    }
)
"""The state that each event leads to. Events not listed change nothing."""
