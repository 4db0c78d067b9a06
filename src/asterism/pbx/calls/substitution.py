"""A call that takes the place of another: it answers for one that rings, or goes on in the place of one that talks.

Asked for by the far end of the new call (INVITE with Replaces, RFC 3891). Like pickup, but the channel that comes in
runs no dialplan, and no Pickup event tells of it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from asterism.pbx.bridges.bridge import SMART, Bridge
from asterism.pbx.channels.replacing import replace_far_end
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import ChannelState

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


def may_answer_for(target: Channel) -> bool:
    """Whether a channel is being called and has not answered, so that another can answer for it."""
    return target.alive and target.picked_up is not None and target.state < ChannelState.UP


def may_be_replaced(replaced: Channel) -> bool:
    """Whether a channel is in an answered call, so that another can go on in its place."""
    return replaced.alive and replaced.state is ChannelState.UP and replaced.control_listener is None


def answer_for(newcomer: Channel, target: Channel) -> bool:
    """Let ``newcomer``, a channel without a task, answer for ``target``, which is hung up.

    ``False``: the newcomer could not be answered and is gone, the other one rings on.

    Raises:
        RuntimeError: ``target`` is not being called (:func:`may_answer_for`).
    """
    taken = target.picked_up
    if taken is None or not may_answer_for(target):
        raise RuntimeError(f"{target.name} does not ring any more")
    if not _answered(newcomer):
        return False
    shown = target.connected
    newcomer.context, newcomer.exten, newcomer.priority = target.context, target.exten, target.priority
    newcomer.new_exten("AppDial", "(Outgoing Line)")
    taken(target, newcomer)
    target.hang_up()
    if shown and newcomer.alive:
        newcomer.set_connected(shown)
    return True


def take_place(newcomer: Channel, replaced: Channel) -> bool:
    """Let ``newcomer``, a channel without a task, take the place of ``replaced``, whose far end is hung up.

    In a call it takes its place in the bridge. In anything else (an application, a conference, a parking lot) the
    channel goes on with what it does, and has the newcomer's far end.

    ``False``: the newcomer could not be answered and is gone, nothing else has changed.

    Raises:
        RuntimeError: ``replaced`` is in no answered call (:func:`may_be_replaced`).
    """
    if not may_be_replaced(replaced):
        raise RuntimeError(f"{replaced.name} is in no answered call")
    if not _answered(newcomer):
        return False
    bridge = replaced.bridge
    if isinstance(bridge, Bridge) and bridge.uses is SMART and not bridge.ended:
        _swap(newcomer, replaced, bridge)
    else:
        replace_far_end(replaced, newcomer)
    return True


def _swap(newcomer: Channel, replaced: Channel, bridge: Bridge) -> None:
    peer = bridge.peer(replaced)
    if peer is not None and not newcomer.accountcode and peer.peeraccount:
        newcomer.set_accountcode(peer.peeraccount)
    bridge.enter(newcomer, swap=replaced, on_leave=partial(_left, newcomer))
    if peer is not None and bridge.peer(newcomer) is peer:
        newcomer.set_connected(peer.caller)
        peer.set_connected(newcomer.caller)
    if replaced.alive:
        replaced.soft_hangup(cause=Cause.NORMAL_CLEARING)


def _answered(newcomer: Channel) -> bool:
    newcomer.raw_answer()
    if not newcomer.alive:
        return False
    newcomer.pbx.bus.publish(events.UNHOLD, newcomer)
    return True


def _left(newcomer: Channel, bridge: Bridge, leaver: Channel) -> None:
    if bridge.ended:
        bridge.destroy()
    if leaver is newcomer:
        _end(newcomer)
    else:
        # Whoever left goes first: its task was woken before this is scheduled.
        newcomer.pbx.loop.call_soon(_end, newcomer)


def _end(newcomer: Channel) -> None:
    if newcomer.dead or newcomer.moved or newcomer.bridge is not None:
        return
    newcomer.hangup_cause = newcomer.hangup_cause or Cause.NORMAL_CLEARING
    newcomer.hang_up()
