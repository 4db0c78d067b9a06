"""What a called channel is told of its caller."""

from __future__ import annotations

import pytest
from dial_kit import dialling, run
from fake_technology import FakeServer, settle

from asterism.pbx.dialplan.applications.dial.called import shown_caller
from asterism.pbx.dialplan.applications.dial.options import parse_options
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PartyId

ALICE = PartyId("6001", "Alice")


@pytest.mark.parametrize(
    ("options", "number", "tag", "private"),
    [
        ("", "6001", "", False),
        ("f", "6001", "", False),
        ('f("Forced" <7777>)', "7777", "", False),
        ("s(mine)", "6001", "mine", False),
        ("u(prohib)", "6001", "", True),
        ("f(7777)s(mine)u(prohib)", "7777", "mine", True),
    ],
)
def test_the_caller_that_is_shown(options: str, number: str, tag: str, private: bool) -> None:
    shown = shown_caller(ALICE, parse_options(options))
    assert (shown.number, shown.tag, shown.private) == (number, tag, private)


def test_a_subroutine_before_the_call_that_hangs_up_leaves_the_others() -> None:
    async def scenario(server: FakeServer) -> None:
        server.pbx.dialplan.add_extension(server.owner, "before", "s", 1, "Hangup", "")
        alice = await dialling(server, "PJSIP/bob,20,b(before^s^1)", "Echo")
        (bob,) = server.sip.made
        await settle()
        assert bob.dead
        assert alice.application == "Echo"
        assert server.names().count("DialBegin") == 0

    run(scenario)


def test_each_called_channel_is_shown_as_a_called_one_behind_its_subroutine() -> None:
    async def scenario(server: FakeServer) -> None:
        server.pbx.dialplan.add_extension(server.owner, "before", "s", 1, "NoOp", "")
        await dialling(server, "PJSIP/bob,20,b(before^s^1)")
        (bob,) = server.sip.made
        bob.queue_control(Control.RINGING)
        told = [event["Application"] for event in server.fields("Newexten") if event["Channel"] == bob.name]
        assert told == ["AppDial", "NoOp", "AppDial"]
        assert (bob.application, bob.exten) == ("AppDial", "1")

    run(scenario)
