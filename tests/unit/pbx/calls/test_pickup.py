"""Pickup: a channel answers for another that is still being called."""

from __future__ import annotations

import pytest
from dial_kit import log_of
from fake_technology import FakeServer, settle
from pickup_kit import picker, ringing, run

from asterism.pbx.calls.pickup import find, pick_up, shares_group, waiting
from asterism.pbx.vocabulary.controls import Control


@pytest.mark.parametrize(
    ("bobs", "carols", "found"),
    [
        ({"call_group": 2}, {"pickup_group": 6}, True),
        ({"call_group": 2}, {"pickup_group": 4}, False),
        ({"named_call_group": frozenset({"sales"})}, {"named_pickup_group": frozenset({"it", "sales"})}, True),
        ({"named_call_group": frozenset({"sales"})}, {"named_pickup_group": frozenset({"Sales"})}, False),
        ({}, {}, False),
    ],
)
def test_without_an_extension_the_groups_decide(bobs: dict, carols: dict, found: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await ringing(server)
        for name, value in bobs.items():
            setattr(bob, name, value)
        carol = await picker(server, "", **carols)
        assert (alice.bridge is not None) is found
        assert (carol.application == "Echo") is not found

    run(scenario)


def test_the_call_that_rings_longest_is_picked_up() -> None:
    async def scenario(server: FakeServer) -> None:
        await ringing(server)
        server.pbx.start(server.sip.incoming("dave", "1"))
        await settle()
        first, second = server.sip.made
        for one in (first, second):
            one.call_group = 1
        second.created, first.created = first.created, second.created + 1
        carol = await picker(server, "", pickup_group=1)
        assert carol.bridge is not None
        assert second.dead
        assert not first.dead

    run(scenario)


def test_the_other_phones_of_the_call_stop_ringing() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await ringing(server, "PJSIP/bob&PJSIP/dave,20")
        dave = server.sip.made[1]
        carol = await picker(server, "PJSIP/bob", "PickupChan")
        assert alice.bridge is carol.bridge is not None
        assert bob.dead
        assert log_of(dave)[-1] == ("hangup", 26)

    run(scenario)


def test_nothing_that_rings_lets_the_dialplan_go_on() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await ringing(server)
        bob.queue_control(Control.ANSWER)
        await settle()
        carol = await picker(server, f"1@{alice.context}")
        assert carol.application == "Echo"
        assert not server.fields("Pickup")
        assert alice.bridge is bob.bridge is not None

    run(scenario)


def test_two_that_pick_up_the_same_call() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, _ = await ringing(server)
        server.dialplan(("7500", 1, "Pickup", f"1@{alice.context}"), ("7500", 2, "Echo", ""))
        both = [server.sip.incoming(name, "7500") for name in ("carol", "dave")]
        for one in both:
            server.pbx.start(one)
        await settle()
        assert [one.bridge is alice.bridge for one in both] == [True, False]
        assert both[1].application == "Echo"

    run(scenario)


def test_the_caller_gives_up_while_another_picks_up() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await ringing(server)
        server.dialplan(("7500", 1, "Pickup", f"1@{alice.context}"))
        carol = server.sip.incoming("carol", "7500")
        server.pbx.start(carol)
        alice.queue_hangup()
        await settle()
        assert carol.dead
        assert bob.dead

    run(scenario)


def test_who_is_called_runs_h_before_it_ends() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await ringing(server)
        server.dialplan(("h", 1, "NoOp", "hangup"))
        await picker(server, f"1@{alice.context}")
        assert (bob.told_place, bob.hangup_cause) == ((alice.context, "h", 1), 26)
        assert bob.application == "AppDial"  # as before it ran anything

    run(scenario)


def test_a_channel_of_no_call_of_its_own_picks_up_nothing() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await ringing(server)
        carol = server.sip.incoming("carol", "7500")
        assert waiting(server.pbx.channels, carol) == [bob]
        assert find(carol, lambda target: shares_group(target, carol)) is None
        with pytest.raises(RuntimeError):
            pick_up(carol, bob)
        with pytest.raises(RuntimeError):
            pick_up(bob, alice)
        carol.hang_up()

    run(scenario)
