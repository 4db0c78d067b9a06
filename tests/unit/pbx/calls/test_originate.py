"""Originate and the other manager actions on channels: answers and events as recorded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_manager import ORIGINATE, Manager, with_server
from fake_technology import FakeServer, recorded_section, settle
from test_events_call import FLOATING, as_dicts

from asterism.core.commands import CommandCall
from asterism.core.documentation import Documentation
from asterism.core.errors import UsageError
from asterism.media.formats import ALAW, ULAW
from asterism.pbx.calls.originate import parse_variables
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.events import ORIGINATE_RESPONSE
from asterism.pbx.vocabulary.marks import Function


def test_an_asynchronous_originate_and_a_hangup() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        call = await manager.run("Originate", **ORIGINATE, CallerID='"Orig" <1234>', Variable=["A=1"], Timeout="5000")  # type: ignore[arg-type]
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


def test_what_names_a_variable_may_name_a_function_under_the_rules_of_who_asks() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        written: list[tuple[str, str]] = []
        for name, dangerous in (("LANGUAGE", False), ("FILE", True)):
            item = Function(name, None, lambda channel, args, value: written.append((args, value)), dangerous)
            server.pbx.functions.add(server.owner, name, item, Documentation("A test.", name))
        for classes in (("originate",), ("originate", "system")):
            await manager.run(
                "Originate",
                classes,
                **{**ORIGINATE, "Variable": ["LANGUAGE(x)=de", "FILE(/etc/x)=y", "A=1"]},
            )
            await settle()
            bob = server.sip.made[-1]
            assert (bob.variables["A"], "LANGUAGE(x)" in bob.variables) == ("1", False)
            bob.queue_hangup(17)
            await settle()
        assert written == [("x", "de"), ("/etc/x", "y"), ("x", "de")]

    with_server(scenario)


@pytest.mark.parametrize(("cause", "tech", "ends"), [(17, 486, ["BUSY"]), (34, 503, ["CONGESTION"]), (1, 404, [])])
def test_an_originate_that_is_refused(cause: int, tech: int, ends: list[str]) -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        await manager.run("Originate", **ORIGINATE)  # type: ignore[arg-type]
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
        await manager.run("Originate", **{**ORIGINATE, "Timeout": "20"})  # type: ignore[arg-type]
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
def test_originates_that_are_wrong(change: dict[str, Any], message: str) -> None:
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


def test_audio_before_the_answer_counts_as_one_where_asked() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        for number, early in enumerate(("true", "false")):
            await manager.run("Originate", **ORIGINATE, EarlyMedia=early)  # type: ignore[arg-type]
            await settle()
            bob = server.sip.made[number]
            bob.queue_control(Control.PROGRESS)
            await settle()
            assert (bob.application == "Echo") == (early == "true")
            bob.queue_control(Control.ANSWER)
            await settle()
            assert bob.application == "Echo"
            assert bob.state is ChannelState.UP
            bob.soft_hangup()
            await settle()
        assert [one["Reason"] for one in server.fields("OriginateResponse")] == ["4", "4"]

    with_server(scenario)


def test_codecs_are_offered_first_and_unknown_ones_ignored() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        asked: list[Any] = []
        request = server.sip.request
        server.sip.request = lambda one: asked.append(one.formats) or request(one)  # type: ignore[assignment]
        for codecs in ("alaw,ulaw", "bogus, ulaw", "bogus", ""):
            call = await manager.run("Originate", **ORIGINATE, Codecs=codecs)  # type: ignore[arg-type]
            assert call.answer == ("Success", "Originate successfully queued")
            await settle()
        assert asked == [(ALAW, ULAW), (ULAW,), (), ()]
        for bob in server.sip.made:
            bob.soft_hangup()

    with_server(scenario)


@pytest.mark.parametrize("field", ["ChannelId", "OtherChannelId"])
@pytest.mark.parametrize("text", ["x/../../../../tmp/y", "a\0b", "a\x1bb"])
def test_an_id_that_could_name_a_path_or_move_a_terminal_is_refused(field: str, text: str) -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        call = await manager.run("Originate", **ORIGINATE, **{field: text})  # type: ignore[arg-type]
        assert call.answer == ("Error", "Invalid uniqueid")
        assert len(server.pbx.channels) == 0

    with_server(scenario)


@pytest.mark.parametrize("field", ["ChannelId", "OtherChannelId"])
def test_an_id_that_is_in_use_is_refused(field: str) -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        taken = server.sip.incoming("alice", "1")
        call = await manager.run("Originate", **ORIGINATE, **{field: taken.uniqueid})  # type: ignore[arg-type]
        assert call.answer == ("Error", "Uniqueid already in use")
        taken.soft_hangup()

    with_server(scenario)
