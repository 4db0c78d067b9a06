"""Two channels on their way into one bridge, and the events of the manager's Bridge as recorded."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from bridge_kit import compare
from fake_manager import Manager
from fake_technology import FakeServer, FakeStream, settle
from local_kit import run

from asterism.media.formats import ULAW
from asterism.media.soundfiles import Sounds
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls.bridging import BridgeAction, Guest, Meeting
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import Goto
from asterism.testing import until


def far(channel: Channel) -> Any:
    """The scripted far end of a channel."""
    return channel.driver


async def waiting(server: FakeServer, phone: str, account: str = "") -> Channel:
    """A phone in Wait."""
    server.sip.stream = lambda: FakeStream(ULAW)
    channel = server.sip.incoming(phone, "7010", accountcode=account)
    server.pbx.start(channel)
    await settle()
    return channel


def manager(server: FakeServer) -> Manager:
    found = Manager(server)
    action = BridgeAction()
    action.load(server)  # type: ignore[arg-type]
    found.actions["Bridge"] = action.bridge
    return found


def test_the_events_of_the_managers_bridge() -> None:
    async def scenario(server: FakeServer) -> None:
        server.media = SimpleNamespace(sounds=Sounds())  # type: ignore[attr-defined]
        alice = await waiting(server, "alice", "acc1")
        carol = await waiting(server, "carol")
        call = await manager(server).run("Bridge", Channel1=alice.name, Channel2=carol.name, Tone="both")
        assert call.answer == ("Success", "Channels have been bridged")
        assert alice.bridge is None
        await until(lambda: alice.bridge is not None)  # both have heard the tone
        assert alice.bridge is carol.bridge is not None
        assert (alice.application, alice.priority) == ("", 3)
        carol.queue_hangup(0)
        await settle(60)

    server = run(scenario)
    compare(server, "AMI Bridge of alice (in Wait) and carol (in Wait)", ("Hangup", "NewConnectedLine"))
    shown = [event["Channel"].rpartition("-")[0] for event in server.fields("NewConnectedLine")]
    assert shown == ["PJSIP/carol", "PJSIP/alice"]


async def met(server: FakeServer) -> tuple[Channel, Channel, Channel]:
    """Alice and bob, brought together, and carol with them."""
    channels = [await waiting(server, phone) for phone in ("alice", "bob", "carol")]
    alice, bob, carol = channels
    meeting = Meeting(server.pbx, Guest(alice), Guest(bob))
    meeting.invite(alice)
    meeting.invite(bob)
    await settle(40)
    assert alice.bridge is bob.bridge
    bridge = meeting.bridge
    assert isinstance(bridge, Bridge)
    bridge.enter(carol, on_leave=lambda *_: None)
    return alice, bob, carol


def test_who_stays_with_a_third_party_is_not_let_go() -> None:
    """Its dialplan must not go on while it talks."""

    async def scenario(server: FakeServer) -> None:
        alice, bob, carol = await met(server)
        server.recorded.clear()
        alice.queue_hangup(16)
        await settle(40)
        assert bob.bridge is carol.bridge is not None
        assert bob.alive
        assert not [event for event in server.fields("Newexten") if event["Channel"] == bob.name]
        carol.queue_hangup(16)
        await settle(40)
        assert not bob.alive  # its dialplan went on, and was at its end

    run(scenario)


def test_the_third_party_goes_and_the_two_stay() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob, carol = await met(server)
        carol.queue_hangup(16)
        await settle(40)
        assert alice.bridge is bob.bridge is not None
        assert alice.alive
        assert bob.alive

    run(scenario)


@pytest.mark.parametrize("how", ["hangup", "redirect", "late"])
def test_one_does_not_come(how: str) -> None:
    """Whoever waits for it goes on with its dialplan, however the other one got lost."""

    async def scenario(server: FakeServer) -> None:
        server.dialplan(("7010", 3, "Wait", "30"))
        alice = await waiting(server, "alice")
        bob = await waiting(server, "bob")
        meeting = Meeting(server.pbx, Guest(alice), Guest(bob))
        meeting.invite(alice)
        if how == "late":
            await settle()
            server.sip.made.clear()
            bob.queue_hangup(16)
            meeting.invite(bob)
            meeting.miss(bob)
        else:
            meeting.invite(bob)
            if how == "hangup":
                bob.queue_hangup(16)
            else:
                bob.redirect(Goto("internal", "7010", 1))
        await settle(40)
        assert meeting.bridge is None
        assert alice.alive
        assert (alice.application, alice.priority) == ("Wait", 3)
        assert bob.alive == (how == "redirect")

    run(scenario)


def test_one_hangs_up_at_the_courtesy_tone() -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("7010", 3, "Wait", "30"))
        alice = await waiting(server, "alice")
        bob = await waiting(server, "bob")
        far(bob).answer = lambda: bob.queue_hangup(16)
        bob.state = type(bob.state).RING
        meeting = Meeting(server.pbx, Guest(alice), Guest(bob))
        meeting.invite(alice)
        meeting.invite(bob)
        await settle(40)
        assert meeting.bridge is None
        assert (alice.application, alice.alive) == ("Wait", True)

    run(scenario)


def test_a_called_leg_without_a_dialplan_can_be_redirected_out_of_it() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["bob"] = lambda bob: bob.queue_control(Control.ANSWER)
        alice = server.sip.incoming("alice", "6002")
        server.pbx.start(alice)
        await settle(40)
        (bob,) = server.sip.made
        carol = await waiting(server, "carol")
        meeting = Meeting(server.pbx, Guest(bob), Guest(carol))
        meeting.invite(bob)
        meeting.invite(carol)
        await settle(40)
        assert bob.bridge is carol.bridge is not None
        bob.redirect(Goto("internal", "7010", 1))
        await settle(40)
        assert (bob.alive, bob.application, bob.exten) == (True, "Wait", "7010")

    run(scenario)


def test_who_talks_to_each_other_is_shown_once() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await waiting(server, "alice")
        carol = await waiting(server, "carol")
        alice.connected = carol.caller
        meeting = Meeting(server.pbx, Guest(alice), Guest(carol))
        meeting.invite(alice)
        meeting.invite(carol)
        await settle(40)
        assert [event["Channel"] for event in server.fields("NewConnectedLine")] == [carol.name]

    run(scenario)


def test_it_ends_with_the_code_that_waits_in_it() -> None:
    """A program's ``bridge_with`` that is cancelled takes its channel out."""

    async def scenario(server: FakeServer) -> None:
        from asterism.pbx.calls.bridging import bridge_with

        bob = await waiting(server, "bob")
        alice = server.sip.incoming("alice", "1")
        task = asyncio.ensure_future(bridge_with(alice, bob))
        await settle(40)
        assert alice.bridge is bob.bridge is not None
        task.cancel()
        await settle(40)
        assert alice.bridge is bob.bridge is None
        assert not server.pbx.bridges

    run(scenario)
