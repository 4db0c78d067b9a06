"""What becomes of the parties when the conversation is over."""

from __future__ import annotations

import pytest
from dial_kit import dialling, run
from fake_technology import FakeServer, settle

from asterism.pbx.bridges.bridge import MIXING, Bridge
from asterism.pbx.vocabulary.controls import Control


@pytest.mark.parametrize("caller_first", [True, False])
def test_with_option_e_the_called_channel_runs_h(caller_first: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("h", 1, "NoOp", "over"))
        alice = await dialling(server, "PJSIP/bob,20,e")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle()
        (alice if caller_first else bob).queue_hangup(16)
        await settle(40)
        ran = {event["Channel"] for event in server.fields("Newexten") if event["Application"] == "NoOp"}
        assert ran == {alice.name, bob.name}
        assert bob.dead
        assert {event["Channel"] for event in server.fields("SoftHangupRequest")} == {alice.name}

    run(scenario)


def test_the_end_of_the_time_takes_the_called_one_out_first() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,S(0.02)g", "Echo")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle()
        await alice.park(0.1, 0)
        assert [event["Channel"] for event in server.fields("BridgeLeave")] == [bob.name, alice.name]
        assert (bob.hangup_cause, alice.application) == (16, "Echo")
        assert server.fields("SoftHangupRequest") == []

    run(scenario)


def test_a_caller_that_is_in_a_bridge_already_stays_there() -> None:
    """As where the menu of a conference runs Dial."""

    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,g", "Echo")
        room = Bridge(server.pbx, uses=MIXING, kind="base", dissolve=False)
        room.enter(alice)
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle()
        assert bob.dead
        assert alice.bridge is room
        assert list(server.pbx.bridges.values()) == [room]
        assert alice.application == "Echo"
        room.dismiss()

    run(scenario)
