"""Replacing the far end of a channel: what the channel does goes on, with another party."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.linkedid import oldest_of

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


def may_replace(channel: Channel, other: Channel) -> bool:
    """Whether ``channel`` can be given the far end of ``other``."""
    return (
        channel is not other
        and channel.alive
        and other.alive
        and other.driver is not None
        and other.control_listener is None
    )


def replace_far_end(channel: Channel, other: Channel) -> None:
    """Give ``channel`` the far end of ``other``; its own is hung up, and ``other`` ends.

    The channel goes on with what it does: its dialplan or application, its place in a bridge, being called (which is
    answered by that). Its uniqueid, variables and linkedid stay; name, device, caller and technology are those of the
    far end, which is told by Rename. The diversions of both are kept. An unanswered far end of ``other`` is answered
    where the channel is.

    Raises:
        RuntimeError: One of them is gone, or ``other`` is being called.
    """
    if not may_replace(channel, other):
        raise RuntimeError(f"{other.name} cannot take the place of {channel.name}")
    called = channel.control_listener is not None and channel.task is None
    if called or channel.state is ChannelState.UP:
        other.raw_answer()
    other.moved = True  # nobody who has called it hangs it up when it leaves its bridge
    if other.bridge is not None:
        other.bridge.depart(other)
    if other.on_hold:
        other.indicate(Control.UNHOLD)
    bridge = channel.bridge
    if bridge is not None:
        bridge.disconnect_media()
    _swap(channel, other)
    _tell(channel, other)
    if bridge is not None:
        bridge.connect_media()
        if channel.on_hold:
            channel.indicate(Control.HOLD)
    if channel.on_replaced is not None:
        channel.on_replaced()
    _discard(other)
    if called:
        channel.queue_control(Control.ANSWER)


def _swap(channel: Channel, other: Channel) -> None:
    """Exchange what belongs to the far ends."""
    channel.driver, other.driver = other.driver, channel.driver
    channel.technology, other.technology = other.technology, channel.technology
    channel.caller, other.caller = other.caller, channel.caller
    channel.ani, other.ani = other.ani, channel.ani
    if other.redirecting is not None:
        # How its call came here stays true where it goes on, and comes before what has happened there.
        there = channel.redirecting
        channel.redirecting = other.redirecting if there is None else other.redirecting.then(there)
    if channel.linkedid != other.linkedid:
        oldest = oldest_of((channel.linkedid, other.linkedid))
        channel.set_linkedid(oldest)
        other.set_linkedid(oldest)
    state = other.state
    channels = channel.pbx.channels
    channels.exchange_names(channel, other)
    for each in (channel, other):
        each.ask_driver("attach", None, each)
        each.streams_changed()
    if state is ChannelState.UP:
        channel.set_state(state)


def _tell(channel: Channel, other: Channel) -> None:
    pbx = channel.pbx
    if pbx.bus.listeners[events.RENAME]:
        pbx.bus.publish(events.RENAME, channel, other.name)
        pbx.bus.publish(events.RENAME, other, channel.name)
    if pbx.bus.listeners[events.NEW_CALLERID]:
        pbx.bus.publish(events.NEW_CALLERID, channel)
    for device in {channel.device, other.device}:
        pbx.device_states.channel_changed(device)


def _discard(other: Channel) -> None:
    """Hang up the far end that was replaced, and end the channel that has it now."""
    other.hangup_cause = other.hangup_cause or Cause.NORMAL_CLEARING
    if other.task is None:
        other.hang_up()
        return
    # Its dialplan may have something to run yet; the far end does not wait for that.
    other.soft_hangup()
    other.ask_driver("hangup", None, other.hangup_cause)
    other.driver = None
