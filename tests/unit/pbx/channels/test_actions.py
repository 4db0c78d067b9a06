"""Manager actions on channels and bridges."""

from __future__ import annotations

from typing import Any

import pytest
from fake_manager import Manager, with_server
from fake_technology import FakeServer, recorded_section, settle
from test_events_call import FLOATING, as_dicts, talk


def test_redirect_of_the_called_party() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        alice, bob = await talk(server)
        call = await manager.run("Redirect", Channel=bob.name, Context="internal", Exten="771", Priority="1")
        assert call.answer == ("Success", "Redirect successful")
        await settle()
        assert alice.dead
        assert bob.alive
        assert bob.application == "Echo"
        listed = await manager.run("CoreShowChannels")
        assert [name for name, _ in listed.items] == ["CoreShowChannel", "CoreShowChannelsComplete"]
        await manager.run("Hangup", Channel=bob.name)

    server = with_server(scenario)
    wanted = [e for e in recorded_section("AMI Redirect of the B leg") if e["Event"] not in FLOATING]
    ours = [e for e in as_dicts(server) if e["Event"] not in FLOATING]
    assert sorted(e["Event"] for e in ours) == sorted(e["Event"] for e in wanted)
    assert [e["Cause"] for e in server.fields("SoftHangupRequest")] == ["16", "32", "16"]


def test_redirect_of_both_parties() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        alice, bob = await talk(server)
        place = {"Context": "internal", "Exten": "771", "Priority": "1"}
        call = await manager.run("Redirect", Channel=alice.name, ExtraChannel=bob.name, **place)  # type: ignore[arg-type]
        assert call.answer is not None
        assert call.answer[0] == "Success"
        await settle()
        assert (alice.application, bob.application) == ("Echo", "Echo")
        assert alice.task is not None
        assert bob.task is not None
        hung = await manager.run("Hangup", Channel="/^PJSIP/.*$/")
        assert [name for name, _ in hung.items] == ["ChannelHungup", "ChannelHungup", "ChannelsHungupListComplete"]

    with_server(scenario)


def test_each_party_goes_to_a_place_of_its_own() -> None:
    """By number and by label."""

    async def scenario(server: FakeServer, manager: Manager) -> None:
        alice, bob = await talk(server)
        server.dialplan(("880", 1, "NoOp", ""), ("880", 2, "Echo", ""), ("881", 1, "NoOp", ""))
        server.pbx.dialplan.add_extension(server.owner, "internal", "881", 2, "Echo", label="there")
        call = await manager.run(
            "Redirect",
            Channel=alice.name,
            Context="internal",
            Exten="880",
            Priority="2",
            ExtraChannel=bob.name,
            ExtraContext="internal",
            ExtraExten="881",
            ExtraPriority="there",
        )
        assert call.answer == ("Success", "Dual Redirect successful")
        await settle()
        assert (alice.exten, alice.priority, alice.application) == ("880", 2, "Echo")
        assert (bob.exten, bob.priority, bob.application) == ("881", 2, "Echo")
        await manager.run("Hangup", Channel="/^PJSIP/.*$/")

    with_server(scenario)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ExtraChannel": "gone"}, "ExtraChannel does not exist: gone"),
        ({"ExtraContext": "internal", "ExtraExten": "771", "ExtraPriority": "nolabel"}, "Invalid extra priority"),
        ({"Priority": "nolabel"}, "Invalid priority"),
    ],
)
def test_when_one_of_two_cannot_go_neither_does(fields: dict[str, str], message: str) -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        alice, bob = await talk(server)
        place = {"Context": "internal", "Exten": "771", "Priority": "1", "ExtraChannel": bob.name}
        call = await manager.run("Redirect", Channel=alice.name, **{**place, **fields})  # type: ignore[arg-type]
        assert call.answer == ("Error", message)
        await settle()
        assert alice.bridge is bob.bridge is not None
        await manager.run("Hangup", Channel=alice.name)

    with_server(scenario)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("Redirect", {"Channel": "nosuch"}, "Channel does not exist: nosuch"),
        ("Redirect", {}, "Channel not specified"),
        ("Hangup", {"Channel": "nosuch"}, "No such channel"),
        ("Hangup", {}, "No channel specified"),
        ("Status", {"Channel": "nosuch"}, "No such channel"),
        ("ExtensionState", {}, "Extension not specified"),
    ],
)
def test_actions_that_are_wrong(name: str, fields: dict[str, Any], message: str) -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        assert (await manager.run(name, **fields)).answer == ("Error", message)

    with_server(scenario)


def test_status_and_map_of_a_live_call() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        alice, bob = await talk(server)
        listed = await manager.run("Status", Variables="DIALSTATUS,NOSUCH")
        event, fields = listed.items[0]
        assert event == "Status"
        assert list(fields)[-6:] == ["Writeformat", "Writetrans", "Callgroup", "Pickupgroup", "Seconds", "Variable"]
        assert fields["BridgeID"] == bob.bridge.uniqueid
        assert listed.items[-1] == ("StatusComplete", {"Items": "2"})
        listed = await manager.run("CoreShowChannelMap", Channel=alice.name)
        assert listed.items[0][1] == {"Channel": alice.name, "ConnectedChannel": bob.name}
        listed = await manager.run("BridgeInfo", BridgeUniqueid=bob.bridge.uniqueid)
        assert [fields.get("Channel") for _, fields in listed.items[:2]] == [alice.name, bob.name]
        alice.queue_hangup(16)

    with_server(scenario)
