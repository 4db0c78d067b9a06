"""Retrieving a parked call: it leaves its space and talks to whoever has dialled that."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from asterism.media.soundfiles import SoundError
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls.bridging import stay
from asterism.pbx.calls.features.member import keys_of
from asterism.pbx.calls.parking import events
from asterism.pbx.calls.parking.comeback import letters
from asterism.pbx.calls.parking.errors import ParkingError
from asterism.pbx.calls.parking.settings import BOTH, CALLEE, CALLER
from asterism.pbx.channels.playing import Playing, start_play
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto

if TYPE_CHECKING:
    from asterism.pbx.calls.parking.lots import Lot, ParkedCall
    from asterism.pbx.calls.parking.parking import Parking
    from asterism.pbx.channels.channel import Channel


async def retrieve(parking: Parking, channel: Channel, lot: Lot, space: int | None) -> None:
    """Have a channel talk to a parked call; see :meth:`~asterism.pbx.calls.parking.parking.Parking.retrieve`."""
    channel.raw_answer()
    channel.check()
    if channel.bridge is not None or channel.speaks is not None:
        raise ParkingError(f"{channel.name} is spoken to, or in a bridge")
    call = _waiting(lot, space)
    if call is None:
        raise ParkingError(f"Nobody is parked in lot '{lot.name}'{'' if space is None else f' at space {space}'}")
    bridge = _take_out(parking, call, channel)
    try:
        await _courtesy(call, channel)
        channel.check()
    except BaseException:
        parking.put_back(call)  # who wanted it is gone before they talked
        raise
    if bridge.ended or call.channel.bridge is not bridge:
        raise ParkingError(f"{call.channel.name} has hung up")
    await _talk(bridge, channel, call)


def _waiting(lot: Lot, space: int | None) -> ParkedCall | None:
    """The call in a space, or the one parked longest."""
    bridge = lot.bridge
    if bridge is None:
        return None
    found = [call for call in lot.calls.values() if call.channel in bridge.members and not call.channel.leaving]
    if space is not None:
        return next((call for call in found if call.space == space), None)
    return min(found, key=lambda call: call.since, default=None)


def _take_out(parking: Parking, call: ParkedCall, retriever: Channel) -> Bridge:
    parked, waits = call.channel, call.lot.bridge
    assert waits is not None
    pbx = parked.pbx
    pbx.bus.publish(events.UNPARKED_CALL, call, retriever)
    bridge = Bridge(pbx)
    parking.release(call)
    member = waits.members[parked]
    member.on_leave, member.waiting = call.before, None
    mine = frozenset(letter.lower() for letter in letters(call.lot.settings, CALLEE))
    member.on_digit = keys_of(parked, mine, called=True)
    member.features = member.on_digit is not None
    waits.move(parked, bridge)
    return bridge


async def _courtesy(call: ParkedCall, retriever: Channel) -> None:
    """The courtesy tone of the lot, for whom it is meant."""
    settings = call.lot.settings
    if not settings.courtesytone:
        return
    heard: dict[Channel, Playing] = {}
    for channel, who in ((retriever, CALLER), (call.channel, CALLEE)):
        if settings.parkedplay in (who, BOTH):
            try:
                heard[channel] = start_play(channel, settings.courtesytone)
            except (SoundError, RuntimeError) as error:
                channel.pbx.log.warning("%s does not hear the courtesy tone: %s", channel.name, error)
    try:
        if retriever in heard:
            await heard[retriever].wait()
        if call.channel in heard:
            await _until_heard(retriever, heard[call.channel])
    finally:
        for one in heard.values():
            one.stop()


async def _until_heard(retriever: Channel, playing: Playing) -> None:
    """Wait, on the channel of this task, until the other one has heard a sound, or has hung up."""
    loop = retriever.pbx.loop
    future: asyncio.Future[bool] = loop.create_future()

    async def listen() -> None:
        with contextlib.suppress(ChannelHangup, Goto, SoundError, RuntimeError):
            await playing.wait()

    def heard(_task: asyncio.Task[None]) -> None:
        if not future.done():
            future.set_result(True)

    task = loop.create_task(listen())
    task.add_done_callback(heard)
    try:
        await retriever.park(None, 0, future)
    finally:
        task.cancel()


async def _talk(bridge: Bridge, retriever: Channel, call: ParkedCall) -> None:
    parked = call.channel
    keys = keys_of(retriever, letters(call.lot.settings, CALLER), called=False)

    def entered() -> None:
        for channel, other in ((retriever, parked), (parked, retriever)):
            if other.caller != channel.connected:
                channel.set_connected(other.caller)

    await stay(retriever, bridge, entered=entered, on_digit=keys, features=keys is not None)
