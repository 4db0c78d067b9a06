"""``parking show`` as recorded, reading the file again, the devices of spaces, unloading."""

from __future__ import annotations

import asyncio

import pytest
from fake_technology import settle
from parking_kit import LOTS, World, parking, section_of, shown

from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.pbx.vocabulary.device_state import DeviceState


def test_parking_show_as_recorded() -> None:
    async def scenario(world: World) -> None:
        for words in ((), ("default",), ("lot2",)):
            assert world.show(*words) == shown(" ".join(("parking show", *words)), "idle")
        assert world.show("nosuch") == section_of("*CLI> parking show nosuch   (state: idle)") + "\n\n"
        with pytest.raises(UsageError):
            world.show("a", "b")
        alice = await world.call("alice", "7400")
        assert world.show("default") == shown("parking show default", "one call parked")
        assert world.module._names([""]) == ["default", "lot2"]
        assert world.module._names(["l"]) == ["lot2"]
        assert world.module.use_count() == 1
        alice.queue_hangup(16)
        await settle(20)

    parking(scenario)


def test_what_is_parked_stays_when_the_file_is_read_again() -> None:
    async def scenario(world: World) -> None:
        etc = world.server.paths.etc / "res_parking.conf"
        alice = await world.call("alice", "7400")
        dave = await world.call("dave", "7402")
        # The lot of one has other spaces now, that of the other is gone.
        etc.write_text("[default]\nparkext=700\nparkpos=711-712\ncontext=parkedcalls\nparkingtime=60\n")
        world.module.reload()
        assert world.spaces() == {701: alice.name, 801: dave.name}
        assert "Enabled             :  no" in world.show("lot2")
        assert world.pbx.device_states.get("park:701@parkedcalls") is DeviceState.INUSE
        await asyncio.sleep(2)
        carol = await world.call("carol", "701")  # its extension is there as long as it is
        await asyncio.sleep(0.3)
        assert carol.bridge is alice.bridge is not None
        await asyncio.sleep(1)  # the one whose lot is gone comes back as that had it
        assert dave.context == "pcomeback" or not dave.alive
        assert world.show("lot2").startswith("Could not find")
        assert world.pbx.device_states.get("park:801@lot2") is DeviceState.INVALID
        carol.queue_hangup(16)
        await settle(40)
        world.module.reload()
        assert world.pbx.dialplan.find("parkedcalls", "701") is None

    parking(scenario)


def test_a_file_that_cannot_be_read_leaves_everything_as_it_is() -> None:
    async def scenario(world: World) -> None:
        (world.server.paths.etc / "res_parking.conf").write_text("[default\nparkpos")
        world.module.reload()
        assert world.show() == shown("parking show", "idle")

    parking(scenario)


def test_the_devices_of_spaces() -> None:
    async def scenario(world: World) -> None:
        states = world.pbx.device_states
        assert states.get("park:701@parkedcalls") is DeviceState.NOT_INUSE
        for wrong in ("701", "x@parkedcalls", "706@parkedcalls", "701@lot2", "٧@lot2", ""):
            assert states.get(f"park:{wrong}") is DeviceState.INVALID
        assert [name for name in states.named() if name.startswith("park:")] == [
            *(f"park:{space}@parkedcalls" for space in range(701, 706)),
            *(f"park:{space}@lot2" for space in range(801, 804)),
        ]

    parking(scenario)


def test_unloading_ends_parked_calls() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        world.parking.park(alice, bob)
        dave = await world.call("dave", "7400")
        world.module.unload()
        await settle(40)
        assert not alice.alive
        assert not dave.alive
        world.module.show(CommandCall([], lambda _: None))
        bob.queue_hangup(16)

    parking(scenario)


def test_lots_that_are_made_for_channels() -> None:
    async def scenario(world: World) -> None:
        variables = {
            "PARKINGLOT": "dyn", "PARKINGDYNAMIC": "lot2", "PARKINGDYNCONTEXT": "dynctx", "PARKINGDYNEXTEN": "900",
            "PARKINGDYNPOS": "901-902",
        }  # fmt: skip
        world.server.dialplan(("7410", 1, "Park", ""), ("7411", 1, "ParkedCall", ""))
        alice = await world.call("alice", "7410", **variables)
        assert world.spaces() == {901: alice.name}
        assert "Dynamic             :  yes" in world.show("dyn")
        assert "Parking Time        :  3 sec" in world.show("dyn")
        found = world.pbx.dialplan.find("dynctx", "901")
        assert found is not None
        assert found.data == "dyn,901"
        world.module.reload()  # it goes on being there, as long as a call is in it
        assert world.spaces() == {901: alice.name}
        carol = await world.call("carol", "7411", PARKINGLOT="dyn")
        await asyncio.sleep(0.4)
        assert carol.bridge is alice.bridge is not None
        carol.queue_hangup(16)
        await settle(40)
        world.module.reload()
        assert world.parking.lots.get("dyn") is None
        assert "dynctx" not in world.pbx.dialplan.table.contexts
        world.use(LOTS.replace("parkeddynamic = yes", ""))
        await world.call("alice", "7410", **variables)
        await asyncio.sleep(0.4)
        assert world.parking.lots.get("dyn") is None

    parking(scenario)
