"""Pickup and PickupChan: which call is meant."""

from __future__ import annotations

import pytest
from dial_kit import log_of
from fake_technology import FakeServer, settle
from pickup_kit import picker, ringing, run

from asterism.pbx.vocabulary.controls import ChannelState


@pytest.mark.parametrize(
    ("application", "args"),
    [
        ("Pickup", "1@phones"),
        ("Pickup", "nosuch&1"),
        ("Pickup", "marked@PICKUPMARK"),
        ("PickupChan", "PJSIP/bob"),
        ("PickupChan", "PJSIP/nobody&PJSIP/bob"),
        ("PickupChan", "PJSIP/b,p"),
    ],
)
def test_who_picks_up_talks_to_the_caller(application: str, args: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await ringing(server)
        bob.set_variable("PICKUPMARK", "marked")
        carol = await picker(server, args.replace("phones", alice.context), application)
        assert carol.state is ChannelState.UP
        assert alice.bridge is carol.bridge is not None
        assert carol.task is None
        assert alice.connected.number == "6003"
        assert log_of(bob)[-1] == ("hangup", 26)
        assert (alice.variables["DIALSTATUS"], alice.variables["DIALEDPEERNAME"]) == ("ANSWER", carol.name)
        assert alice.variables["DIALEDPEERNUMBER"] == "bob"
        (told,) = server.fields("Pickup")
        assert (told["Channel"], told["Exten"], told["TargetChannel"]) == (carol.name, "7500", bob.name)
        (end,) = server.fields("DialEnd")
        assert (end["DialStatus"], end["DestChannel"]) == ("ANSWER", carol.name)
        alice.queue_hangup()
        await settle()
        assert carol.dead
        assert [event["Channel"] for event in server.fields("Hangup")].count(carol.name) == 1

    run(scenario)
