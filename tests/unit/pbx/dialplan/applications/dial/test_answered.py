"""Between the answer and the conversation: who is told what, and what a subroutine's result does."""

from __future__ import annotations

import pytest
from dial_kit import dialling, run
from fake_technology import FakeServer, settle

from asterism.core.documentation import Documentation
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.flow import SubroutineReturned


def returns(server: FakeServer, result: str) -> None:
    """A context ``sub`` whose subroutine returns at once, with a GOSUB_RESULT."""

    async def back(channel: Channel, args: str) -> None:
        channel.set_variable("GOSUB_RESULT", args)
        raise SubroutineReturned("")

    server.pbx.register_application("Back", back, Documentation("test"))
    server.pbx.dialplan.add_extension(server.owner, "sub", "s", 1, "Back", result)


@pytest.mark.parametrize(
    ("result", "told", "status", "goes_on"),
    [
        ("", "ANSWER", "ANSWER", False),
        ("BUSY", "BUSY", "BUSY", True),
        ("CONGESTION", "CONGESTION", "CONGESTION", True),
        ("CONTINUE", "CONTINUE", "ANSWER", True),
        ("ABORT", "ABORT", "ANSWER", False),
        ("HANGUP", "HANGUP", "ANSWER", False),
        ("GOTO:internal^771^1", "GOTO:internal,771,1", "ANSWER", True),
        ("GOTO:771^1", "GOTO:771,1", "ANSWER", True),
    ],
)
def test_the_result_of_the_subroutine(result: str, told: str, status: str, goes_on: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        returns(server, result)
        alice = await dialling(server, "PJSIP/bob,20,U(sub)", "Echo")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle()
        assert [event["DialStatus"] for event in server.fields("DialEnd")] == [told]
        assert alice.variables["DIALSTATUS"] == status
        assert bob.dead is (result != "")
        if result:
            assert alice.hangup_cause == 16
            assert (alice.alive and alice.application == "Echo") is goes_on
        if result.startswith("GOTO"):
            assert alice.exten == "771"

    run(scenario)


def test_who_hangs_up_in_the_subroutine_is_not_talked_to() -> None:
    async def scenario(server: FakeServer) -> None:
        server.pbx.dialplan.add_extension(server.owner, "sub", "s", 1, "Echo", "")
        alice = await dialling(server, "PJSIP/bob,20,U(sub)")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle()
        assert alice.state is ChannelState.RING
        bob.queue_hangup(16)
        await settle()
        assert (alice.dead, bob.dead, server.names().count("BridgeEnter")) == (True, True, 0)

    run(scenario)


def test_the_callers_hang_up_ends_the_subroutine() -> None:
    async def scenario(server: FakeServer) -> None:
        server.pbx.dialplan.add_extension(server.owner, "sub", "s", 1, "Echo", "")
        alice = await dialling(server, "PJSIP/bob,20,U(sub)")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle()
        alice.queue_hangup(16)
        await settle()
        assert (alice.dead, bob.dead) == (True, True)
        assert server.fields("DialEnd") == []

    run(scenario)


def test_both_go_on_and_the_caller_is_not_answered() -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("772", 1, "Echo", ""), ("772", 2, "Echo", ""))
        alice = await dialling(server, "PJSIP/bob,20,G(internal^772^1)")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle()
        (end,) = server.fields("DialEnd")
        assert (end["Exten"], end["Priority"], end["DestPriority"]) == ("772", "0", "2")
        assert alice.state is ChannelState.RING
        assert (alice.priority, bob.priority) == (1, 2)

    run(scenario)
