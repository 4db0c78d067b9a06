"""Call pickup: a channel answers for another one that is still being called.

Whoever calls that one (Dial, Originate) takes the channel that picks up as the one that answered. From then on it is a
called channel like any other: its own task ends by :class:`HandedOver`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.flow import HandedOver

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


def can_pick_up(picker: Channel) -> bool:
    """Whether a channel could answer for another: it is the current task's, and in nothing else."""
    return (
        picker.alive
        and picker.task is asyncio.current_task()
        and picker.bridge is None
        and picker.control_listener is None
    )


def waiting(channels: Iterable[Channel], picker: Channel) -> list[Channel]:
    """The channels that are being called and have not answered, the one that was called first first."""
    return sorted(
        (
            channel
            for channel in channels
            if channel.picked_up is not None and channel.alive and channel.state < ChannelState.UP
            and channel is not picker
        ),
        key=lambda channel: channel.created,
    )  # fmt: skip


def shares_group(target: Channel, picker: Channel) -> bool:
    """Whether a group that the picker picks up from, by number or name, is one of the target's."""
    return bool(
        target.call_group & picker.pickup_group or not target.named_call_group.isdisjoint(picker.named_pickup_group)
    )


def find(picker: Channel, wanted: Callable[[Channel], bool]) -> Channel | None:
    """The first channel that waits for an answer and is ``wanted``."""
    return next((one for one in waiting(picker.pbx.channels, picker) if wanted(one)), None)


def pick_up(picker: Channel, target: Channel) -> None:
    """Let ``picker`` answer for ``target``, which is hung up; publishes Pickup.

    Raises:
        HandedOver: always, when it did: to be let through to the end of the picker's task.
        RuntimeError: either is not in a state to.
    """
    taken = target.picked_up
    if taken is None or not can_pick_up(picker):
        raise RuntimeError(f"{picker.name} cannot pick up {target.name}")
    bus, dialed = picker.pbx.bus, picker.exten
    if target.connected:
        picker.set_connected(target.connected, tell=False)
    picker.raw_answer()
    place = picker.context, picker.exten, picker.priority
    picker.context, picker.exten, picker.priority = target.context, target.exten, target.priority
    picker.new_exten("AppDial", "(Outgoing Line)")
    bus.publish(events.PICKUP, picker, target, dialed)
    taken(target, picker)
    picker.peeraccount, target.peeraccount = target.peeraccount, picker.peeraccount
    # As in Asterisk 22: the two have changed places, account and all; what is told of the target's end shows it.
    target.context, target.exten, target.priority = place
    target.set_accountcode(picker.accountcode)
    target.outgoing = None
    target.hangup_cause = int(Cause.ANSWERED_ELSEWHERE)
    picker.pbx.start(target, picker.pbx.dialplan.executor.finish)
    raise HandedOver
