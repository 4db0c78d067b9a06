"""Dial: several destinations, options, who is told what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from dial_kit import dialling, log_of, run
from fake_technology import FakeServer, FakeStream, audio_of, set_audio, settle
from test_events_call import talk

from asterism.media.formats import ULAW
from asterism.media.stream import AUDIO
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls.dialing import DialResult
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.technology import ChannelRequest
from asterism.pbx.vocabulary.controls import ChannelState, Control, DialStatus
from asterism.pbx.vocabulary.party import PartyId


def test_the_first_answer_wins_and_the_others_are_told() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob&PJSIP/carol,20")
        bob, carol = server.sip.made
        assert alice.connected == PartyId()
        bob.queue_control(Control.RINGING)
        carol.queue_control(Control.RINGING)
        carol.queue_control(Control.ANSWER)
        await settle()
        assert log_of(bob)[-1] == ("hangup", 26)
        assert alice.bridge is carol.bridge is not None
        assert alice.driver.indicated() == [Control.RINGING]  # type: ignore[attr-defined]
        assert alice.variables["DIALEDPEERNAME"] == carol.name
        assert [event["DialStatus"] for event in server.fields("DialEnd")] == ["ANSWER", "CANCEL"]

    run(scenario)


@pytest.mark.parametrize(("options", "shown"), [("", True), ("I", False)])
def test_option_i_keeps_from_the_caller_who_is_called(options: str, shown: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, f"PJSIP/bob,20,{options}")
        (bob,) = server.sip.made
        assert alice.connected == (bob.caller if shown else PartyId())
        bob.queue_control(Control.CONNECTED_LINE, PartyId("6009", "Desk"))
        await settle()
        assert alice.connected == (PartyId("6009", "Desk") if shown else PartyId())
        assert (Control.CONNECTED_LINE in alice.driver.indicated()) is shown  # type: ignore[attr-defined]

    run(scenario)


def test_option_f_without_a_place_is_the_callers_next_priority_though_it_has_run_h() -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("h", 1, "NoOp", "over"))
        alice = await dialling(server, "PJSIP/bob,20,F", "Echo")
        exten, priority = alice.exten, alice.priority
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle()
        alice.queue_hangup(16)
        await settle()
        assert alice.exten == "h"
        assert (bob.alive, bob.exten, bob.priority, bob.application) == (True, exten, priority + 1, "Echo")

    run(scenario)


def test_option_g_goes_on() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,g", "Echo")
        bob = server.sip.made[0]
        bob.queue_control(Control.ANSWER)
        await settle()
        bob.queue_hangup(16)
        await settle()
        assert alice.application == "Echo"
        assert alice.variables["DIALSTATUS"] == "ANSWER"

    run(scenario)


def test_ringing_and_early_media() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = await dialling(server, "PJSIP/bob,20")
        bob = server.sip.made[0]
        bob.queue_control(Control.PROGRESS)
        assert alice.driver.indicated() == [Control.PROGRESS]  # type: ignore[attr-defined]
        assert audio_of(bob).relayed_to is audio_of(alice)
        bob.queue_hangup(17)
        assert audio_of(alice).relayed_to is None

    run(scenario)


def test_option_r_rings_at_once_without_early_media() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = await dialling(server, "PJSIP/bob,20,r")
        server.sip.made[0].queue_control(Control.PROGRESS)
        assert alice.driver.indicated() == [Control.RINGING]  # type: ignore[attr-defined]

    run(scenario)


def test_subroutines_before_and_after() -> None:
    ran: list[tuple[str, str, str]] = []

    async def scenario(server: FakeServer) -> None:
        from asterism.core.documentation import Documentation
        from asterism.pbx.vocabulary.flow import SubroutineReturned

        async def note(channel: Channel, args: str) -> None:
            ran.append((channel.name.partition("-")[0], channel.get_variable("ARG1") or "", args))

        async def back(channel: Channel, args: str) -> None:
            channel.set_variable("GOSUB_RESULT", args)
            raise SubroutineReturned("")

        server.pbx.register_application("Note", note, Documentation("test"))
        server.pbx.register_application("Back", back, Documentation("test"))
        for context in ("before", "after"):
            server.pbx.dialplan.add_extension(server.owner, context, "s", 1, "Note", context)
            server.pbx.dialplan.add_extension(
                server.owner, context, "s", 2, "Back", "BUSY" if context == "after" else ""
            )
        alice = await dialling(server, "PJSIP/bob,20,b(before^s^1(x))B(before^s^1(y))U(after^z)", "Echo")
        bob = server.sip.made[0]
        bob.queue_control(Control.ANSWER)
        await settle()
        assert ran == [("PJSIP/alice", "y", "before"), ("PJSIP/bob", "x", "before"), ("PJSIP/bob", "z", "after")]
        assert bob.dead
        assert (alice.variables["DIALSTATUS"], alice.hangup_cause) == ("BUSY", 16)
        assert alice.state is ChannelState.RING

    run(scenario)


def test_option_f_sends_the_called_party_on() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,F(internal^771^1)")
        bob = server.sip.made[0]
        bob.queue_control(Control.ANSWER)
        await settle()
        alice.queue_hangup(16)
        await settle()
        assert alice.dead
        assert bob.application == "Echo"

    run(scenario)


def test_option_g_capital_sends_both() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,G(internal^771^1)")
        bob = server.sip.made[0]
        bob.queue_control(Control.ANSWER)
        await settle()
        assert (alice.exten, bob.exten, bob.priority) == ("771", "771", 2)
        assert alice.bridge is None

    run(scenario)


def test_a_limit_ends_the_conversation() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,S(0.02)")
        bob = server.sip.made[0]
        bob.queue_control(Control.ANSWER)
        await settle()
        assert alice.task is not None
        await asyncio.wait_for(alice.task, 5)
        assert bob.dead

    run(scenario)


def test_option_h_ends_by_star() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,H")
        bob = server.sip.made[0]
        bob.queue_control(Control.ANSWER)
        await settle()
        bob.queue_digit("*", 100)
        assert log_of(alice)[-1] == ("digit", "*", 100)
        alice.queue_digit("*", 100)
        await settle()
        assert alice.dead
        assert bob.dead

    run(scenario)


@pytest.mark.parametrize("args", ["", "&&,20", ",20"])
def test_without_a_destination_the_arguments_are_invalid(args: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, args, "Echo")
        assert (alice.variables["DIALSTATUS"], alice.hangup_cause) == ("INVALIDARGS", 0)
        assert alice.application == "Echo"
        assert not server.sip.made

    run(scenario)


def test_the_api_for_extensions_in_python() -> None:
    results: list[DialResult] = []

    async def scenario(server: FakeServer) -> None:
        @server.pbx.extension("internal", "2")
        async def call(channel: Channel) -> None:
            results.append(await channel.dial("PJSIP/bob", timeout=0.01))  # type: ignore[attr-defined]
            results.append(await channel.dial("PJSIP/carol"))  # type: ignore[attr-defined]

        alice = server.sip.incoming("alice", "2")
        server.pbx.start(alice)
        async with asyncio.timeout(5):
            while len(server.sip.made) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        carol = server.sip.made[1]
        carol.queue_control(Control.ANSWER)
        await settle()
        carol.queue_hangup(16)
        await settle()
        assert [result.status for result in results] == [DialStatus.NOANSWER, DialStatus.ANSWER]
        assert results[1].peer == carol.name

    run(scenario)


def test_caller_ids_of_the_called_channel() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.phones["trunk"] = PartyId()
        await dialling(server, "PJSIP/trunk&PJSIP/bob,20,s(tag1)u(prohib)")
        trunk, bob = server.sip.made
        assert trunk.caller.number == "1"
        assert bob.connected.tag == "tag1"
        assert bob.connected.private
        assert bob.accountcode == "acct"
        assert bob.linkedid == trunk.linkedid == server.fields("Newchannel")[0]["Linkedid"]

    run(scenario)


def test_hold_and_digits_reach_the_peer() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await talk(server)
        alice.queue_control(Control.HOLD, "default")
        assert bob.on_hold
        assert log_of(bob)[-1] == ("indicate", Control.HOLD)
        await settle()
        assert {e["Device"]: e["State"] for e in server.fields("DeviceStateChange")}["PJSIP/bob"] == "ONHOLD"
        alice.queue_control(Control.UNHOLD)
        assert not bob.on_hold
        alice.queue_digit("5", 120)
        assert log_of(bob)[-1] == ("digit", "5", 120)
        set_audio(bob, FakeStream(ULAW))
        alice.queue_digit_begin("6", bob.stream)
        alice.queue_digit("6", 120, bob.stream)
        assert log_of(bob)[-1] == ("digit", "5", 120)
        assert [(e["Channel"], e["Direction"]) for e in server.fields("DTMFEnd")[-2:]] == [
            (alice.name, "Received"), (bob.name, "Sent"),
        ]  # fmt: skip

    run(scenario)


@pytest.mark.parametrize(("options", "shown"), [("", "6001"), ("f", "1"), ("f(5550100)", "5550100")])
def test_who_the_target_of_a_forward_is_shown(options: str, shown: str) -> None:
    async def scenario(server: FakeServer) -> None:
        await dialling(server, f"PJSIP/bob,20,{options}")
        bob = server.sip.made[0]
        assert bob.connected.number == ("6001" if "(" not in options else shown)
        bob.queue_control(Control.FORWARD, "PJSIP/carol")
        await settle()
        assert server.sip.made[1].connected.number == shown

    run(scenario)


@pytest.mark.parametrize(("options", "rings_on"), [("", False), ("z", True)])
def test_a_forward_ends_the_timeout_with_option_z(options: str, rings_on: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, f"PJSIP/bob,0.05,{options}", "Echo")
        server.sip.made[0].queue_control(Control.FORWARD, "PJSIP/carol")
        await asyncio.sleep(0.1)
        assert server.sip.made[1].alive == rings_on
        if not rings_on:
            assert alice.variables["DIALSTATUS"] == "NOANSWER"
            return
        server.sip.made[1].queue_control(Control.ANSWER)
        await settle()
        assert alice.variables["DIALSTATUS"] == "ANSWER"

    run(scenario)


@pytest.mark.parametrize(("options", "told"), [("", True), ("I", False)])
def test_option_i_keeps_a_diversion_from_the_caller(options: str, told: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, f"PJSIP/bob,20,{options}")
        bob = server.sip.made[0]
        bob.queue_control(Control.REDIRECTING, None)
        bob.queue_control(Control.CONNECTED_LINE, PartyId("6099"))
        bob.queue_control(Control.FORWARD, "PJSIP/carol")
        await settle()
        shown = [entry[1] for entry in log_of(alice) if entry[0] == "indicate"]
        assert shown.count(Control.REDIRECTING) == (2 if told else 0)
        assert (Control.CONNECTED_LINE in shown) == told

    run(scenario)


@pytest.mark.parametrize("options", ["", "j"])
def test_option_j_offers_what_the_caller_began_with(options: str) -> None:
    now: Any = [(AUDIO, ((ULAW, None),))]
    began: Any = [*now, ("video", ())]

    async def scenario(server: FakeServer) -> None:
        asked: list[object] = []
        make = server.sip.request

        def asks(request: ChannelRequest) -> Channel:
            asked.append(request.requestor.offered if request.requestor else None)
            return make(request)

        server.sip.request = asks
        server.dialplan(("1", 1, "Dial", f"PJSIP/bob,20,{options}"))
        alice = server.sip.incoming("alice", "1")
        driver: Any = alice.driver
        driver.first_offered, driver.offered = began, now
        server.pbx.start(alice)
        await settle()
        assert asked == [began if options else now]
        assert alice.offered == now

    run(scenario)


def test_who_is_in_a_bridge_calls_nobody() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        server.dialplan(("1", 1, "Wait", "30"))
        alice = server.sip.incoming("alice", "1")
        bridge = Bridge(server.pbx)
        bridge.enter(alice)

        async def body(channel: Channel) -> None:
            await server.pbx.dialplan.execute_application(channel, "Dial", "PJSIP/bob,20")

        server.pbx.start(alice, body)
        await settle()
        assert server.sip.made == []
        assert alice.variables["DIALSTATUS"] == "CHANUNAVAIL"

    run(scenario)
