"""The target of an attended transfer: the half of a Local channel that stands for it, until it has left the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.calls.dialing import end_status_of_cause
from asterism.pbx.calls.local import half_of
from asterism.pbx.calls.transfers.events import Parties, tell_attended
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import Control, DialStatus
from asterism.pbx.vocabulary.events import bridge_fields, channel_fields

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.bridges.member import LeaveHandler
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.events import FieldList


def show(target: Channel, control: Control) -> None:
    """Show whoever is with the target what became of the call: ringing, busy."""
    peer = None if target.bridge is None else target.bridge.peer(target)
    if peer is not None:
        peer.indicate(control)


def optimise(target: Channel | None, may: bool) -> None:
    """Whether the Local channel may leave the call; when it does, the party that waited moves."""
    half = None if target is None else half_of(target)
    if half is not None:
        half.pair.optimises = may
        half.pair.first_moves = True
        if may:
            half.pair.consider()


def alone(transferer: Channel, target: Channel, control: Control, _data: object) -> None:
    """The transferee is out of it before the target has answered: what happens then concerns the transferer alone."""
    bus = target.pbx.bus
    if control is Control.ANSWER:
        target.control_listener = None
        bus.publish(events.DIAL_END, None, target, DialStatus.ANSWER)
        transferer.indicate(Control.STOP)
        if target.bridge is not None:
            target.bridge.connect_media()
    elif control is Control.HANGUP:
        bus.publish(events.DIAL_END, None, target, end_status_of_cause(target.hangup_cause))
    elif control in (Control.RINGING, Control.BUSY, Control.CONGESTION):
        transferer.indicate(control)


def ends(channel: Channel) -> LeaveHandler:
    """What becomes of a member without a Dial of its own that leaves: it is hung up."""

    def left(bridge: Bridge, _leaver: Channel) -> None:
        if bridge.ended:
            bridge.destroy()
        if channel.task is None and not channel.moved:
            channel.hang_up()

    return left


def tell(
    transferer: Channel,
    home: Bridge,
    destination: FieldList,
    second: Bridge,
    transferee: Channel | None,
    target: Channel | None,
) -> None:
    """Publish AttendedTransfer: one transferer, with the bridge of the call and the second one with the target."""
    fields: FieldList = [
        *channel_fields(transferer, "OrigTransferer"),
        *bridge_fields(home, "Orig"),
        *channel_fields(transferer, "SecondTransferer"),
        *bridge_fields(second, "Second"),
    ]
    if transferee is not None:
        fields += channel_fields(transferee, "Transferee")
    if target is not None:
        fields += channel_fields(target, "TransferTarget")
    tell_attended(TransferResult.SUCCESS, Parties(transferer, transferer, fields), destination)
