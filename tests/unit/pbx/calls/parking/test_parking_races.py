"""Parking at random: whatever happens when, the spaces are right, and nothing is left."""

from __future__ import annotations

import asyncio
import random

import pytest
from fake_technology import settle
from parking_kit import LOTS, World, parking

from asterism.pbx.calls.features.table import bridge_of
from asterism.pbx.calls.parking.errors import ParkingError
from asterism.pbx.calls.transfers.attended import attended
from asterism.pbx.calls.transfers.blind import blind
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import Goto

OTHER = LOTS.replace("701-705", "703-708").replace("parkedplay = caller", "parkedplay = both")
STEPS = 60


def check(world: World) -> None:
    """What is always so."""
    parked = world.parking.calls
    assert len({(call.lot.name, call.space) for call in parked.values()}) == len(parked)
    for channel, call in parked.items():
        assert call.channel is channel
        assert call.lot.calls[call.space] is call
        assert call.timer is None or not call.timer.cancelled()
    for lot in world.parking.lots:
        for call in lot.calls.values():
            assert parked[call.channel] is call
        for channel in [] if lot.bridge is None else lot.bridge.channels:
            assert parked[channel].lot is lot


@pytest.mark.parametrize("seed", range(20))
def test_anything_at_any_time(seed: int) -> None:
    chance = random.Random(seed)

    async def scenario(world: World) -> None:
        pbx = world.pbx

        def some() -> Channel | None:
            alive = [one for one in pbx.channels if one.alive]
            return chance.choice(alive) if alive else None

        def park_something() -> None:
            one, other = some(), some()
            if one is not None:
                try:
                    world.parking.park(one, other if chance.random() < 0.7 else None, keeps=chance.random() < 0.2)
                except ParkingError:
                    return

        async def step() -> None:
            one, other = some(), some()
            match chance.randrange(11):
                case 0 | 1:
                    if len(pbx.channels) < 12:
                        name = chance.choice(("alice", "carol"))
                        await world.call(name, chance.choice(("6002", "6004", "7400", "7402", "7403", "7777", "700")))
                case 2 | 3:
                    if len(pbx.channels) < 14:
                        await world.call("dave", chance.choice(("701", "702", "703", "704", "7406", "7405")))
                case 4:
                    park_something()
                case 5:
                    if one is not None and bridge_of(one) is not None:
                        blind(one, "internal", chance.choice(("700", "700", "7777", "701")))
                case 6:
                    if one is not None and other is not None:
                        attended(one, other)
                case 7:
                    if one is not None:
                        one.queue_hangup(16)
                case 8:
                    if one is not None:
                        one.redirect(Goto("internal", chance.choice(("7400", "7777", "702")), 1))
                case 9:
                    if one is not None:
                        one.queue_control(chance.choice((Control.HOLD, Control.UNHOLD)))
                case _:
                    world.use(chance.choice((LOTS, OTHER, LOTS.partition("[lot2]")[0])))

        for _ in range(STEPS):
            await step()
            if chance.random() < 0.5:
                await asyncio.sleep(chance.choice((0, 0, 0.1, 0.3, 1.1, 3)))
            check(world)
        for _ in range(3):
            for channel in pbx.channels:
                channel.queue_hangup(16)
            await settle(60)
            await asyncio.sleep(40)  # whoever is still being called or told
        world.use(LOTS)

    parking(scenario)
