"""What lots bring into the dialplan, as recorded; which extensions park."""

from __future__ import annotations

import pytest
from fake_technology import settle
from parking_kit import LOTS, World, parking, section_of

from asterism.pbx.dialplan.language.contexts import ContextTable


def test_the_extensions_of_the_lots_as_recorded() -> None:
    async def scenario(world: World) -> None:
        expected = section_of("*CLI> dialplan show parkedcalls   (state: idle)")
        assert world.listing("parkedcalls").strip("\n") == expected
        for context in ("park-hints", "lot2"):
            with pytest.raises(LookupError, match=f"There is no existence of '{context}' context"):
                world.listing(context)
        world.pbx.dialplan.replace("pbx_config", ContextTable())  # the file is read again
        assert world.listing("parkedcalls").strip("\n") == expected

    parking(scenario)


def test_hints_follow_the_spaces() -> None:
    async def scenario(world: World) -> None:
        lots = LOTS.replace("parkext => 700", "parkext = 700\nparkinghints = yes\nparkext_exclusive=yes")
        world.use(lots)
        lines = [line.split() for line in world.listing("parkedcalls").splitlines()]
        assert lines[1] == ["'700'", "=>", "1.", "Park(default)", "[res_parking]"]
        assert lines[2] == ["'701'", "=>", "hint:", "park:701@parkedcalls", "[res_parking/default]"]
        assert lines[3] == ["1.", "ParkedCall(default,701)", "[res_parking/default]"]
        alice = await world.call("alice", "7400")
        await settle(5)
        alice.queue_hangup(0)
        await settle(20)
        states = [(event["Exten"], event["StatusText"]) for event in world.server.fields("ExtensionStatus")]
        assert states == [("701", "InUse"), ("701", "Idle")]
        world.use(lots)
        assert world.server.fields("ExtensionStatus")[2:] == []  # a file that is read again removes no hint

    parking(scenario)


def test_which_extensions_park() -> None:
    async def scenario(world: World) -> None:
        of = world.parking.parking_extension
        assert of("internal", "700") == ""  # by way of an include
        assert of("parkedcalls", "700") == ""
        assert of("parkedcalls", "701") is None
        assert of("internal", "7400") is None  # what else it does is the dialplan's to say
        assert of("nosuch", "700") is None
        world.use(LOTS.replace("parkext => 700", "parkext = 700\nparkext_exclusive=yes"))
        assert of("internal", "700") == "default"

    parking(scenario)


def test_lots_may_share_the_extension_that_parks() -> None:
    two = "[default]\nparkext=700\nparkpos=701-702\n[b]\nparkext=700\nparkpos=703-704\n"

    async def scenario(world: World) -> None:
        assert world.use(two) == []
        assert world.listing("parkedcalls").count("Park()") == 1
        world.use(two.replace("[default]\nparkext=700\n", "[default]\n"))
        assert world.parking.parking_extension("parkedcalls", "700") == ""

    parking(scenario)


def test_a_place_that_the_dialplan_has_stays_its_own() -> None:
    async def scenario(world: World) -> None:
        world.pbx.dialplan.add_extension(world.server.owner, "parkedcalls", "706", 1, "Echo")
        (problem,) = world.use("[default]\nparkext=700\nparkpos=701-710\n")
        assert "'706' in context 'parkedcalls' has a priority 1 already" in problem
        found = world.pbx.dialplan.find("parkedcalls", "706")
        assert found is not None
        assert found.application == "Echo"
        assert world.pbx.dialplan.find("parkedcalls", "710") is not None
        world.pbx.dialplan.remove_extension("parkedcalls", "706")

    parking(scenario)
