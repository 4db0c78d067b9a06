"""The manager's actions as recorded, and what they refuse."""

from __future__ import annotations

import asyncio

import pytest
from bridge_kit import plain, recorded_answer
from fake_technology import settle
from parking_kit import RECORD, World, parking


def test_lists_as_recorded() -> None:
    async def scenario(world: World) -> None:
        assert await world.act("Parkinglots") == recorded_answer("Parkinglots", record=RECORD)
        assert await world.act("ParkedCalls") == recorded_answer("ParkedCalls empty", record=RECORD)
        alice = await world.call("alice", "7400")
        await asyncio.sleep(2)
        assert plain(await world.act("ParkedCalls")) == plain(recorded_answer("ParkedCalls\n", record=RECORD))
        answer = await world.act("ParkedCalls", ParkingLot="lot2")
        assert answer == recorded_answer("ParkedCalls of a lot", record=RECORD)
        assert "Error" in await world.act("ParkedCalls", ParkingLot="nosuch")
        alice.queue_hangup(16)
        await settle(20)

    parking(scenario)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Channel not specified"),
        ({"Channel": "none"}, "Channel does not exist: none"),
        ({"TimeoutChannel": "none"}, "TimeoutChannel does not exist: none"),
        ({"AnnounceChannel": "none"}, "AnnounceChannel does not exist: none"),
        ({"Timeout": "soon"}, "Invalid Timeout value."),
        ({"ParkingSpace": "x"}, "Invalid ParkingSpace value."),
        ({"ParkingSpace": "9"}, "Parking lot 'default' has no space 9"),
        ({"Parkinglot": "no,lot"}, "Could not find parking lot: 'no,lot'"),
    ],
)
def test_what_park_refuses(fields: dict[str, str], message: str) -> None:
    async def scenario(world: World) -> None:
        if not fields or fields.get("Channel"):
            assert await world.act("Park", **fields) == f"Response: Error\nMessage: {message}"
            return
        alice, bob = await world.talking()
        answer = await world.act("Park", Channel=alice.name, **fields)
        assert answer == f"Response: Error\nMessage: {message}"
        assert alice.bridge is bob.bridge is not None
        alice.queue_hangup(16)
        await settle(20)

    parking(scenario)


def test_refusals_as_recorded() -> None:
    async def scenario(world: World) -> None:
        assert await world.act("Park", Channel="none") == recorded_answer("Park unknown channel", record=RECORD)
        assert await world.act("Park") == recorded_answer("Park without channel", record=RECORD)

    parking(scenario)


def test_park_in_a_space_and_for_ever() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        fields = {"TimeoutChannel": bob.name, "ParkingSpace": "704", "Timeout": "0"}
        assert "Success" in await world.act("Park", Channel=alice.name, **fields)
        assert world.spaces() == {704: alice.name}
        await asyncio.sleep(1000)
        assert world.spaces() == {704: alice.name}
        alice.queue_hangup(16)
        await settle(20)

    parking(scenario)


def test_somebody_else_hears_the_space() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        carol, dave = await world.talking("carol", "6004")
        fields = {"TimeoutChannel": bob.name, "AnnounceChannel": dave.name}
        assert "Success" in await world.act("Park", Channel=alice.name, **fields)
        await settle(5)
        assert bob.speaks is not None
        assert dave.speaks is not None
        await asyncio.sleep(1.5)
        assert not bob.alive
        assert dave.bridge is carol.bridge is not None
        for channel in (alice, carol):
            channel.queue_hangup(16)
        await settle(40)

    parking(scenario)
