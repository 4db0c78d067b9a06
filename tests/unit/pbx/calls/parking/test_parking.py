"""Parking, retrieving and coming back, with the recorded events."""

from __future__ import annotations

import asyncio

import pytest
from fake_technology import settle
from parking_kit import DIGIT, World, compare, parking, shown

from asterism.pbx.calls.parking.errors import LotFullError, ParkingError
from asterism.pbx.calls.parking.parking import MOST_COMEBACKS, Wish
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.playing import music_of
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import Goto


def test_park_and_retrieve_by_the_space() -> None:
    async def scenario(world: World) -> None:
        alice = await world.call("alice", "7400")
        assert world.spaces() == {701: alice.name}
        await asyncio.sleep(1)  # the space is still being said
        world.parking.calls[alice].since -= 1
        carol = await world.call("carol", "701")
        assert world.spaces() == {}
        assert carol.bridge is None
        await asyncio.sleep(0.3)
        assert carol.bridge is alice.bridge is not None
        carol.queue_hangup(0)
        await settle(40)

    compare(
        parking(scenario),
        "Park() by dialplan (7400): alice parks herself, carol picks up",
        "UnParkedCall",
        "BridgeLeave",
    )


def test_the_time_of_who_parked_itself_is_over() -> None:
    async def scenario(world: World) -> None:
        world.begin_at(702)
        alice = await world.call("alice", "7400")
        await asyncio.sleep(3.9)
        assert world.spaces() == {702: alice.name}
        await asyncio.sleep(0.2)
        assert world.spaces() == {}
        assert alice.application == "Dial"
        await asyncio.sleep(0.5)
        other = world.server.sip.made[-1]
        assert other.bridge is alice.bridge is not None
        alice.queue_hangup(16)
        await settle(40)

    compare(
        parking(scenario),
        "Park() by dialplan, time-out: nobody to come back to",
        "ParkedCallTimeOut",
        "NewConnectedLine",
    )


def test_who_is_parked_by_the_other_party_comes_back_to_that_and_a_device_is_told() -> None:
    async def scenario(world: World) -> None:
        world.begin_at(702)
        alice, bob = await world.talking()
        answer = await world.act(
            "Park", Channel=alice.name, TimeoutChannel=bob.name, AnnounceChannel=bob.name, Timeout="3000",
            Parkinglot="default",
        )  # fmt: skip
        assert answer == "Response: Success\nMessage: Park successful"
        assert alice.bridge is not bob.bridge is not None
        await asyncio.sleep(1.1)
        assert bob.alive
        await asyncio.sleep(0.2)
        assert not bob.alive
        assert world.show("default") == shown("parking show default", "parked by AMI")
        await asyncio.sleep(1.5)
        assert world.spaces() == {702: alice.name}
        await asyncio.sleep(1)
        assert alice.bridge is not None
        assert world.listing("park-dial").splitlines()[1].split() == [
            "'PJSIP_bob'",
            "=>",
            "1.",
            "Dial(PJSIP/bob,5)",
            "[res_parking]",
        ]
        alice.queue_hangup(16)
        await settle(40)
        alice = await world.call("alice", "7401")
        await asyncio.sleep(3.01)
        alice.queue_hangup(0)
        await settle(40)

    compare(
        parking(scenario),
        "AMI Park of one leg of a call with AnnounceChannel, TimeoutChannel, Timeout; ParkAndAnnounce (7401)",
        "ParkedCallTimeOut",
        "ParkedCallGiveUp",
    )


def test_a_parked_call_gives_up() -> None:
    async def scenario(world: World) -> None:
        world.begin_at(705)
        alice = await world.call("alice", "7400")
        await asyncio.sleep(1.3)
        alice.queue_hangup(0)
        await settle(40)

    compare(parking(scenario), "parked call gives up: alice hangs up while parked", "ParkedCallGiveUp", "HangupRequest")


def test_a_lot_that_sends_calls_to_a_context() -> None:
    async def scenario(world: World) -> None:
        await world.call("alice", "7402")
        await asyncio.sleep(3.1)

    compare(parking(scenario), "lot2: comebacktoorigin=no, time-out goes to comebackcontext", "ParkedCallTimeOut")


