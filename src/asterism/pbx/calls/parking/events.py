"""Manager events of parking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType
from asterism.pbx.vocabulary.events import FieldList, channel_fields

if TYPE_CHECKING:
    from asterism.pbx.calls.parking.lots import ParkedCall
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.language.places import Place

_TEXTS = (
    ("Parkee...", "The channel that is parked, as every channel is told: ParkeeChannel to ParkeeLinkedid."),
    ("ParkerDialString", "What is dialled to reach the device that parked it."),
    ("Parkinglot", "Name of the lot."),
    ("ParkingSpace", "The space."),
    ("ParkingTimeout", "Seconds until it comes back."),
    ("ParkingDuration", "Seconds that it has been parked."),
)


def lot_fields(call: ParkedCall) -> FieldList:
    """Where a call is parked, by whom and for how long."""
    return [
        ("ParkerDialString", call.parker),
        ("Parkinglot", call.lot.name),
        ("ParkingSpace", call.space),
        ("ParkingTimeout", call.remaining),
        ("ParkingDuration", call.duration),
    ]


def parked_fields(call: ParkedCall) -> FieldList:
    """Everything that is told of a parked call."""
    return [*channel_fields(call.channel, "Parkee"), *lot_fields(call)]


def _retrieved(call: ParkedCall, retriever: Channel) -> FieldList:
    return [*channel_fields(call.channel, "Parkee"), *channel_fields(retriever, "Retriever"), *lot_fields(call)]


def _timed_out(call: ParkedCall, place: Place) -> FieldList:
    # Where it goes is told already, while the channel still is where it was.
    new: dict[str, object] = {
        "ParkeeContext": place.context,
        "ParkeeExten": place.exten,
        "ParkeePriority": place.priority,
        "ParkingTimeout": 0,
    }
    return [(name, new.get(name, value)) for name, value in parked_fields(call)]


def _doc(synopsis: str, *more: tuple[str, str]) -> Documentation:
    arguments = tuple(Argument(name, text) for name, text in (*_TEXTS[:1], *more, *_TEXTS[1:]))
    return Documentation(synopsis, arguments=arguments, see_also=("Park", "ParkedCalls"))


PARKED_CALL = EventType("ParkedCall", "call", parked_fields, _doc("A call was parked, or is listed by ParkedCalls."))
UNPARKED_CALL = EventType(
    "UnParkedCall",
    "call",
    _retrieved,
    _doc("A parked call was retrieved.", ("Retriever...", "The channel that retrieved it, in the same way.")),
)
PARKED_CALL_TIME_OUT = EventType(
    "ParkedCallTimeOut",
    "call",
    _timed_out,
    _doc("A call was parked too long and comes back; its place in the dialplan is the one where it goes."),
)
PARKED_CALL_GIVE_UP = EventType(
    "ParkedCallGiveUp", "call", parked_fields, _doc("A parked call hung up, or was sent elsewhere.")
)
PARKED_CALL_SWAP = EventType(
    "ParkedCallSwap",
    "call",
    parked_fields,
    _doc("Another channel is parked in the place of one: a party was transferred to whoever was parked."),
)

ALL = (PARKED_CALL, UNPARKED_CALL, PARKED_CALL_TIME_OUT, PARKED_CALL_GIVE_UP, PARKED_CALL_SWAP)
