"""Originate and the other manager actions on channels: answers and events as recorded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, recorded_section, settle
from test_events_call import FLOATING, as_dicts, make_server, talk

from asterism.core.commands import CommandCall, marks_of
from asterism.core.errors import UsageError
from asterism.pbx.bridges.commands import BridgeCommands
from asterism.pbx.calls.originate import Originate, parse_variables
from asterism.pbx.channels.actions import ChannelActions
from asterism.pbx.states.hint_commands import HintCommands
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.events import ORIGINATE_RESPONSE


class FakeCall:
    """A manager action as the manager would serve it; keeps the answer."""

    def __init__(self, fields: dict[str, str | list[str]], classes: tuple[str, ...] = ("all",)) -> None:
        self.fields = {key.lower(): value if isinstance(value, list) else [value] for key, value in fields.items()}
        self.action_id = "id-1"
        self.classes = classes
        self.answer: tuple[str, str] | None = None
        self.items: list[tuple[str, dict[str, str]]] = []
        self.extra: dict[str, str] = {}

    def get(self, key: str, default: str = "") -> str:
        return self.fields.get(key.lower(), [default])[-1]

    def get_all(self, key: str) -> list[str]:
        return self.fields.get(key.lower(), [])

    def success(self, message: str = "", fields: Any = ()) -> None:
        self.answer = ("Success", message)
        self.extra = {key: str(value) for key, value in fields}

    def error(self, message: str) -> None:
        self.answer = ("Error", message)

    def begin_list(self, message: str) -> None:
        self.answer = ("Success", message)

    def item(self, event: str, fields: Any) -> None:
        self.items.append((event, {key: str(value) for key, value in fields}))

    def end_list(self, event: str, fields: Any = ()) -> None:
        self.items.append((event, {key: str(value) for key, value in fields}))

    def may(self, privilege: str) -> bool:
        return "all" in self.classes or bool(set(privilege.split(",")) & set(self.classes))


class Manager:
    """Runs the actions of a server by their names."""

    def __init__(self, server: FakeServer) -> None:
        self.actions: dict[str, Any] = {}
        self.commands: dict[str, Any] = {}
        for holder in (ChannelActions(), BridgeCommands(), Originate(), HintCommands()):
            server.register_marked = lambda holder: None  # type: ignore[attr-defined]
            holder.load(server)  # type: ignore[arg-type]
            for found, method in marks_of(holder):
                (self.actions if found.kind == "action" else self.commands)[found.name] = method

    async def run(self, name: str, classes: tuple[str, ...] = ("all",), **fields: Any) -> FakeCall:
        call = FakeCall(fields, classes)
        result = self.actions[name](call)
        if result is not None:
            await result
        assert call.answer is not None
        return call


def with_server(scenario: Any) -> FakeServer:
    async def main() -> FakeServer:
        server = make_server()
        await scenario(server, Manager(server))
        await settle()
        assert len(server.pbx.channels) == 0
        return server

    return asyncio.run(main())


ORIGINATE = {"Channel": "PJSIP/bob", "Context": "internal", "Exten": "771", "Priority": "1", "Async": "true"}


def test_an_asynchronous_originate_and_a_hangup() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        call = await manager.run("Originate", **ORIGINATE, CallerID='"Orig" <1234>', Variable=["A=1"], Timeout="5000")
        assert call.answer == ("Success", "Originate successfully queued")
        await settle()
        bob = server.sip.made[0]
        assert str(bob.connected) == '"Orig" <1234>'
        bob.queue_control(Control.RINGING)
        bob.queue_control(Control.ANSWER)
        await settle()
        assert bob.application == "Echo"
        assert (await manager.run("Hangup", Channel=bob.name)).answer == ("Success", "Channel Hungup")

    server = with_server(scenario)
    wanted = [e for e in recorded_section("Originate async PJSIP/bob -> 771") if e["Event"] not in FLOATING]
    ours = [e for e in as_dicts(server) if e["Event"] not in FLOATING]
    # The record's Hangup was asked for by other means: ours tells it (Cause 32) before the end of the dialplan (16).
    asked = next(e for e in ours if e["Event"] == "SoftHangupRequest")
    assert asked["Cause"] == "32"
    ours.remove(asked)
    assert [e["Event"] for e in ours] == [e["Event"] for e in wanted]
    for mine, theirs in zip(ours, wanted, strict=True):
        assert [k for k in mine if k != "TechCause"] == [k for k in theirs if k not in ("Privilege", "TechCause")]
    answer = server.fields("OriginateResponse")[0]
    assert (answer["Response"], answer["Reason"], answer["CallerIDNum"]) == ("Success", "4", "1234")


@pytest.mark.parametrize(("cause", "tech", "ends"), [(17, 486, ["BUSY"]), (34, 503, ["CONGESTION"]), (1, 404, [])])
def test_an_originate_that_is_refused(cause: int, tech: int, ends: list[str]) -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        await manager.run("Originate", **ORIGINATE)
        await settle()
        server.sip.made[0].queue_hangup(cause, "", tech)

    server = with_server(scenario)
    answer = server.fields("OriginateResponse")[0]
    assert answer == {
        "ActionID": "id-1", "Response": "Failure", "Channel": "PJSIP/bob", "Context": "internal", "Exten": "771",
        "Reason": "0", "Uniqueid": "<unknown>", "CallerIDNum": "<unknown>", "CallerIDName": "<unknown>",
    }  # fmt: skip
    assert [event["DialStatus"] for event in server.fields("DialEnd")] == ends


def test_an_originate_that_nobody_answers() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        await manager.run("Originate", **{**ORIGINATE, "Timeout": "20"})
        await settle()
        server.sip.made[0].queue_control(Control.RINGING)
        told = asyncio.Event()
        server.bus.subscribe(server.owner, ORIGINATE_RESPONSE, lambda kind, args: told.set())
        await asyncio.wait_for(told.wait(), 5)

    server = with_server(scenario)
    assert server.fields("OriginateResponse")[0]["Reason"] == "3"
    assert server.fields("Hangup")[0]["Cause"] == "19"


def test_a_synchronous_originate_to_an_application() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        server.sip.scripts["bob"] = lambda channel: channel.queue_control(Control.ANSWER)
        call = await manager.run("Originate", Channel="PJSIP/bob", Application="NoOp", Data="x", ChannelId="mine")
        assert call.answer == ("Success", "Originate successfully queued")
        assert server.sip.made[0].uniqueid == "mine"
        server.sip.scripts["bob"] = lambda channel: channel.queue_hangup(17)
        call = await manager.run("Originate", Channel="PJSIP/bob", Application="NoOp")
        assert call.answer == ("Error", "Originate failed")

    with_server(scenario)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Channel": ""}, "Channel not specified"),
        ({"Channel": "nochan"}, "Invalid channel"),
        ({"Channel": "PJSIP/nosuch", "Async": ""}, "Originate failed"),
        ({"Exten": "nope"}, "Extension does not exist."),
        ({"Exten": "", "Context": "", "Priority": ""}, "Originate with 'Exten' requires 'Context' and 'Priority'"),
        ({"Priority": "xx"}, "Invalid priority"),
        ({"Timeout": "xx"}, "Invalid timeout"),
    ],
)
def test_originates_that_are_wrong(change: dict[str, str], message: str) -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        assert (await manager.run("Originate", **{**ORIGINATE, **change})).answer == ("Error", message)
        assert server.sip.made == []

    with_server(scenario)


def test_originating_into_the_shell_needs_the_class_system() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        call = await manager.run(
            "Originate", classes=("originate",), Channel="PJSIP/bob", Application="System", Data="id"
        )
        assert call.answer is not None
        assert call.answer[0] == "Error"

    with_server(scenario)


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
        call = await manager.run("Redirect", Channel=alice.name, ExtraChannel=bob.name, **place)
        assert call.answer is not None
        assert call.answer[0] == "Success"
        await settle()
        assert (alice.application, bob.application) == ("Echo", "Echo")
        assert alice.task is not None
        assert bob.task is not None
        hung = await manager.run("Hangup", Channel="/^PJSIP/.*$/")
        assert [name for name, _ in hung.items] == ["ChannelHungup", "ChannelHungup", "ChannelsHungupListComplete"]

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
def test_actions_that_are_wrong(name: str, fields: dict[str, str], message: str) -> None:
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
        assert fields["BridgeID"] == bob.bridge.uniqueid  # type: ignore[union-attr]
        assert listed.items[-1] == ("StatusComplete", {"Items": "2"})
        listed = await manager.run("CoreShowChannelMap", Channel=alice.name)
        assert listed.items[0][1] == {"Channel": alice.name, "ConnectedChannel": bob.name}
        listed = await manager.run("BridgeInfo", BridgeUniqueid=bob.bridge.uniqueid)  # type: ignore[union-attr]
        assert [fields.get("Channel") for _, fields in listed.items[:2]] == [alice.name, bob.name]
        alice.queue_hangup(16)

    with_server(scenario)


def test_the_console_originates() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        server.sip.scripts["bob"] = lambda channel: channel.queue_control(Control.ANSWER)
        command = manager.commands["channel originate"]
        assert command(CommandCall(["PJSIP/bob", "extension", "771@internal"], lambda _: None)) == ""
        await settle()
        assert server.sip.made[0].application == "Echo"
        server.sip.made[0].soft_hangup()
        with pytest.raises(UsageError):
            command(CommandCall(["PJSIP/bob"], lambda _: None))

    with_server(scenario)


def test_variables_of_an_originate() -> None:
    assert parse_variables(["A=1", "__B=2,C=x=y", "=bad", "none"]) == [("A", "1"), ("__B", "2"), ("C", "x=y")]
