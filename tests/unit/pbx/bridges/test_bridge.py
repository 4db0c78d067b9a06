"""Bridges: how audio is carried, and what a bridge makes of two calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, settle

from asterism.media.formats import ALAW, ULAW
from asterism.media.stream import Frame
from asterism.pbx.bridges.bridge import Bridge


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
        one, two = alice.driver.media, bob.driver.media  # type: ignore[union-attr]
        assert bridge.relayed
        assert one.relayed_to is two
        assert two.relayed_to is one
        bridge.depart(alice)
        assert one.relayed_to is two.relayed_to is None
        assert server.names("VarSet", "DeviceStateChange", "Newchannel") == [
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


def test_a_third_party_is_refused() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge = Bridge(server.pbx)
        for phone in ("alice", "bob"):
            bridge.enter(server.sip.incoming(phone, "1"))
        with pytest.raises(RuntimeError):
            bridge.enter(server.sip.incoming("alice", "1"))
        bridge.depart(bridge.channels[0])
        assert bridge.ended

    run(scenario)