def test_options_of_park_and_retrieval_without_a_space() -> None:
    async def scenario(world: World) -> None:
        world.begin_at(701)
        alice = await world.call("alice", "7403")
        assert "RINGING" in [control.name for control in alice.driver.indicated()]  # type: ignore[attr-defined]
        await asyncio.sleep(1)
        await world.call("carol", "7406")
        await asyncio.sleep(0.5)
        alice.queue_hangup(0)
        await settle(40)

    compare(
        parking(scenario), "Park(default,rst(7000)c(internal,7777,1)), retrieved by ParkedCall(default) (7406)",
        "UnParkedCall", "BridgeLeave", "ParkedCall",
    )  # fmt: skip


def test_nobody_is_parked_and_there_is_no_such_lot() -> None:
    async def scenario(world: World) -> None:
        for exten in ("7405", "7404"):
            carol = await world.call("carol", exten)
            await asyncio.sleep(0.1)
            assert carol.speaks is not None
            carol.queue_hangup(0)
            await settle(40)

    compare(parking(scenario), "ParkedCall of an empty space (7405), Park(nolot)", loose=("Hangup",))


# -- what there is no record of ------------------------------------------------------------------------------


async def gone(world: World, *channels: Channel) -> None:
    """Everybody hangs up."""
    for channel in channels:
        channel.queue_hangup(16)
    await asyncio.sleep(0.5)
    await settle(40)


def test_the_called_party_of_a_dial_is_parked_by_the_caller() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        world.parking.park(bob, alice)
        assert world.spaces() == {701: bob.name}
        await asyncio.sleep(1.3)
        assert not alice.alive
        assert [event["Exten"] for event in world.server.fields("Newexten") if event["Channel"] == alice.name][
            -1
        ] == "h"
        await asyncio.sleep(2.8)
        assert (bob.context, bob.exten, bob.application) == ("park-dial", "PJSIP_alice", "Dial")
        await asyncio.sleep(0.4)
        assert bob.bridge is world.server.sip.made[-1].bridge is not None
        await gone(world, bob)

    parking(scenario)


def test_a_call_that_is_parked_again_comes_back_to_who_parked_it_last() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        world.parking.park(alice, bob)
        await asyncio.sleep(2)
        carol = await world.call("carol", "701")
        await asyncio.sleep(0.3)
        assert carol.bridge is alice.bridge is not None
        world.parking.park(alice, carol)
        await asyncio.sleep(4.5)
        assert alice.exten == "PJSIP_carol"
        await gone(world, alice)

    parking(scenario)


def test_a_channel_that_runs_dialplan_is_fetched_from_it() -> None:
    async def scenario(world: World) -> None:
        alice = await world.call("alice", "7777")
        call = world.parking.park(alice)
        await settle(20)
        assert world.spaces() == {701: alice.name}
        assert call.parker == "PJSIP/alice"
        assert alice.bridge is call.lot.bridge
        carol = await world.call("carol", "7406")
        await asyncio.sleep(0.3)
        assert carol.bridge is alice.bridge is not None
        await gone(world, carol)
        assert not alice.alive  # what it did before was left

    parking(scenario)


def test_one_of_a_call_of_two_is_parked_by_a_third_and_the_call_is_over_for_the_other() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        dave = await world.call("dave", "7777")
        world.parking.park(bob, dave)
        await settle(20)
        assert world.spaces() == {701: bob.name}
        assert not alice.alive
        assert dave.alive
        await asyncio.sleep(4.1)
        assert bob.exten == "PJSIP_dave"
        await gone(world, bob, dave)

    parking(scenario)


def test_a_lot_that_is_full() -> None:
    async def scenario(world: World) -> None:
        world.use("[default]\nparkpos=701-702\nparkingtime=0\n")
        one, two = [await world.call(name, "7400") for name in ("alice", "carol")]
        bob, dave = await world.talking("bob", "6003")
        with pytest.raises(LotFullError):
            world.parking.park(bob, dave)
        assert bob.bridge is dave.bridge is not None
        with pytest.raises(ParkingError):
            world.parking.park(bob, dave, Wish(space=777))
        with pytest.raises(ParkingError):
            world.parking.park(one, dave)
        await asyncio.sleep(1000)
        assert world.spaces() == {701: one.name, 702: two.name}
        await gone(world, one, two, bob)

    parking(scenario)


