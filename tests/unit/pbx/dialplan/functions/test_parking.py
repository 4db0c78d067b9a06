"""PARK_GET_CHANNEL, and CHANNEL(parkinglot)."""

from __future__ import annotations

import pytest
from fake_technology import settle
from parking_kit import World, parking

from asterism.pbx.dialplan.functions.channels import ChannelFunctions
from asterism.pbx.dialplan.functions.parking import ParkingFunctions
from asterism.pbx.vocabulary.flow import FunctionError


def test_who_is_parked_in_a_space() -> None:
    async def scenario(world: World) -> None:
        function = ParkingFunctions()
        function.load(world.server)  # type: ignore[arg-type]
        alice = await world.call("alice", "7400")
        dave = await world.call("dave", "7402")
        carol = world.server.sip.incoming("carol", "1")
        assert function.read(None, "701") == function.read(carol, "701,default") == alice.name
        assert function.read(carol, "801") == ""
        assert function.read(carol, "801,lot2") == dave.name
        carol.data["parkinglot"] = "lot2"
        assert function.read(carol, "801") == dave.name
        assert function.read(None, "701,nosuch") == ""
        for wrong in ("", "x", "٧٠١"):
            with pytest.raises(FunctionError):
                function.read(None, wrong)
        carol.hang_up()
        for channel in (alice, dave):
            channel.queue_hangup(16)
        await settle(20)

    parking(scenario)


def test_the_lot_of_a_channel() -> None:
    async def scenario(world: World) -> None:
        function = ChannelFunctions()
        function.load(world.server)  # type: ignore[arg-type]
        carol = world.server.sip.incoming("carol", "1")
        assert function.read(carol, "parkinglot") == ""
        function.write(carol, "parkinglot", "lot2")
        assert function.read(carol, "parkinglot") == "lot2"
        assert world.parking.lot_name(carol) == "lot2"
        carol.hang_up()

    parking(scenario)
