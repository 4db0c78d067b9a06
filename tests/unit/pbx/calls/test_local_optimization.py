"""Local channels that leave the call: which may, in what order, and what is left."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, FakeStream, settle
from local_kit import dial, halves, run

from asterism.media.formats import ULAW
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control


async def up(server: FakeServer, exten: str) -> tuple[Channel, Channel]:
    """Alice dials ``exten``, bob answers."""
    server.sip.stream = lambda: FakeStream(ULAW)
    alice = await dial(server, exten)
    (bob,) = server.sip.made
    bob.queue_control(Control.ANSWER)
    await settle(100)
    return alice, bob


def chain(server: FakeServer, length: int, options: str = "") -> None:
    """Extensions 8001, 8002, ... dial one another, the last dials bob."""
    for number in range(1, length + 1):
        target = f"Local/800{number + 1}@internal{options}" if number < length else f"Local/6002@internal{options}"
        server.dialplan((f"800{number}", 1, "Dial", f"{target},20"))


@pytest.mark.parametrize("leaver", ["alice", "bob"])
def test_a_chain_of_five_becomes_one_bridge(leaver: str) -> None:
    async def scenario(server: FakeServer) -> None:
        chain(server, 5)
        alice, bob = await up(server, "8001")
        assert server.names().count("LocalBridge") == 5
        assert sorted(channel.name for channel in server.pbx.channels) == sorted([alice.name, bob.name])
        (bridge,) = server.pbx.bridges.values()
        assert set(bridge.members) == {alice, bob}
        assert alice.stream.relayed_to is bob.stream  # type: ignore[attr-defined]
        assert server.names().count("LocalOptimizationEnd") == 5
        (alice if leaver == "alice" else bob).queue_hangup(16)
        await settle(60)
        assert alice.dead
        assert bob.dead
        assert alice.variables["DIALSTATUS"] == "ANSWER"

    run(scenario)


def test_a_chain_that_stays() -> None:
    async def scenario(server: FakeServer) -> None:
        chain(server, 5, "/n")
        alice, _ = await up(server, "8001")
        assert len(server.pbx.bridges) == 6
        assert len(server.pbx.channels) == 12
        alice.queue_hangup(16)
        await settle(100)
        assert len(server.pbx.channels) == 0

    run(scenario)


def test_a_tap_on_a_half_keeps_it() -> None:
    """Whoever records a Local channel hears it to the end."""

    async def scenario(server: FakeServer) -> None:
        alice = await dial(server, "7001")
        one, _ = halves(server)
        one.stream.taps_in = object()  # type: ignore[attr-defined]
        server.sip.made[0].queue_control(Control.ANSWER)
        await settle(60)
        assert alice.bridge is one.bridge
        assert "LocalOptimizationBegin" not in server.names()
        one.stream.taps_in = None  # type: ignore[attr-defined]

    run(scenario)


def test_a_bridge_that_was_called_by_name_is_entered() -> None:
    """One half waits in a bridge of several: the party at the other end takes its place there."""

    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        carol = server.sip.incoming("carol", "1")
        bridges: list[Bridge] = []

        async def meet(channel: Channel, args: str) -> None:
            bridges[0].enter(channel, on_leave=lambda bridge, leaver: channel.wake())
            await channel.park()

        from asterism.core.documentation import Documentation

        bridges.append(Bridge(server.pbx, dissolve=False, permanent=True))
        bridges[0].enter(carol)
        server.pbx.register_application("Meet", meet, Documentation("test Meet"))
        server.dialplan(
            ("6200", 1, "Answer", ""), ("6200", 2, "Meet", ""), ("7006", 1, "Dial", "Local/6200@internal,20")
        )
        alice = server.sip.incoming("alice", "7006")
        server.pbx.start(alice)
        await settle(100)
        assert set(bridges[0].members) == {carol, alice}
        assert len(server.pbx.channels) == 2
        bridges[0].dismiss()
        await settle(60)

    run(scenario)


def test_a_replaced_half_ends_although_the_other_goes_on() -> None:
    """Its dialplan has more to do after the Dial: that is not done for a party that is no longer there."""

    async def scenario(server: FakeServer) -> None:
        server.dialplan(
            ("6300", 1, "Dial", "PJSIP/bob,20,g"), ("6300", 2, "Wait", "600"),
            ("7007", 1, "Dial", "Local/6300@internal/n,20"),
        )  # fmt: skip
        await up(server, "7007")
        one, two = halves(server)
        one.driver.pair.optimise_away()  # type: ignore[attr-defined]
        await settle(60)
        import asyncio

        await asyncio.sleep(1.1)
        await settle()
        assert one.dead
        assert two.dead

    run(scenario)


def test_the_limit_of_a_call_holds_for_whoever_took_the_place_of_a_half() -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("7008", 1, "Dial", "Local/6002@internal,20,S(0.2)"))
        alice, bob = await up(server, "7008")
        assert alice.bridge is bob.bridge
        import asyncio

        await asyncio.sleep(0.3)
        await settle(60)
        assert alice.dead
        assert bob.dead

    run(scenario)


def test_ending_a_call_by_key_holds_too() -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("7009", 1, "Dial", "Local/6002@internal,20,H"))
        alice, bob = await up(server, "7009")
        alice.queue_digit("*")
        await settle(60)
        assert bob.dead

    run(scenario)
