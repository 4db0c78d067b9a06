"""Bridges: how audio is carried, and what a bridge makes of two calls."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, audio_of, settle

from asterism.media.formats import ALAW, ULAW
from asterism.media.stream import Frame
from asterism.pbx.bridges.bridge import HOLDING, MIXING, Bridge


def run(scenario: Any) -> None:
    async def main() -> None:
        server = FakeServer()
        server.record()
        await scenario(server)
        for channel in server.pbx.channels:
            channel.hang_up()
        await settle()

    asyncio.run(main())


def test_streams_that_can_are_relayed() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        bridge = Bridge(server.pbx)
        bridge.enter(bob)
        bridge.enter(alice)
        one, two = audio_of(alice), audio_of(bob)
        assert bridge.relayed
        assert one.relayed_to is two
        assert two.relayed_to is one
        bridge.depart(alice)
        assert one.relayed_to is two.relayed_to is None
        await settle()
        assert server.names("VarSet", "DeviceStateChange", "Newchannel", "SoftHangupRequest", "Hangup") == [
            "BridgeCreate", "BridgeEnter", "BridgeEnter", "BridgeLeave", "BridgeLeave", "BridgeDestroy",
        ]  # fmt: skip
        assert not server.pbx.bridges
        assert alice.bridge is bob.bridge is None

    run(scenario)


def test_others_carry_frames() -> None:
    async def scenario(server: FakeServer) -> None:
        streams = [FakeStream(ULAW, relays=False), FakeStream(ALAW, relays=False)]
        server.sip.stream = iter(streams).__next__
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        bridge = Bridge(server.pbx)
        bridge.enter(bob)
        bridge.enter(alice)
        assert not bridge.relayed
        frame = Frame(ULAW, b"\xff" * 160)
        streams[0].sink(frame)
        assert streams[1].written == [frame]
        bridge.depart(bob)
        assert streams[0].sink is streams[1].sink is None

    run(scenario)


def test_one_call_has_the_oldest_linkedid() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        assert alice.linkedid != bob.linkedid
        bridge = Bridge(server.pbx)
        bridge.enter(bob)
        bridge.enter(alice)
        assert alice.linkedid == bob.linkedid == alice.uniqueid

    run(scenario)


@pytest.mark.parametrize("uses", [MIXING, HOLDING])
def test_calls_that_meet_in_a_conference_or_wait_together_stay_calls_of_their_own(uses: frozenset[str]) -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        bob.accountcode, alice.peeraccount = "", "acc2"
        bridge = Bridge(server.pbx, kind="base", uses=uses, dissolve=False)
        bridge.enter(alice)
        bridge.enter(bob)
        assert (alice.linkedid, bob.linkedid) == (alice.uniqueid, bob.uniqueid)
        assert (bob.accountcode, bob.peeraccount) == ("", "")
        bridge.dismiss()

    run(scenario)


def test_two_that_meet_know_each_others_account() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        alice.accountcode, bob.accountcode, bob.peeraccount = "acc1", "acc2", "old"
        bridge = Bridge(server.pbx)
        bridge.enter(bob)
        assert bob.peeraccount == "old"
        bridge.enter(alice)
        assert (alice.peeraccount, bob.peeraccount) == ("acc2", "acc1")

    run(scenario)


def test_who_is_left_behind_knows_who_hung_up() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        bridge = Bridge(server.pbx)
        bridge.enter(bob)
        bridge.enter(alice)
        alice.queue_hangup(16)
        await settle()
        assert (alice.hangup_source, bob.hangup_source) == (alice.name, alice.name)

    run(scenario)


def enter_all(server: FakeServer, bridge: Bridge, *phones: str, left: list[Any] | None = None) -> list[Any]:
    channels = [server.sip.incoming(phone, "1") for phone in phones]
    for channel in channels:
        note = None if left is None else partial(left_bridge, left, channel)
        bridge.enter(channel, on_leave=note)
    return channels


def left_bridge(left: list[Any], channel: Any, bridge: Bridge, leaver: Any) -> None:
    left.append((channel, bridge, leaver))


def test_nobody_enters_a_bridge_that_is_over_or_twice() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge = Bridge(server.pbx)
        alice, _ = enter_all(server, bridge, "alice", "bob")
        with pytest.raises(RuntimeError):
            bridge.enter(alice)
        bridge.depart(alice)
        assert bridge.ended
        with pytest.raises(RuntimeError):
            bridge.enter(server.sip.incoming("alice", "1"))

    run(scenario)


def test_a_third_party_is_refused_where_nothing_mixes() -> None:
    async def scenario(server: FakeServer) -> None:
        server.pbx.bridges.technologies.suspended.add("softmix")
        bridge = Bridge(server.pbx)
        enter_all(server, bridge, "alice", "bob")
        with pytest.raises(RuntimeError):
            bridge.enter(server.sip.incoming("alice", "1"))
        assert len(bridge.channels) == 2

    run(scenario)


def test_each_learns_whose_leaving_it_was() -> None:
    async def scenario(server: FakeServer) -> None:
        left: list[Any] = []
        bridge = Bridge(server.pbx)
        alice, bob = enter_all(server, bridge, "alice", "bob", left=left)
        bridge.depart(bob)
        assert left == [(bob, bridge, bob), (alice, bridge, bob)]
        assert alice.alive
        assert bob.alive

    run(scenario)


def test_whoever_has_nothing_else_to_do_ends_with_its_bridge() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge = Bridge(server.pbx)
        channels = enter_all(server, bridge, "alice", "bob")
        bridge.dismiss()
        await settle()
        assert not any(channel.alive for channel in channels)
        assert not server.pbx.bridges

    run(scenario)


def test_a_move_ends_nothing_for_those_left_behind() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        left: list[Any] = []
        one, two = Bridge(server.pbx), Bridge(server.pbx)
        alice, bob = enter_all(server, one, "alice", "bob", left=left)
        (carol,) = enter_all(server, two, "alice", left=left)
        server.recorded.clear()
        one.move(alice, two)
        assert server.names("VarSet") == ["BridgeLeave", "BridgeEnter"]
        assert (one.channels, two.channels, left) == ([bob], [carol, alice], [])
        assert alice.bridge is two
        assert audio_of(alice).relayed_to is audio_of(carol)
        assert audio_of(bob).relayed_to is None
        two.depart(carol)
        assert left == [(carol, two, carol), (alice, two, carol)]
        one.move(bob, Bridge(server.pbx))
        await settle()
        assert one.uniqueid not in server.pbx.bridges

    run(scenario)


def test_a_merge_takes_everybody() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        one, two = Bridge(server.pbx), Bridge(server.pbx)
        (alice,), (bob,) = enter_all(server, one, "alice"), enter_all(server, two, "bob")
        server.recorded.clear()
        one.merge(two)
        await settle()
        assert server.names("VarSet", "DeviceStateChange") == [
            "BridgeMerge",
            "BridgeLeave",
            "BridgeEnter",
            "BridgeDestroy",
        ]
        (merge,) = server.fields("BridgeMerge")
        assert (merge["ToBridgeUniqueid"], merge["ToBridgeNumChannels"]) == (one.uniqueid, "1")
        assert (merge["FromBridgeUniqueid"], merge["FromBridgeNumChannels"]) == (two.uniqueid, "1")
        assert one.channels == [alice, bob]
        assert audio_of(alice).relayed_to is audio_of(bob)

    run(scenario)


def test_one_takes_the_place_of_another() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        left: list[Any] = []
        bridge = Bridge(server.pbx)
        alice, bob = enter_all(server, bridge, "alice", "bob", left=left)
        carol = server.sip.incoming("alice", "1")
        server.recorded.clear()
        bridge.enter(carol, swap=alice)
        assert server.names("VarSet") == ["BridgeLeave", "BridgeEnter"]
        assert server.fields("BridgeEnter")[0]["SwapUniqueid"] == alice.uniqueid
        assert bridge.channels == [bob, carol]
        assert left == [(alice, bridge, alice)]
        assert audio_of(alice).relayed_to is None
        assert audio_of(carol).relayed_to is audio_of(bob)

    run(scenario)


def test_a_permanent_bridge_outlives_its_members() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge = Bridge(server.pbx, kind="base", permanent=True, dissolve=False)
        for _ in range(2):
            alice, bob = enter_all(server, bridge, "alice", "bob")
            bridge.depart(alice)
            assert bridge.channels == [bob]
            bridge.depart(bob)
        await settle()
        assert server.pbx.bridges == {bridge.uniqueid: bridge}
        bridge.dismiss()
        assert not server.pbx.bridges

    run(scenario)


def test_a_channel_is_in_one_bridge_at_a_time() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        home, other = Bridge(server.pbx), Bridge(server.pbx)
        home.enter(alice)
        with pytest.raises(RuntimeError, match="is in another bridge"):
            other.enter(alice)
        assert alice.bridge is home
        assert not other.members
        home.depart(alice)
        other.enter(alice)
        other.depart(alice)

    run(scenario)
