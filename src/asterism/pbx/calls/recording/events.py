"""Manager events of recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType
from asterism.pbx.vocabulary.events import CHANNEL_ARGUMENTS, channel_fields

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.events import FieldList


def _mute_tail(_channel: Channel, direction: str, on: bool) -> FieldList:
    return [("Direction", direction), ("State", int(on))]


def _plain_tail(_channel: Channel) -> FieldList:
    return []


MIXMONITOR_START = EventType(
    "MixMonitorStart",
    "call",
    channel_fields,
    Documentation("A channel is being recorded.", arguments=CHANNEL_ARGUMENTS),
    _plain_tail,
)
MIXMONITOR_STOP = EventType(
    "MixMonitorStop",
    "call",
    channel_fields,
    Documentation(
        "A recording of a channel has ended, also when its file could not be written any more.",
        arguments=CHANNEL_ARGUMENTS,
    ),
)
MIXMONITOR_MUTE = EventType(
    "MixMonitorMute",
    "call",
    lambda channel, direction, on: [*channel_fields(channel), *_mute_tail(channel, direction, on)],
    Documentation(
        "A direction of a channel's recordings was muted, or is recorded again.",
        arguments=(
            *CHANNEL_ARGUMENTS,
            Argument("Direction", "read: what the channel says; write: what it hears; both."),
            Argument("State", "1: muted, 0: recorded."),
        ),
    ),
    _mute_tail,
)
ALL = (MIXMONITOR_START, MIXMONITOR_STOP, MIXMONITOR_MUTE)
