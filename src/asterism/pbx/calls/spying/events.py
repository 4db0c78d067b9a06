"""Manager events of spying."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType
from asterism.pbx.vocabulary.events import CHANNEL_ARGUMENTS, channel_fields

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.events import FieldList


def _fields(channel: Channel, prefix: str) -> FieldList:
    """A channel as it was told last: at the end of one that is over, its last place."""
    place = dict(zip((f"{prefix}Context", f"{prefix}Exten", f"{prefix}Priority"), channel.told_place, strict=True))
    return [(name, place.get(name, value)) for name, value in channel_fields(channel, prefix)]


def _both(spy: Channel, target: Channel) -> FieldList:
    return [*_fields(spy, "Spyer"), *_fields(target, "Spyee")]


_ARGUMENTS = tuple(
    Argument(prefix + one.name, one.description) for prefix in ("Spyer", "Spyee") for one in CHANNEL_ARGUMENTS
)

CHAN_SPY_START = EventType(
    "ChanSpyStart",
    "call",
    _both,
    Documentation("A channel has begun to spy on another.", arguments=_ARGUMENTS, see_also=("ChanSpyStop",)),
)
CHAN_SPY_STOP = EventType(
    "ChanSpyStop",
    "call",
    _both,
    Documentation("A channel spies on another no more.", arguments=_ARGUMENTS, see_also=("ChanSpyStart",)),
)
ALL = (CHAN_SPY_START, CHAN_SPY_STOP)
