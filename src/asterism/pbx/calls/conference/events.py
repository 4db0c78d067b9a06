"""Manager events of conferences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType
from asterism.core.words import yes_or_no
from asterism.pbx.vocabulary.events import CHANNEL_ARGUMENTS, bridge_fields, channel_fields

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.conference import Conference, User
    from asterism.pbx.vocabulary.events import FieldList

_CONFERENCE = Argument("Conference", "Its name.")
_ADMIN = Argument("Admin", "Yes or No.")


def _fields(conference: Conference, count: int) -> FieldList:
    """The conference; ``count`` is the number of channels in its bridge as it is told."""
    return [
        ("Conference", conference.name),
        *((name, count if name == "BridgeNumChannels" else value) for name, value in bridge_fields(conference.bridge)),
    ]


def _join(conference: Conference, user: User, count: int) -> FieldList:
    return [
        *_fields(conference, count),
        *channel_fields(user.channel),
        ("Admin", yes_or_no(user.admin)),
        ("Muted", yes_or_no(conference.is_muted(user))),
    ]


def _user(conference: Conference, user: User, count: int) -> FieldList:
    return [*_fields(conference, count), *channel_fields(user.channel), ("Admin", yes_or_no(user.admin))]


def _talking(conference: Conference, user: User, talks: bool, count: int) -> FieldList:
    return [
        *_fields(conference, count),
        *channel_fields(user.channel),
        ("TalkingStatus", "on" if talks else "off"),
        ("Admin", yes_or_no(user.admin)),
    ]


def _event(name: str, render: Callable[..., Any], synopsis: str, *arguments: Argument) -> EventType:
    return EventType(name, "call", render, Documentation(synopsis, arguments=(_CONFERENCE, *arguments)))


CONFBRIDGE_START = _event("ConfbridgeStart", _fields, "A conference has begun.")
CONFBRIDGE_END = _event("ConfbridgeEnd", _fields, "A conference has ended.")
CONFBRIDGE_JOIN = _event(
    "ConfbridgeJoin",
    _join,
    "A channel has come into a conference.",
    *CHANNEL_ARGUMENTS,
    _ADMIN,
    Argument("Muted", "Yes: it only hears."),
)
CONFBRIDGE_LEAVE = _event("ConfbridgeLeave", _user, "A channel has left a conference.", *CHANNEL_ARGUMENTS, _ADMIN)
CONFBRIDGE_MUTE = _event("ConfbridgeMute", _user, "A user of a conference was muted.", *CHANNEL_ARGUMENTS, _ADMIN)
CONFBRIDGE_UNMUTE = _event(
    "ConfbridgeUnmute", _user, "A user of a conference is not muted any more.", *CHANNEL_ARGUMENTS, _ADMIN
)
CONFBRIDGE_TALKING = _event(
    "ConfbridgeTalking",
    _talking,
    "A user of a conference begins to talk, or has stopped.",
    *CHANNEL_ARGUMENTS,
    Argument("TalkingStatus", "on or off."),
    _ADMIN,
)
CONFBRIDGE_RECORD = _event("ConfbridgeRecord", _fields, "A conference is being recorded.")
CONFBRIDGE_STOP_RECORD = _event("ConfbridgeStopRecord", _fields, "The recording of a conference has ended.")
ALL = (
    CONFBRIDGE_START,
    CONFBRIDGE_END,
    CONFBRIDGE_JOIN,
    CONFBRIDGE_LEAVE,
    CONFBRIDGE_MUTE,
    CONFBRIDGE_UNMUTE,
    CONFBRIDGE_TALKING,
    CONFBRIDGE_RECORD,
    CONFBRIDGE_STOP_RECORD,
)
