"""Park, ParkedCall and ParkAndAnnounce: arguments, variables, what goes on when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fake_technology import settle
from parking_kit import World, parking

from asterism.pbx.calls.parking.lots import ParkedCall
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.playing import music_of


def parked(args: str, check: Callable[[World, Channel, ParkedCall], Any], **variables: str) -> World:
    """Alice runs Park with these arguments; what is then."""

    async def scenario(world: World) -> None:
        world.server.dialplan(("7420", 1, "Park", args), ("7420", 2, "Echo", ""))
        alice = await world.call("alice", "7420", **variables)
        call = world.parking.calls[alice]
        check(world, alice, call)
        alice.queue_hangup(16)
        await settle(20)

    return parking(scenario)


def test_ringing_and_silence() -> None:
    def check(world: World, alice: Channel, call: ParkedCall) -> None:
        assert call.waiting.kind == "r"
        assert alice.speaks is None
        assert music_of(alice) is None

    parked("default,rs", check)


def test_time_and_place() -> None:
    def check(world: World, alice: Channel, call: ParkedCall) -> None:
        place = call.comeback
        assert place is not None
        assert (call.timeout, place.context, place.exten, place.priority) == (12.0, "a", "b", "c")

    parked(",t(12)c(a,b,c)", check)


def test_a_place_may_be_only_a_priority() -> None:
    def check(world: World, alice: Channel, call: ParkedCall) -> None:
        place = call.comeback
        assert place is not None
        assert (place.context, place.exten, place.priority) == ("internal", "7420", 2)

    parked(",c(2)", check)


def test_options_that_cannot_be_read_leave_the_lots() -> None:
    def check(world: World, alice: Channel, call: ParkedCall) -> None:
        assert call.timeout == 4
        assert call.comeback is None

    parked("default,t(x)qc()", check)


@pytest.mark.parametrize("variables", [{"PARKINGLOT": "lot2"}, {}])
def test_the_lot_of_the_channel(variables: dict[str, str]) -> None:
    def check(world: World, alice: Channel, call: ParkedCall) -> None:
        assert call.lot.name == variables.get("PARKINGLOT", "default")

    parked("", check, **variables)


def test_the_lot_by_the_function_channel() -> None:
    async def scenario(world: World) -> None:
        channel = world.server.sip.incoming("alice", "7400")
        channel.data["parkinglot"] = "lot2"
        assert world.parking.lot_name(channel) == "lot2"
        channel.set_variable("PARKINGLOT", "default")
        assert world.parking.lot_name(channel) == "default"
        channel.hang_up()

    parking(scenario)


def test_parkingexten_chooses_the_space_and_the_dialplan_goes_on_if_it_is_taken() -> None:
    async def scenario(world: World) -> None:
        world.server.dialplan(("7420", 1, "Park", "default"), ("7420", 2, "Echo", ""))
        alice = await world.call("alice", "7420", PARKINGEXTEN="704")
        assert world.spaces() == {704: alice.name}
        carol = await world.call("carol", "7420", PARKINGEXTEN="704")
        assert (carol.application, carol.speaks) == ("Echo", None)
        dave = await world.call("dave", "7420", PARKINGEXTEN="999")
        assert dave.speaks is not None  # pbx-parkingfailed
        await asyncio.sleep(0.4)
        assert dave.application == "Echo"
        bob = await world.call("bob", "7420", PARKINGEXTEN="none")
        assert world.spaces() == {704: alice.name, 705: bob.name}
        for channel in (alice, bob, carol, dave):
            channel.queue_hangup(16)
        await settle(40)

    parking(scenario)


def test_any_free_space() -> None:
    async def scenario(world: World) -> None:
        world.server.dialplan(("7420", 1, "Park", "default,Rs"))
        found = set()
        for _ in range(60):
            alice = await world.call("alice", "7420")
            found |= set(world.spaces())
            alice.queue_hangup(16)
            await settle(20)
        assert found == {701, 702, 703, 704, 705}

    parking(scenario)


@pytest.mark.parametrize("variable", ["BLINDTRANSFER", "ATTENDEDTRANSFER"])
def test_who_was_transferred_to_park_comes_back_to_the_transferer_and_hears_no_space(variable: str) -> None:
    async def scenario(world: World) -> None:
        alice = await world.call("alice", "7400", **{variable: "PJSIP/dave-0000000a"})
        assert alice.speaks is None
        assert music_of(alice) is not None
        assert world.parking.calls[alice].parker == "PJSIP/dave"
        await asyncio.sleep(4.1)
        assert (alice.exten, alice.get_variable("PARKER"), alice.get_variable("PARKER_FLAT")) == (
            "PJSIP_dave", "PJSIP/dave", "PJSIP_dave",
        )  # fmt: skip
        assert (alice.get_variable("PARKING_SPACE"), alice.get_variable("PARKINGSLOT")) == ("701", "701")
        assert alice.get_variable("PARKEDLOT") == "default"
        await asyncio.sleep(0.5)
        alice.queue_hangup(16)
        await settle(40)

    parking(scenario)


def test_the_place_where_a_call_goes_when_its_time_is_over() -> None:
    async def scenario(world: World) -> None:
        world.server.dialplan(("7420", 1, "Park", "default,st(2)c(internal,7777,1)"))
        alice = await world.call("alice", "7420")
        await asyncio.sleep(2.1)
        assert (alice.exten, alice.application) == ("7777", "Echo")
        alice.queue_hangup(16)
        await settle(40)

    parking(scenario)


def test_spaces_that_are_no_numbers() -> None:
    async def scenario(world: World) -> None:
        world.server.dialplan(("7421", 1, "ParkedCall", "default,x"), ("7421", 2, "Echo", ""))
        carol = await world.call("carol", "7421")
        assert carol.speaks is not None
        await asyncio.sleep(0.4)
        assert carol.application == "Echo"
        carol.queue_hangup(16)
        await settle(40)

    parking(scenario)


def test_announcing_needs_a_template_and_a_device() -> None:
    async def scenario(world: World) -> None:
        for args in ("default", "PARKED", ",,PARKED", ",,,PJSIP/bob"):
            world.server.dialplan(("7422", 1, "ParkAndAnnounce", args), ("7422", 2, "Echo", ""))
            alice = await world.call("alice", "7422")
            assert alice.application == "Echo"
            alice.queue_hangup(16)
            await settle(40)
            world.pbx.dialplan.remove_extension("internal", "7422")

    parking(scenario)


def test_the_device_hears_the_template_and_has_the_space_in_a_variable() -> None:
    async def scenario(world: World) -> None:
        world.server.dialplan(("7422", 1, "ParkAndAnnounce", "beep:PARKED:beep,PJSIP/carol"))
        alice = await world.call("alice", "7422")
        carol = world.server.sip.made[-1]
        assert (carol.get_variable("PARKEDAT"), carol.caller.number) == ("701", "6001")
        await asyncio.sleep(0.4)
        assert carol.speaks is not None
        await asyncio.sleep(1.0)
        assert carol.alive
        await asyncio.sleep(0.6)
        assert not carol.alive
        assert alice.alive
        alice.queue_hangup(16)
        await settle(40)

    parking(scenario)


def test_a_device_that_does_not_answer_is_not_told() -> None:
    async def scenario(world: World) -> None:
        world.rings("carol")
        world.server.dialplan(
            ("7422", 1, "ParkAndAnnounce", "default,t(100)s,PARKED,PJSIP/carol"),
            ("7423", 1, "ParkAndAnnounce", "PARKED,PJSIP/nobody"),
        )
        alice = await world.call("alice", "7422")
        dave = await world.call("dave", "7423")
        await asyncio.sleep(31)
        assert not world.server.sip.made[0].alive
        assert world.spaces() == {701: alice.name}
        for channel in (alice, dave):
            channel.queue_hangup(16)
        await settle(40)

    parking(scenario)
