"""Transfers by key: what the codes ``blindxfer`` and ``atxfer`` begin, and the hold of those who wait meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asterism.pbx.calls.features.consultation import Consultation
from asterism.pbx.calls.features.holding import hold, release
from asterism.pbx.calls.features.number import ask, context_of, sound
from asterism.pbx.calls.features.table import away, bridge_of, options_of
from asterism.pbx.calls.transfers.blind import blind
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.vocabulary import events

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.channels.channel import Channel


def blind_transfer(channel: Channel) -> None:
    """The key of a blind transfer: ask for a number, send the others there."""
    bridge = _transferable(channel)
    if bridge is not None:
        channel.pbx.features.start(channel, _blind(channel, bridge), "the blind transfer")


def attended_transfer(channel: Channel) -> bool:
    """The key of an attended transfer: ask for a number, call it while the others wait; whether it was begun."""
    bridge = _transferable(channel)
    return bridge is not None and channel.pbx.features.start(
        channel, _attended(channel, bridge), "the attended transfer"
    )


def _transferable(channel: Channel) -> Bridge | None:
    """The bridge whose other members may be transferred now: one transfer of a call at a time."""
    bridge = bridge_of(channel)
    if bridge is None or len(bridge.members) < 2 or channel.pbx.features.transfers_in(bridge):
        channel.pbx.log.notice("%s: nobody can be transferred now", channel.name)
        return None
    return bridge


@contextmanager
def _asking(channel: Channel, bridge: Bridge) -> Iterator[None]:
    """Have the others wait, and the transferer be by itself."""
    features = channel.pbx.features
    features.transfers[channel] = None
    channel.pbx.bus.publish(events.HOLD, channel, "")
    held = hold(bridge, channel)
    try:
        with away(channel):
            yield
    finally:
        if channel in features.transfers and features.transfers[channel] is None:  # the transfer is not on its way
            del features.transfers[channel]
            if not channel.dead:
                channel.pbx.bus.publish(events.UNHOLD, channel)
        if channel not in features.transfers:
            release(held)


async def _blind(channel: Channel, bridge: Bridge) -> None:
    context = context_of(channel)
    failed = False
    with _asking(channel, bridge):
        number = await ask(channel, context)
        if number and channel.bridge is bridge:
            if blind(channel, context, number, external=False) is TransferResult.SUCCESS:
                channel.pbx.features.transfers.pop(channel, None)  # the end of the hold has been told
            else:
                failed = True
    if failed:
        with away(channel):
            await sound(channel, options_of(channel).xferfailsound)


async def _attended(channel: Channel, bridge: Bridge) -> None:
    context = context_of(channel)
    failed = False
    with _asking(channel, bridge):
        number = await ask(channel, context)
        if number and channel.bridge is bridge:
            consultation = Consultation(channel, context, number)
            failed = not consultation.begin()
    if failed:
        with away(channel):
            await sound(channel, options_of(channel).xferfailsound)
