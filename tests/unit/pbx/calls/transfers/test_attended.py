"""Attended transfers: the other parties of two calls, connected in every combination."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fake_technology import FakeServer, settle
from transfer_kit import Asked, bridge_of, connect, far, hung_up, recorded, run, three, together

from asterism.pbx.calls.transfers.attended import attended
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import ChannelState, Control


def rings(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)


@pytest.mark.parametrize("second_by_caller", [True, False])
@pytest.mark.parametrize("first_by_caller", [True, False])
def test_two_calls_of_two(first_by_caller: bool, second_by_caller: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        first, bob = await connect(server, *(("alice", "bob") if first_by_caller else ("bob", "alice")))
        second, carol = await connect(server, *(("alice", "carol") if second_by_caller else ("carol", "alice")))
        if not first_by_caller:
            first, bob = bob, first
        if not second_by_caller:
            second, carol = carol, second
        asked = Asked()
        assert attended(first, second, outcome=asked) is TransferResult.SUCCESS
        await settle(40)
        assert together(bob, carol)
        assert hung_up(first)
        assert hung_up(second)
        assert asked.final == 200
        assert (bob.connected.number, carol.connected.number) == ("6003", "6002")
        assert bob.linkedid == carol.linkedid
        assert Control.CONNECTED_LINE in far(bob).indicated()
        assert Control.CONNECTED_LINE in far(carol).indicated()
        assert bob.get_variable("ATTENDEDTRANSFER") is None
        assert (first.hangup_cause, second.hangup_cause) == (16, 16)
        bob.queue_hangup(16)
        await settle(40)
        assert hung_up(carol)

    run(scenario)


def test_the_event_is_the_recorded_one() -> None:
    async def scenario(server: FakeServer) -> None:
        first, _ = await connect(server, "alice", "bob")
        second, _ = await connect(server, "alice", "carol")
        attended(first, second)
        await settle(40)

    server = run(scenario)
    (event,) = server.fields("AttendedTransfer")
    wanted = next(one for one in recorded("attended transfer") if one["Event"] == "AttendedTransfer")
    del wanted["Event"], wanted["Privilege"]
    assert list(event) == list(wanted)
    differs = re.compile("Uniqueid|Linkedid|Channel$|Name$|Account|Technology$")
    for name, value in wanted.items():
        if not differs.search(name):
            assert event[name] == value, name


def test_the_order_of_events_is_the_recorded_one() -> None:
    async def scenario(server: FakeServer) -> None:
        first, _ = await connect(server, "alice", "bob")
        second, _ = await connect(server, "alice", "carol")
        begin = len(server.recorded)
        attended(first, second)
        await settle(40)
        server.kept = server.recorded[begin:]  # type: ignore[attr-defined]

    server: Any = run(scenario)
    ours = _shape([(kind.name, {key: str(value) for key, value in fields}) for kind, fields in server.kept])
    theirs = _shape([(event["Event"], event) for event in recorded("attended transfer")])
    assert ours == theirs


def _shape(events: list[tuple[str, dict[str, str]]]) -> list[str]:
    """What is told of bridges and channels, without what other threads of the recorded server tell meanwhile."""
    kinds = ("Unhold", "BridgeLeave", "BridgeEnter", "AttendedTransfer", "BridgeDestroy", "Hangup")
    return [f"{kind} {event.get('Channel', '').rpartition('-')[0]}" for kind, event in events if kind in kinds]


def test_it_rings_yet() -> None:
    """T12: the second call rings; the party takes the transferer's place in it."""

    async def scenario(server: FakeServer) -> None:
        first, bob = await connect(server, "alice", "bob")
        server.sip.scripts["carol"] = rings
        second = server.sip.incoming("alice", "6003")
        server.pbx.start(second)
        await settle(30)
        carol = server.sip.made[-1]
        phone: Any = far(second)
        bobs_phone: Any = far(bob)
        asked = Asked()
        assert attended(first, second, outcome=asked) is TransferResult.SUCCESS
        await settle(40)
        assert far(second) is bobs_phone
        assert second.state is ChannelState.UP
        assert ("hangup", 16) in phone.log
        assert first.dead
        assert bob.dead
        assert ("hangup", 16) not in bobs_phone.log
        assert bobs_phone.indicated()[-1] in (Control.RINGING, Control.CONNECTED_LINE)
        assert Control.RINGING in bobs_phone.indicated()
        assert carol.connected.number == "6002"
        assert (asked.told, asked.final) == ([180], None)
        carol.queue_control(Control.ANSWER)
        await settle(40)
        assert together(second, carol)
        assert asked.final == 200
        assert second.name.startswith("PJSIP/bob-")
        assert second.linkedid == carol.linkedid == first.uniqueid  # the oldest of all

    server = run(scenario)
    (event,) = server.fields("AttendedTransfer")
    assert (event["DestType"], event["DestApp"]) == ("App", "Dial")
    assert len(server.fields("Rename")) == 2


