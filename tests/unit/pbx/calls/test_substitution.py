"""A call that takes the place of another: it answers for one that rings, or goes on where another one talked."""

from __future__ import annotations

import pytest
from dial_kit import log_of
from fake_technology import FakeServer, settle
from pickup_kit import ringing, run

from asterism.pbx.bridges.bridge import HOLDING, Bridge, Waiting
from asterism.pbx.calls.substitution import answer_for, may_answer_for, may_be_replaced, take_place
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.errors import Goto

OTHERS = ("VarSet", "NewAccountCode", "DeviceStateChange", "ExtensionStatus")
"""Events that other threads tell in the record, or that are told of the far end."""


async def talking(server: FakeServer, args: str = "PJSIP/bob,20") -> tuple[Channel, Channel]:
    alice, bob = await ringing(server, args)
    bob.queue_control(Control.ANSWER)
    await settle()
    assert alice.bridge is bob.bridge is not None
    return alice, bob


def test_it_answers_for_a_channel_that_rings_as_recorded() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await ringing(server)
        carol = server.sip.incoming("carol", "6002")
        before = len(server.names(*OTHERS))
        assert may_answer_for(bob)
        assert answer_for(carol, bob)
        await settle()
        assert alice.bridge is carol.bridge is not None
        assert bob.dead
        assert (bob.hangup_cause, log_of(bob)[-1]) == (0, ("hangup", 0))
        assert (alice.connected.number, carol.connected.number) == (carol.caller.number, alice.caller.number)
        assert alice.get_variable("DIALEDPEERNAME") == carol.name
        assert server.names(*OTHERS)[before:] == [
            "Newstate", "Unhold", "Newexten", "NewConnectedLine", "DialEnd", "NewConnectedLine", "Newstate",
            "BridgeCreate", "Newexten", "BridgeEnter", "BridgeEnter", "Hangup",
        ]  # fmt: skip
        carol.queue_hangup()
        await settle()
        assert alice.dead

    run(scenario)


def test_it_takes_the_place_of_who_was_called_as_recorded() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await talking(server)
        bridge = alice.bridge
        carol = server.sip.incoming("carol", "6002")
        before = len(server.names(*OTHERS))
        assert may_be_replaced(bob)
        assert take_place(carol, bob)
        await settle()
        assert alice.bridge is carol.bridge is bridge
        assert log_of(bob)[-1] == ("hangup", 16)
        assert server.names(*OTHERS)[before:] == [
            "Newstate", "Unhold", "BridgeLeave", "BridgeEnter", "NewConnectedLine", "NewConnectedLine", "Hangup",
        ]  # fmt: skip
        assert server.fields("BridgeEnter")[-1]["SwapUniqueid"] == bob.uniqueid
        alice.queue_hangup()
        await settle()
        assert log_of(carol)[-1] == ("hangup", 16)

    run(scenario)


def test_it_takes_the_place_of_the_caller() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await talking(server)
        carol = server.sip.incoming("carol", "6002")
        assert take_place(carol, alice)
        await settle()
        assert bob.bridge is carol.bridge is not None
        assert log_of(alice)[-1] == ("hangup", 16)
        carol.queue_hangup()
        await settle()
        assert bob.dead

    run(scenario)


def test_who_cannot_be_answered_changes_nothing() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await ringing(server)
        carol = server.sip.incoming("carol", "6002")
        carol.driver.answer = lambda: carol.queue_hangup(58)
        assert not answer_for(carol, bob)
        assert carol.dead
        assert bob.state is ChannelState.RINGING
        bob.queue_control(Control.ANSWER)
        await settle()
        dave = server.sip.incoming("dave", "6002")
        dave.driver.answer = lambda: dave.queue_hangup(58)
        assert not take_place(dave, bob)
        assert alice.bridge is bob.bridge is not None

    run(scenario)


def test_what_does_not_ring_or_talk_is_not_replaced() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await talking(server)
        carol = server.sip.incoming("carol", "6002")
        assert not may_answer_for(bob)
        with pytest.raises(RuntimeError):
            answer_for(carol, bob)
        assert not may_be_replaced(server.sip.incoming("dave", "6002"))
        alice.soft_hangup()
        await settle()
        assert not may_be_replaced(bob)
        with pytest.raises(RuntimeError):
            take_place(carol, bob)
        for each in server.pbx.channels:
            each.hang_up()

    run(scenario)


def test_an_application_goes_on_with_the_far_end_of_the_newcomer() -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("7600", 1, "Answer", ""), ("7600", 2, "Echo", ""), ("7600", 3, "Set", "after=1"))
        alice = server.sip.incoming("alice", "7600")
        server.pbx.start(alice)
        await settle()
        before = log_of(alice)
        carol = server.sip.incoming("carol", "6002")
        mine = carol.driver
        assert take_place(carol, alice)
        await settle()
        assert (alice.driver, alice.application) == (mine, "Echo")
        assert before[-1] == ("hangup", 16)
        assert carol.dead
        assert alice.name.startswith("PJSIP/carol")
        alice.hang_up()

    run(scenario)


def test_who_waits_in_a_bridge_of_another_kind_is_replaced_there() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "7600")
        alice.raw_answer()
        bridge = Bridge(server.pbx, uses=HOLDING, permanent=True)
        bridge.enter(alice, waiting=Waiting("s"))
        carol = server.sip.incoming("carol", "6002")
        mine = carol.driver
        assert take_place(carol, alice)
        await settle()
        assert alice.bridge is bridge
        assert alice.driver is mine
        bridge.dismiss()
        alice.hang_up()

    run(scenario)


def test_who_took_a_place_may_be_sent_elsewhere() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await talking(server)
        carol = server.sip.incoming("carol", "6002")
        take_place(carol, bob)
        server.dialplan(("7500", 1, "Echo", ""))
        carol.redirect(Goto("internal", "7500", 1))
        await settle()
        assert carol.alive
        assert carol.application == "Echo"
        assert alice.dead

    run(scenario)


def test_the_other_phones_of_the_call_stop_ringing() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await ringing(server, "PJSIP/bob&PJSIP/dave,20")
        dave = server.sip.made[1]
        carol = server.sip.incoming("carol", "6002")
        assert answer_for(carol, bob)
        await settle()
        assert alice.bridge is carol.bridge is not None
        assert (log_of(bob)[-1], log_of(dave)[-1]) == (("hangup", 0), ("hangup", 26))
        alice.queue_hangup()
        await settle()
        assert carol.dead

    run(scenario)


def test_the_caller_has_gone_between() -> None:
    """Dial has let go of the phone: nothing rings for the newcomer any more."""

    async def scenario(server: FakeServer) -> None:
        alice, bob = await ringing(server)
        alice.queue_hangup()
        carol = server.sip.incoming("carol", "6002")
        if may_answer_for(bob):  # until Dial's task has run
            assert answer_for(carol, bob)
        else:
            carol.hang_up()
        await settle()
        assert (alice.dead, bob.dead, carol.dead) == (True, True, True)

    run(scenario)
