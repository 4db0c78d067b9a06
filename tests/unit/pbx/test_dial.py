"""Dial: several destinations, options, who is told what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, settle
from test_events_call import make_server, talk

from asterism.media.formats import ULAW
from asterism.pbx.calls.dialing import DialResult
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.dial_options import parse_options, split_options
from asterism.pbx.dialplan.language.places import Place, parse_place
from asterism.pbx.vocabulary.controls import ChannelState, Control, DialStatus
from asterism.pbx.vocabulary.party import PartyId, Redirecting


def run(scenario: Any) -> FakeServer:
    async def main() -> FakeServer:
        server = make_server()
        server.sip.phones["carol"] = PartyId("6003", "Carol")
        await scenario(server)
        for channel in server.pbx.channels:
            channel.soft_hangup()
        await settle()
        assert len(server.pbx.channels) == 0
        assert not server.pbx.bridges
        return server

    return asyncio.run(main())


async def dialling(server: FakeServer, args: str, after: str = "") -> Channel:
    """Alice dials by ``args``; ``after`` is the application of the next priority."""
    server.dialplan(("1", 1, "Dial", args))
    if after:
        server.dialplan(("1", 2, after, ""))
    alice = server.sip.incoming("alice", "1", accountcode="acct")
    server.pbx.start(alice)
    await settle()
    return alice


def log_of(channel: Channel) -> list[Any]:
    return channel.driver.log  # type: ignore[union-attr]


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
        assert alice.driver.indicated() == [Control.RINGING]  # type: ignore[union-attr]
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
        assert (Control.CONNECTED_LINE in alice.driver.indicated()) is shown  # type: ignore[union-attr]

    run(scenario)


def test_busy_outweighs_other_failures() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob&PJSIP/carol&PJSIP/nobody,20", "Echo")
        bob, carol = server.sip.made
        bob.queue_hangup(17)
        await settle()
        assert alice.variables["DIALSTATUS"] == ""
        carol.queue_hangup(34)
        await settle()
        assert alice.variables["DIALSTATUS"] == "BUSY"
        assert alice.hangup_cause == 34

    run(scenario)


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (17, "BUSY"),
        (34, "CONGESTION"),
        (19, "NOANSWER"),
        (18, "CHANUNAVAIL"),
        (21, "CHANUNAVAIL"),
        (127, "CHANUNAVAIL"),
    ],
)
def test_status_by_cause(cause: int, status: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob", "Echo")
        server.sip.made[0].queue_hangup(cause)
        await settle()
        assert (alice.variables["DIALSTATUS"], alice.hangup_cause) == (status, cause)

    run(scenario)


@pytest.mark.parametrize(("args", "cause"), [("PJSIP/frank", 3), ("SIP/bob", 66), ("bob", 66)])
def test_destinations_that_cannot_be_called(args: str, cause: int) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, args, "Echo")
        assert (alice.variables["DIALSTATUS"], alice.hangup_cause) == ("CHANUNAVAIL", cause)
        assert alice.application == "Echo"

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
        assert alice.driver.indicated() == [Control.PROGRESS]  # type: ignore[union-attr]
        assert bob.driver.media.relayed_to is alice.driver.media  # type: ignore[union-attr]
        bob.queue_hangup(17)
        assert alice.driver.media.relayed_to is None  # type: ignore[union-attr]

    run(scenario)


def test_option_r_rings_at_once_without_early_media() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = await dialling(server, "PJSIP/bob,20,r")
        server.sip.made[0].queue_control(Control.PROGRESS)
        assert alice.driver.indicated() == [Control.RINGING]  # type: ignore[union-attr]

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
        assert (alice.variables["DIALSTATUS"], alice.hangup_cause) == ("BUSY", 17)
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


def test_a_forward_is_followed_unless_told_not_to() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20", "Echo")
        server.sip.made[0].queue_control(Control.FORWARD, "PJSIP/carol")
        await settle()
        bob, carol = server.sip.made
        assert bob.dead
        assert server.fields("DialEnd")[0]["Forward"] == "PJSIP/carol"
        carol.queue_control(Control.FORWARD, "PJSIP/nobody")
        await settle()
        assert (alice.variables["DIALSTATUS"], alice.hangup_cause) == ("CHANUNAVAIL", 0)

    run(scenario)


def test_a_forward_with_option_i() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,i", "Echo")
        server.sip.made[0].queue_control(Control.FORWARD, "PJSIP/carol")
        await settle()
        assert (alice.variables["DIALSTATUS"], alice.hangup_cause) == ("BUSY", 0)

    run(scenario)


@pytest.mark.parametrize("circle", [["bob"], ["carol", "bob"]])
def test_forwarding_in_a_circle_tries_nobody_twice(circle: list[str]) -> None:
    async def scenario(server: FakeServer) -> None:
        for name, target in zip(["bob", *circle], circle, strict=False):
            server.sip.scripts[name] = lambda channel, target=target: channel.queue_control(
                Control.FORWARD, f"PJSIP/{target}"
            )
        alice = await dialling(server, "PJSIP/bob,20", "Echo")
        await settle(100)
        assert alice.variables["DIALSTATUS"] == "CHANUNAVAIL"
        assert len(server.sip.made) == len(circle)

    run(scenario)


def test_a_chain_of_forwards_ends() -> None:
    async def scenario(server: FakeServer) -> None:
        for number in range(50):
            server.sip.phones[f"n{number}"] = PartyId(f"{number}")
            server.sip.scripts[f"n{number}"] = lambda channel, number=number: channel.queue_control(
                Control.FORWARD, f"PJSIP/n{number + 1}"
            )
        alice = await dialling(server, "PJSIP/n0,20", "Echo")
        await settle(100)
        assert alice.variables["DIALSTATUS"] == "CHANUNAVAIL"
        assert len(server.sip.made) == 21

    run(scenario)


@pytest.mark.parametrize(
    ("causes", "status"),
    [
        ((17, 34), "BUSY"),
        ((34, 1), "CONGESTION"),
        ((17, 1), "BUSY"),
        ((17, 19), "NOANSWER"),
        ((19, 17), "NOANSWER"),
        ((34, 16), "NOANSWER"),
        ((19, 19), "NOANSWER"),
        ((1, 127), "CHANUNAVAIL"),
        ((17, None), "NOANSWER"),
        ((1, None), "NOANSWER"),
    ],
)
def test_only_where_all_destinations_failed_it_is_told_how(causes: tuple[int | None, ...], status: str) -> None:
    """As Asterisk counts: "Everyone is busy/congested at this time (2:1/0/0)" is not everyone, so nobody answered."""

    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob&PJSIP/carol,0.05", "Echo")
        for channel, cause in zip(list(server.sip.made), causes, strict=True):
            if cause is not None:
                channel.queue_hangup(cause)
            await settle()
        for _ in range(100):
            if alice.variables["DIALSTATUS"]:
                break
            await asyncio.sleep(0.005)
        assert alice.variables["DIALSTATUS"] == status

    run(scenario)


def test_a_diversion_is_told_to_the_caller_of_one_destination() -> None:
    for names, expected in ((["bob"], 1), (["bob", "carol"], 0)):

        async def scenario(server: FakeServer, names: list[str] = names, expected: int = expected) -> None:
            alice = await dialling(server, "&".join(f"PJSIP/{name}" for name in names) + ",20")
            server.sip.made[0].queue_control(Control.REDIRECTING, Redirecting(from_=PartyId("6002")))
            await settle()
            assert alice.driver.indicated().count(Control.REDIRECTING) == expected  # type: ignore[union-attr]

        run(scenario)


def test_the_api_for_extensions_in_python() -> None:
    results: list[DialResult] = []

    async def scenario(server: FakeServer) -> None:
        @server.pbx.extension("internal", "2")
        async def call(channel: Channel) -> None:
            results.append(await channel.dial("PJSIP/bob", timeout=0.01))
            results.append(await channel.dial("PJSIP/carol"))

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


def test_answer_and_hangup_in_one_breath() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20")
        bob = server.sip.made[0]
        bob.queue_control(Control.ANSWER)
        bob.queue_hangup(16)
        await settle()
        assert alice.dead
        assert bob.dead

    run(scenario)


def test_answer_and_cancel_in_one_breath() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20")
        bob = server.sip.made[0]
        bob.queue_control(Control.ANSWER)
        alice.queue_hangup(127)
        await settle()
        assert alice.dead
        assert bob.dead

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
        alice.queue_digit_begin("6", relayed=True)
        alice.queue_digit("6", 120, relayed=True)
        assert log_of(bob)[-1] == ("digit", "5", 120)
        assert [(e["Channel"], e["Direction"]) for e in server.fields("DTMFEnd")[-2:]] == [
            (alice.name, "Received"), (bob.name, "Sent"),
        ]  # fmt: skip

    run(scenario)


def test_option_text() -> None:
    assert split_options("Ttb(a^b(c)^1)r") == [("T", None), ("t", None), ("b", "a^b(c)^1"), ("r", None)]
    assert parse_place("ctx^s^1(x^y)") == Place("ctx", "s", 1, ("x", "y"))
    assert parse_place("5") == Place("", "", 5)
    assert parse_options("L(5000:1000)").problems == ("the warnings of option L are not played",)
    assert parse_options("S(5)L(2000)").limit == 2.0
    assert parse_options("Q(none)").losers_cause == 0
    assert parse_options("Q(USER_BUSY)").losers_cause == 17
    assert parse_options("zS(x)").problems == ("option 'z' is not supported", "option S needs seconds")


@pytest.mark.parametrize(
    ("text", "args"), [("sub,s,1(a,b)", ("a", "b")), ("sub^s^1(a^b)", ("a", "b")), ("sub,s,1", ())]
)
def test_a_place_in_options_is_written_with_commas_or_carets(text: str, args: tuple[str, ...]) -> None:
    assert parse_place(text) == Place("sub", "s", 1, args)