@pytest.mark.parametrize("who", ["target", "transferee"])
def test_it_rings_and_nobody_answers(who: str) -> None:
    """T13 and T14."""

    async def scenario(server: FakeServer) -> None:
        first, _ = await connect(server, "alice", "bob")
        server.sip.scripts["carol"] = rings
        second = server.sip.incoming("alice", "6003")
        server.pbx.start(second)
        await settle(30)
        carol = server.sip.made[-1]
        asked = Asked()
        attended(first, second, outcome=asked)
        await settle(40)
        (carol if who == "target" else second).queue_hangup(17 if who == "target" else 16)
        await settle(40)
        assert asked.final == (486 if who == "target" else 487)

    run(scenario)


@pytest.mark.parametrize("bridged_first", [True, False])
def test_the_other_call_is_an_application(bridged_first: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        first, bob = await connect(server, "alice", "bob")
        second = server.sip.incoming("alice", "600")
        server.pbx.start(second)
        await settle(30)
        bobs_phone = far(bob)
        asked = Asked()
        pair = (first, second) if bridged_first else (second, first)
        assert attended(*pair, outcome=asked) is TransferResult.SUCCESS
        await settle(40)
        assert far(second) is bobs_phone
        assert (second.application, second.caller.number) == ("Wait", "6002")
        assert first.dead
        assert bob.dead
        assert asked.final == 200
        assert server.pbx.channels.get(second.name) is second

    (event,) = run(scenario).fields("AttendedTransfer")
    assert (event["DestType"], event["DestApp"]) == ("App", "Wait")


def test_several_parties_and_an_application() -> None:
    """They are linked to it by a Local channel."""

    async def scenario(server: FakeServer) -> None:
        alice, bob, dave = await three(server)
        second = server.sip.incoming("bob", "600")
        server.pbx.start(second)
        await settle(30)
        assert attended(bob, second) is TransferResult.SUCCESS
        await settle(40)
        assert bob.dead
        assert second.alive
        assert second.name.startswith("Local/")
        bridge: Any = alice.bridge
        assert [one.name.partition("/")[0] for one in bridge.members] == ["PJSIP", "PJSIP", "Local"]
        assert dave in bridge.members

    (event,) = run(scenario).fields("AttendedTransfer")
    assert event["DestType"] == "Link"
    assert event["LocalTwoChannel"].endswith(";2")


def test_several_parties_on_both_sides() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob, dave = await three(server)
        second, carol = await connect(server, "bob", "carol")
        eve = server.sip.incoming("dave", "601")
        server.pbx.start(eve)
        await settle()
        eve.raw_answer()
        bridge_of(second).enter(eve, on_leave=lambda *_: eve.soft_hangup())
        assert attended(bob, second) is TransferResult.SUCCESS
        await settle(40)
        assert together(alice, dave, carol, eve)
        assert hung_up(bob)
        assert hung_up(second)

    server = run(scenario)
    assert len(server.fields("BridgeMerge")) == 1
    assert "TransfereeChannel" not in server.fields("AttendedTransfer")[0]


def test_several_parties_and_one() -> None:
    """Whoever is alone comes to the others."""

    async def scenario(server: FakeServer) -> None:
        alice, bob, dave = await three(server)
        second, carol = await connect(server, "bob", "carol")
        assert attended(bob, second) is TransferResult.SUCCESS
        await settle(40)
        assert together(alice, dave, carol)
        assert hung_up(bob)
        assert hung_up(second)

    run(scenario)


def test_what_cannot_be_transferred() -> None:
    async def scenario(server: FakeServer) -> None:
        first, bob = await connect(server, "alice", "bob")
        assert attended(first, first) is TransferResult.FAIL
        assert attended(first, bob) is TransferResult.FAIL
        alone, other = server.sip.incoming("alice", "600"), server.sip.incoming("alice", "600")
        server.pbx.start(alone)
        server.pbx.start(other)
        await settle(20)
        assert attended(alone, other) is TransferResult.FAIL
        assert together(first, bob)
        assert alone.alive
        alone.queue_hangup(16)
        assert attended(first, alone) is TransferResult.FAIL
        await settle(20)
        assert together(first, bob)

    run(scenario)
