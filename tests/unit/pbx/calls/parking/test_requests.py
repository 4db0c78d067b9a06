"""Parking by transfer and by key; transfers to somebody who is parked."""

from __future__ import annotations

import asyncio

import pytest
from fake_technology import settle
from parking_kit import DIGIT, LOTS, World, compare, parking
from transfer_kit import Asked

from asterism.pbx.calls.features.module import FeaturesModule
from asterism.pbx.calls.transfers.attended import attended
from asterism.pbx.calls.transfers.blind import blind
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.playing import music_of
from asterism.pbx.vocabulary.controls import Control

REFERRED = {
    "SIPTRANSFER": "yes", "SIPREFERRINGCONTEXT": "internal", "__SIPREFERREDBYHDR": "<sip:bob@127.0.0.1>",
    "SIPREFERTOHDR": "sip:700@127.0.0.1:15535",
}  # fmt: skip


def test_a_blind_transfer_to_the_extension_that_parks_as_recorded() -> None:
    async def scenario(world: World) -> None:
        world.begin_at(703)
        alice, bob = await world.talking()
        asked = Asked()

        def prepare(channel: Channel) -> None:
            for name, value in REFERRED.items():
                channel.set_variable(name, value)

        assert blind(bob, "internal", "700", outcome=asked, prepare=prepare) is TransferResult.SUCCESS
        assert world.spaces() == {703: alice.name}
        await asyncio.sleep(3 * DIGIT - 0.1)
        assert asked.final is None  # the transferer still hears the space
        assert bob.alive
        await asyncio.sleep(0.2)
        assert asked.final == 200
        assert not bob.alive
        await asyncio.sleep(3.2)
        assert alice.bridge is world.server.sip.made[-1].bridge is not None
        alice.queue_hangup(16)
        await settle(40)

    compare(
        parking(scenario), "blind transfer of alice to 700 by bob (REFER)", "ParkedCallTimeOut", "BridgeLeave",
        "MusicOnHoldStart", loose=("BridgeLeave", "BridgeDestroy"),
    )  # fmt: skip


def test_who_was_held_by_the_transferer_hears_the_music_of_the_lot() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        bob.queue_control(Control.HOLD)
        assert alice.on_hold
        assert blind(bob, "internal", "700") is TransferResult.SUCCESS
        assert not alice.on_hold
        playing = music_of(alice)
        assert playing is not None
        assert playing.music.name == "two"
        alice.queue_hangup(16)
        await settle(40)

    parking(scenario)


def test_a_transfer_to_a_lot_that_is_full_leaves_the_call_as_it_is() -> None:
    async def scenario(world: World) -> None:
        world.use(LOTS.replace("701-705", "701-701"))
        dave = await world.call("dave", "7400")
        alice, bob = await world.talking()
        asked = Asked()
        assert blind(bob, "internal", "700", outcome=asked) is TransferResult.FAIL
        assert asked.final is None
        assert alice.bridge is bob.bridge is not None
        for channel in (alice, dave):
            channel.queue_hangup(16)
        await settle(40)

    parking(scenario)


def test_several_parties_are_parked_as_one() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        carol, dave = await world.talking("carol", "6004")
        one, other = (world.pbx.bridges[each.bridge.uniqueid] for each in (alice, carol) if each.bridge is not None)
        one.merge(other)
        assert blind(bob, "internal", "700") is TransferResult.SUCCESS
        await settle(60)
        (name,) = world.spaces().values()
        assert name.startswith("Local/700@internal")
        assert world.parking.calls[next(iter(world.parking.calls))].parker == "PJSIP/bob"
        assert alice.bridge is carol.bridge is dave.bridge is not None
        for channel in (alice, carol, dave):
            channel.queue_hangup(16)
        await settle(60)

    parking(scenario)


async def with_keys(world: World) -> None:
    (world.server.paths.etc / "features.conf").write_text("[featuremap]\nparkcall => #72\ndisconnect => *0\n")
    FeaturesModule().load(world.server)  # type: ignore[arg-type]
    world.server.dialplan(("7407", 1, "Dial", "PJSIP/bob,20,kK"))


def test_parking_by_key_as_recorded() -> None:
    async def scenario(world: World) -> None:
        await with_keys(world)
        world.begin_at(704)
        alice, bob = await world.talking("alice", "7407")
        for digit in "#72":
            bob.queue_digit_begin(digit)
            bob.queue_digit(digit, 120)
        assert world.spaces() == {704: alice.name}
        await asyncio.sleep(3.1)
        assert not bob.alive
        alice.queue_hangup(16)
        await settle(40)

    compare(
        parking(scenario), "feature code #72 (parkcall) by bob, one-step parking, k K options", "ParkedCall",
        "ParkedCallGiveUp", "BridgeLeave", "MusicOnHoldStop",
    )  # fmt: skip


def test_who_cannot_park_hears_it_and_the_call_goes_on() -> None:
    async def scenario(world: World) -> None:
        await with_keys(world)
        world.use(LOTS.replace("701-705", "701-701"))
        dave = await world.call("dave", "7400")
        alice, bob = await world.talking("alice", "7407")
        for digit in "#72":
            bob.queue_digit(digit)
        await settle(20)
        assert bob.speaks is not None  # pbx-parkingfailed
        await asyncio.sleep(0.5)
        assert bob.speaks is None
        assert alice.bridge is bob.bridge is not None
        for channel in (alice, dave):
            channel.queue_hangup(16)
        await settle(40)

    parking(scenario)


@pytest.mark.parametrize("who", ["caller", "callee", "both", "no"])
def test_keys_of_a_retrieved_call(who: str) -> None:
    async def scenario(world: World) -> None:
        await with_keys(world)
        world.use(LOTS.replace("parkingtime => 4", f"parkedcallhangup={who}\nparkedcallreparking={who}"))
        for retriever_presses in (True, False):
            alice, bob = await world.talking()
            world.parking.park(alice, bob)
            carol = await world.call("carol", "7406")
            await asyncio.sleep(0.5)
            presser = carol if retriever_presses else alice
            presser.queue_digit("*")
            presser.queue_digit("0")
            await settle(40)
            may = who in ("both", "caller" if retriever_presses else "callee")
            assert carol.alive is not may
            carol.queue_hangup(16)
            await asyncio.sleep(2)

    parking(scenario)


def test_an_attended_transfer_to_a_space_parks_the_other_party_there() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        second = await world.call("bob", "7400")
        await asyncio.sleep(1.5)
        asked = Asked()
        assert attended(bob, second, outcome=asked) is TransferResult.SUCCESS
        await settle(40)
        assert asked.final == 200
        assert world.spaces() == {701: alice.name}
        assert (bob.alive, second.alive) == (False, False)
        (event,) = world.server.fields("ParkedCallSwap")
        assert (event["ParkeeChannel"], event["ParkingSpace"]) == (alice.name, "701")
        assert "ParkedCallGiveUp" not in world.server.names()
        carol = await world.call("carol", "701")
        await asyncio.sleep(0.3)
        assert carol.bridge is alice.bridge is not None
        carol.queue_hangup(16)
        await settle(40)

    parking(scenario)


def test_a_call_whose_transfer_is_on_its_way_is_not_parked() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        world.pbx.features.transfers[bob] = None
        answer = await world.act("Park", Channel=alice.name, TimeoutChannel=bob.name)
        assert "is being transferred" in answer
        del world.pbx.features.transfers[bob]
        alice.queue_hangup(16)
        await settle(40)

    parking(scenario)
