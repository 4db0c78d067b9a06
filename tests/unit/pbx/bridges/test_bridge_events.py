"""The events of whole bridges, in order and with their fields as recorded: calls, kicks, suspended technologies."""

from __future__ import annotations

from bridge_kit import compare
from fake_console import Console
from fake_manager import Manager
from fake_technology import FakeServer, FakeStream, settle
from local_kit import rings, run

from asterism.media.formats import ULAW
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control

FLOATING = ("Hangup", "BridgeDestroy", "SoftHangupRequest", "DialState", "Newexten")
"""Told by other threads there: they stand where those were just then, in two recordings of one call in two places."""


async def call(server: FakeServer) -> tuple[Channel, Channel]:
    """Alice calls bob, who answers."""
    server.sip.stream = lambda: FakeStream(ULAW)
    server.sip.scripts["bob"] = rings
    alice = server.sip.incoming("alice", "6002", accountcode="acc1")
    server.pbx.start(alice)
    await settle(40)
    bob = server.sip.made[-1]
    bob.queue_control(Control.ANSWER)
    await settle(40)
    return alice, bob


def test_a_plain_call_until_it_is_bridged() -> None:
    count = 0

    async def scenario(server: FakeServer) -> None:
        nonlocal count
        await call(server)
        count = len(server.recorded)

    server = run(scenario)
    del server.recorded[count:]
    compare(server, "plain call: technology over time", ("DialState",))


def test_a_kick_by_the_console() -> None:
    skip = 0

    async def scenario(server: FakeServer) -> None:
        nonlocal skip
        alice, bob = await call(server)
        skip = len(server.recorded)
        assert alice.bridge is not None
        Console(server).run("bridge kick", alice.bridge.uniqueid, bob.name)
        await settle(60)

    compare(run(scenario), "bridge kick by console (bob)", FLOATING, skip)


def test_a_kick_and_the_end_of_a_bridge_by_the_manager() -> None:
    async def scenario(server: FakeServer) -> None:
        manager = Manager(server)
        alice, bob = await call(server)
        assert alice.bridge is not None
        await manager.run("BridgeKick", BridgeUniqueid=alice.bridge.uniqueid, Channel=bob.name)
        await settle(60)
        alice, bob = await call(server)
        assert alice.bridge is not None
        await manager.run("BridgeDestroy", BridgeUniqueid=alice.bridge.uniqueid)
        await settle(60)

    compare(run(scenario), "AMI BridgeKick and BridgeDestroy", FLOATING)


def test_a_suspended_technology_and_a_hang_up() -> None:
    async def scenario(server: FakeServer) -> None:
        manager = Manager(server)
        await manager.run("BridgeTechnologySuspend", BridgeTechnology="native_rtp")
        alice, _ = await call(server)
        await manager.run("BridgeTechnologyUnsuspend", BridgeTechnology="native_rtp")
        alice.queue_hangup(16)
        await settle(60)

    compare(run(scenario), "BridgeTechnologySuspend native_rtp, then a call", FLOATING)
