"""Control indications and states exchanged between the two sides of a channel, apart from audio."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum, IntFlag, StrEnum, auto
from types import MappingProxyType


class Control(Enum):
    """A control indication: from the far end through ``queue_control``, or to it through ``indicate``."""

    RINGING = auto()
    PROGRESS = auto()
    PROCEEDING = auto()
    ANSWER = auto()
    BUSY = auto()
    CONGESTION = auto()
    HOLD = auto()
    UNHOLD = auto()
    INCOMPLETE = auto()
    FLASH = auto()
    CONNECTED_LINE = auto()
    """``channel.connected`` has changed (data: the new :class:`~asterism.pbx.vocabulary.party.PartyId`)."""
    REDIRECTING = auto()
    FORWARD = auto()
    """The far end wants the call elsewhere (data: a dial string, ``Local/102@default``)."""
    SOURCE_UPDATE = auto()
    """The audio that is sent comes from another source from now on."""
    HANGUP = auto()
    """The far end is gone (data: the cause); only ever told to a listener, never queued by a driver."""
    STOP = auto()
    """End what was indicated: ringing or another tone."""

    __hash__ = object.__hash__  # members are single objects; Enum's own hash is a Python function


class ChannelState(IntEnum):
    """State of a channel; the numbers are those of the manager's ``ChannelState``."""

    DOWN = 0
    RESERVED = 1
    OFFHOOK = 2
    DIALING = 3
    RING = 4
    RINGING = 5
    UP = 6
    BUSY = 7
    DIALING_OFFHOOK = 8
    PRERING = 9


STATE_MOVES: Mapping[ChannelState, frozenset[ChannelState]] = MappingProxyType(
    {
        ChannelState.DOWN: frozenset(ChannelState) - {ChannelState.DOWN},
        ChannelState.RESERVED: frozenset(ChannelState) - {ChannelState.DOWN, ChannelState.RESERVED},
        ChannelState.OFFHOOK: frozenset(
            {ChannelState.DIALING_OFFHOOK, ChannelState.DIALING, ChannelState.RING, ChannelState.UP}
        ),
        ChannelState.DIALING_OFFHOOK: frozenset({ChannelState.RING, ChannelState.UP}),
        ChannelState.DIALING: frozenset({ChannelState.RINGING, ChannelState.UP, ChannelState.BUSY}),
        ChannelState.PRERING: frozenset({ChannelState.RINGING, ChannelState.UP}),
        ChannelState.RING: frozenset({ChannelState.UP, ChannelState.BUSY}),
        ChannelState.RINGING: frozenset({ChannelState.UP, ChannelState.BUSY}),
        ChannelState.BUSY: frozenset({ChannelState.UP}),
        ChannelState.UP: frozenset(),
    }
)
"""Allowed transitions between states: an answered channel does not ring again."""


class Stage(Enum):
    """Stage in the life of a channel."""

    LIVE = "live"
    LEAVING = "leaving"
    """Somebody asked it to end; the far end is still there."""
    GONE = "gone"
    """The far end hung up or refused; nothing more comes from it."""
    DEAD = "dead"
    """Torn down; it only waits to be forgotten."""

    __hash__ = object.__hash__


STAGE_MOVES: Mapping[Stage, frozenset[Stage]] = MappingProxyType(
    {
        Stage.LIVE: frozenset({Stage.LEAVING, Stage.GONE, Stage.DEAD}),
        Stage.LEAVING: frozenset({Stage.GONE, Stage.DEAD}),
        Stage.GONE: frozenset({Stage.DEAD}),
        Stage.DEAD: frozenset(),
    }
)
"""Allowed transitions between stages: no stage is entered again."""

STATE_NAMES: tuple[str, ...] = (
    "Down",
    "Rsrvd",
    "OffHook",
    "Dialing",
    "Ring",
    "Ringing",
    "Up",
    "Busy",
    "Dialing Offhook",
    "Pre-ring",
)
"""``ChannelStateDesc`` by state number."""


class SoftHangup(IntFlag):
    """Why a channel was asked to end; ``Cause`` of ``SoftHangupRequest``."""

    DEVICE = 1
    ASYNC_GOTO = 2
    SHUTDOWN = 4
    TIMEOUT = 8
    DIALPLAN_END = 16
    EXPLICIT = 32
    UNBRIDGE = 64


class DialStatus(StrEnum):
    """``DIALSTATUS`` and the manager's ``DialStatus``."""

    ANSWER = "ANSWER"
    BUSY = "BUSY"
    NOANSWER = "NOANSWER"
    CANCEL = "CANCEL"
    CONGESTION = "CONGESTION"
    CHANUNAVAIL = "CHANUNAVAIL"
    INVALIDARGS = "INVALIDARGS"
    CONTINUE = "CONTINUE"
    DONTCALL = "DONTCALL"
    TORTURE = "TORTURE"
    RINGING = "RINGING"
    PROGRESS = "PROGRESS"
    PROCEEDING = "PROCEEDING"


WAKE_DIGIT = 1
WAKE_AUDIO = 2
WAKE_SIGNAL = 4
WAKE_CALL = 8
"""The task that runs the call: Dial, a bridge."""
WAKE_SPEECH = 16
WAKE_NAMES = MappingProxyType(
    {
        WAKE_DIGIT: "digits",
        WAKE_AUDIO: "audio",
        WAKE_SIGNAL: "signals",
        WAKE_CALL: "the call's own end",
        WAKE_SPEECH: "room to speak",
    }
)
"""The kinds of events that a task can wait for on a channel, besides its hang-up; one task at a time for each kind."""
