"""The events of transfers, with the manager's fields in Asterisk's order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType
from asterism.core.words import yes_or_no
from asterism.pbx.vocabulary.events import FieldList, bridge_fields, channel_fields

if TYPE_CHECKING:
    from asterism.pbx.calls.transfers.results import TransferResult
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import ChannelBridge


def _blind_transfer(
    result: TransferResult,
    transferer: Channel,
    transferee: Channel,
    bridge: ChannelBridge,
    external: bool,
    context: str,
    exten: str,
) -> FieldList:
    return [
        ("Result", result.value),
        *channel_fields(transferer, "Transferer"),
        *channel_fields(transferee, "Transferee"),
        *bridge_fields(bridge),
        ("IsExternal", yes_or_no(external)),
        ("Context", context),
        ("Extension", exten),
    ]


class Parties(NamedTuple):
    """The parties of an attended transfer, with their fields as they were at one moment."""

    first: Channel
    second: Channel
    fields: FieldList


def parties(first: Channel, second: Channel, transferee: Channel | None, target: Channel | None) -> Parties:
    """Take down the parties of an attended transfer as they are now, and the bridges of the transferer's legs."""
    fields: FieldList = list(channel_fields(first, "OrigTransferer"))
    if first.bridge is not None:
        fields += bridge_fields(first.bridge, "Orig")
    fields += channel_fields(second, "SecondTransferer")
    if second.bridge is not None:
        fields += bridge_fields(second.bridge, "Second")
    if transferee is not None:
        fields += channel_fields(transferee, "Transferee")
    if target is not None:
        fields += channel_fields(target, "TransferTarget")
    return Parties(first, second, fields)


def _attended_transfer(result: TransferResult, who: Parties, external: bool, destination: FieldList) -> FieldList:
    return [("Result", result.value), *who.fields, ("IsExternal", yes_or_no(external)), *destination]


def to_bridge(bridge: ChannelBridge) -> FieldList:
    """Destination of an attended transfer: a bridge."""
    return [("DestType", "Bridge"), ("DestBridgeUniqueid", bridge.uniqueid)]


def to_application(name: str) -> FieldList:
    """Destination of an attended transfer: an application."""
    return [("DestType", "App"), ("DestApp", name)]


def to_threeway(bridge: ChannelBridge, transferer: Channel) -> FieldList:
    """Destination of an attended transfer in which the transferer stays."""
    return [
        ("DestType", "Threeway"),
        ("DestBridgeUniqueid", bridge.uniqueid),
        ("DestTransfererChannel", transferer.name),
    ]


def to_link(one: Channel, two: Channel) -> FieldList:
    """Destination of an attended transfer: a Local channel that links a bridge to an application."""
    return [("DestType", "Link"), *channel_fields(one, "LocalOne"), *channel_fields(two, "LocalTwo")]


NOWHERE: tuple[tuple[str, object], ...] = (("DestType", "Fail"),)
"""Destination of an attended transfer that failed."""

BLIND_TRANSFER = EventType(
    "BlindTransfer",
    "call",
    _blind_transfer,
    Documentation(
        "A bridged channel was sent to an extension by its peer, which leaves.",
        description="Transferer... is the channel that leaves, Transferee... the one that goes to the extension.",
        arguments=(
            Argument("Result", "Success, or why nothing came of it: Fail, Invalid, Not Permitted."),
            Argument("IsExternal", "No: a key asked for it; Yes: the phone itself (REFER), a manager or a program."),
            Argument("Context", "Context of the extension."),
            Argument("Extension", "The extension."),
        ),
        see_also=("AttendedTransfer", "BlindTransfer"),
    ),
)
ATTENDED_TRANSFER = EventType(
    "AttendedTransfer",
    "call",
    _attended_transfer,
    Documentation(
        "Somebody who had two calls has connected their other parties, and leaves.",
        description="OrigTransferer... and SecondTransferer... are the legs of the one who leaves, Orig... and "
        "Second... their bridges. Transferee... is the party of the first call, TransferTarget... that of the "
        "second; with several parties they are absent.",
        arguments=(
            Argument("Result", "Success, or why nothing came of it: Fail, Invalid, Not Permitted."),
            Argument("IsExternal", "No."),
            Argument("DestType", "Where the parties are now: Bridge, App, Link, Threeway; Fail: where they were."),
            Argument("DestBridgeUniqueid", "Bridge and Threeway: the bridge."),
            Argument("DestApp", "App: the application."),
            Argument("DestTransfererChannel", "Threeway: the transferer, who stays."),
            Argument("LocalOneChannel", "Link: the half of a Local channel that is in the bridge."),
            Argument("LocalTwoChannel", "Link: the half that runs the application."),
        ),
        see_also=("BlindTransfer",),
    ),
)

ALL: tuple[EventType, ...] = (BLIND_TRANSFER, ATTENDED_TRANSFER)


def tell_blind(
    result: TransferResult,
    transferer: Channel,
    transferee: Channel,
    bridge: ChannelBridge,
    external: bool,
    context: str,
    exten: str,
) -> None:
    """Publish BlindTransfer."""
    bus = transferer.pbx.bus
    if bus.listeners[BLIND_TRANSFER]:
        bus.publish(BLIND_TRANSFER, result, transferer, transferee, bridge, external, context, exten)


def tell_attended(result: TransferResult, who: Parties, destination: FieldList, external: bool = False) -> None:
    """Publish AttendedTransfer; Asterisk 22 says of every one that no external program asked for it."""
    bus = who.first.pbx.bus
    if bus.listeners[ATTENDED_TRANSFER]:
        bus.publish(ATTENDED_TRANSFER, result, who, external, destination)
