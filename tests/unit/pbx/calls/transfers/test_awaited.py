"""Transfers that a program asks for."""

from __future__ import annotations

import asyncio

from fake_technology import FakeServer, settle
from transfer_kit import answers, bridge_of, connect, hung_up, run, together

from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.transfer import Transferred, TransferStatus
from asterism.pbx.vocabulary.controls import Control


def rings(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)


def test_the_outcome_of_a_blind_transfer() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["carol"] = rings
        alice, bob = await connect(server, "alice", "bob")
        heard: list[int] = []
        waits = asyncio.ensure_future(server.pbx.channels.get(bob.name).blind_transfer("6003", heard=heard.append))
        await settle(40)
        assert heard == [180]
        assert hung_up(bob)
        server.sip.made[-1].queue_control(Control.ANSWER)
        assert await waits == Transferred(TransferStatus.SUCCESS, 200)
        await settle(20)
        assert together(alice, server.sip.made[-1])

    run(scenario)


def test_the_other_party_comes_back() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["carol"] = lambda channel: channel.queue_hangup(17)
        alice, bob = await connect(server, "alice", "bob")
        outcome = await server.pbx.channels.get(bob.name).blind_transfer("6003", "internal", keep=True)
        assert not outcome
        assert outcome.code == 486
        await settle(40)
        assert together(alice, bob)

    run(scenario)


def test_what_is_not_begun() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await connect(server, "alice", "bob")
        one, other = server.pbx.channels
        assert await one.blind_transfer("999") == Transferred(TransferStatus.FAILURE, 404)
        assert await one.attended_transfer(other) == Transferred(TransferStatus.FAILURE, 491)
        assert together(alice, bob)

    run(scenario)


def test_the_outcome_of_an_attended_transfer() -> None:
    async def scenario(server: FakeServer) -> None:
        first, bob = await connect(server, "alice", "bob")
        second, carol = await connect(server, "alice", "carol")
        channel = server.pbx.channels.get(first.name)
        assert channel is not None
        assert await channel.attended_transfer(second)
        assert together(bob, carol)

    run(scenario)


def test_code_that_the_channel_runs_is_ended() -> None:
    """Its ``finally`` runs; the transfer goes on without it."""

    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["carol"] = answers
        ended: list[str] = []

        async def code(channel: Channel) -> None:
            other = server.pbx.channels.get(peer.name)
            assert other is not None
            try:
                await server.pbx.channels.get(channel.name).bridge_with(other)
            finally:
                ended.append(channel.name)

        server.pbx.extension("internal", "606")(code)
        peer = server.sip.incoming("bob", "600")
        server.pbx.start(peer)
        await settle(20)
        alice = server.sip.incoming("alice", "606")
        server.pbx.start(alice)
        await settle(40)
        assert bridge_of(alice) is peer.bridge
        outcome = await server.pbx.channels.get(alice.name).blind_transfer("6003")
        assert outcome
        await settle(20)
        assert ended == [alice.name]
        assert together(peer, server.sip.made[-1])

    run(scenario)
