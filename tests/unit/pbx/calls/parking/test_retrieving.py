"""Retrieving: who gets the call, who hears the tone, what becomes of it when somebody is gone."""

from __future__ import annotations

import asyncio

import pytest
from fake_technology import settle
from parking_kit import BEEP, LOTS, World, parking

from asterism.pbx.calls.parking.errors import ParkingError
from asterism.pbx.channels.channel import Channel


@pytest.mark.parametrize("who", ["no", "caller", "callee", "both"])
def test_who_hears_the_courtesy_tone(who: str) -> None:
    async def scenario(world: World) -> None:
        world.use(LOTS.replace("parkedplay = caller", f"parkedplay = {who}"))
        alice = await world.call("alice", "7400")
        await asyncio.sleep(1.5)
        carol = await world.call("carol", "701")
        heard = {"caller": carol.speaks is not None, "callee": alice.speaks is not None}
        assert heard == {one: who in (one, "both") for one in heard}
        if who != "no":
            assert carol.bridge is None
            await asyncio.sleep(BEEP + 0.05)
        assert carol.bridge is alice.bridge is not None
        carol.queue_hangup(16)
        await settle(40)

    parking(scenario)


def test_of_two_who_want_one_call_the_first_gets_it() -> None:
    async def scenario(world: World) -> None:
        alice = await world.call("alice", "7400")
        carol = await world.call("carol", "701")
        dave = await world.call("dave", "701")
        assert dave.speaks is not None  # it hears that nobody is parked there
        await asyncio.sleep(0.5)
        assert carol.bridge is alice.bridge is not None
        assert not dave.alive
        assert world.server.names().count("UnParkedCall") == 1
        carol.queue_hangup(16)
        await settle(40)

    parking(scenario)


@pytest.mark.parametrize("taken", [False, True])
def test_who_hangs_up_in_the_tone_leaves_the_call_parked(taken: bool) -> None:
    async def scenario(world: World) -> None:
        world.use(LOTS.replace("findslot => next", "findslot = first"))
        alice = await world.call("alice", "7400")
        await asyncio.sleep(2)
        carol = await world.call("carol", "701")
        assert world.spaces() == {}
        if taken:
            dave = await world.call("dave", "7400")
        carol.queue_hangup(16)
        await settle(20)
        assert alice.alive
        assert {space for space, name in world.spaces().items() if name == alice.name} == {702 if taken else 701}
        call = world.parking.calls[alice]
        assert (call.duration, call.remaining) == (2, 2)  # its time goes on
        await asyncio.sleep(1.9)
        assert call.timer is not None
        await asyncio.sleep(0.2)
        assert alice.exten == "PJSIP_alice"
        if taken:
            dave.queue_hangup(16)
        await asyncio.sleep(0.5)
        alice.queue_hangup(16)
        await settle(40)

    parking(scenario)


def test_a_parked_call_that_hangs_up_in_the_tone() -> None:
    async def scenario(world: World) -> None:
        alice = await world.call("alice", "7400")
        carol = await world.call("carol", "701")
        alice.queue_hangup(16)
        await asyncio.sleep(0.3)
        assert carol.speaks is not None  # pbx-invalidpark
        await asyncio.sleep(0.5)
        assert not carol.alive

    parking(scenario)


def test_without_a_space_it_is_the_call_parked_longest() -> None:
    async def scenario(world: World) -> None:
        world.use(LOTS.replace("findslot => next", "findslot = first"))
        alice = await world.call("alice", "7400")
        await asyncio.sleep(0.1)
        dave = await world.call("dave", "7400")
        await asyncio.sleep(0.1)
        carol = await world.call("carol", "7406")
        await asyncio.sleep(BEEP + 0.1)
        assert carol.bridge is alice.bridge is not None
        assert world.spaces() == {702: dave.name}
        for channel in (alice, dave):
            channel.queue_hangup(16)
        await settle(40)

    parking(scenario)


def test_a_space_outside_of_the_lot_and_no_such_lot() -> None:
    async def scenario(world: World) -> None:
        refused: list[str] = []

        async def body(channel: Channel) -> None:
            for lot, space in (("default", 999), ("nosuch", None), ("lot2", None)):
                try:
                    await world.parking.retrieve(channel, lot, space)
                except ParkingError as error:
                    refused.append(str(error))

        world.pbx.start(world.server.sip.incoming("carol", "1"), body)
        await settle(20)
        assert refused == [
            "Nobody is parked in lot 'default' at space 999",
            "Could not find parking lot: 'nosuch'",
            "Nobody is parked in lot 'lot2'",
        ]

    parking(scenario)


def test_the_conversation_ends_for_both_and_each_sees_the_other() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        world.parking.park(alice, bob)
        carol = await world.call("carol", "7406")
        await asyncio.sleep(BEEP + 0.1)
        assert (alice.connected.number, carol.connected.number) == ("6003", "6001")
        alice.queue_hangup(16)
        await settle(40)
        assert not carol.alive

    parking(scenario)