@pytest.mark.parametrize("state", ["ringing", "hung up", "on its way", "parked"])
def test_what_cannot_be_parked(state: str) -> None:
    async def scenario(world: World) -> None:
        if state == "ringing":
            world.rings("bob")
            alice = await world.call("alice", "6002")
            channel = world.server.sip.made[-1]
        elif state == "parked":
            alice = channel = await world.call("alice", "7400")
        else:
            alice, channel = await world.talking()
            if state == "hung up":
                channel.queue_hangup(16)
            else:
                alice.redirect(Goto("internal", "7777", 1))
                channel = alice
        spaces = world.spaces()
        with pytest.raises(ParkingError):
            world.parking.park(channel, alice)
        assert world.spaces() == spaces
        await settle(20)
        await gone(world, alice)

    parking(scenario)


def test_a_call_that_is_sent_elsewhere_while_it_is_parked() -> None:
    async def scenario(world: World) -> None:
        alice = await world.call("alice", "7400")
        alice.redirect(Goto("internal", "7777", 1))
        await settle(20)
        assert world.spaces() == {}
        assert alice.exten == "7777"
        assert world.server.names().count("ParkedCallGiveUp") == 1
        await gone(world, alice)

    parking(scenario)


def test_a_parked_call_that_was_on_hold_hears_music_of_the_lot_and_is_not_held_any_more() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        bob.queue_control(Control.HOLD)
        assert alice.on_hold
        world.parking.park(alice, bob)
        assert not alice.on_hold
        playing = music_of(alice)
        assert playing is not None
        assert playing.music.name == "two"
        await gone(world, alice, bob)

    parking(scenario)


def test_the_parker_is_told_when_it_has_heard_the_space_and_may_be_kept() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        told: list[float] = []
        began = world.pbx.loop.time()
        world.parking.park(alice, bob, keeps=True, on_told=lambda: told.append(world.pbx.loop.time() - began))
        await asyncio.sleep(3)
        assert told == [pytest.approx(3 * DIGIT, abs=0.1)]
        assert bob.alive
        await gone(world, alice, bob)

    parking(scenario)


def test_a_parker_that_hangs_up_at_once_hears_nothing() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        told: list[bool] = []
        world.parking.park(alice, bob, on_told=lambda: told.append(True))
        bob.queue_hangup(16)
        await settle(20)
        assert told == [True]
        assert world.spaces() == {701: alice.name}
        await gone(world, alice)

    parking(scenario)


def test_a_call_that_comes_back_into_a_lot_again_and_again_ends() -> None:
    async def scenario(world: World) -> None:
        world.use("[default]\nparkingtime=1\ncomebacktoorigin=no\ncomebackcontext=loop\n")
        world.pbx.dialplan.add_extension(world.server.owner, "loop", "s", 1, "Park", ",s")
        alice = await world.call("alice", "7400")
        await asyncio.sleep(MOST_COMEBACKS + 0.5)
        assert alice.alive
        await asyncio.sleep(1)
        assert not alice.alive

    parking(scenario)


def test_two_parked_calls_are_nothing_to_each_other() -> None:
    """A holding bridge with two members: what concerns one does not reach the other."""

    async def scenario(world: World) -> None:
        world.server.dialplan(("6102", 1, "Dial", "PJSIP/bob,20,S(3)"))
        world.use("[default]\nparkingtime=60\n")
        alice, bob = await world.talking("alice", "6102")
        carol = await world.call("carol", "7400")
        world.parking.park(alice, bob)
        assert alice.bridge is carol.bridge is not None
        assert alice.bridge.peer(alice) is None
        await asyncio.sleep(5)  # the limit of the Dial was for whom alice talked to
        assert world.spaces() == {701: carol.name, 702: alice.name}
        await gone(world, alice, carol)

    parking(scenario)
