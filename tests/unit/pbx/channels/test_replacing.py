"""A channel with another far end: what it did goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, settle
from transfer_kit import answers, connect, far, run, together

from asterism.pbx.channels.replacing import replace_far_end
from asterism.pbx.dialplan.applications.echo import EchoModule
from asterism.pbx.vocabulary.controls import ChannelState, Control


def test_in_a_bridge() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await connect(server, "alice", "bob")
        carol = server.sip.incoming("carol", "600")
        server.pbx.start(carol)
        await settle(20)
        old: Any = far(bob)
        new: Any = far(carol)
        replace_far_end(bob, carol)
        assert far(bob) is new
        assert together(alice, bob)
        assert far(alice).media.relayed_to is new.media
        assert new.media.relayed_to is far(alice).media
        await settle(20)
        assert carol.dead
        assert ("hangup", 16) in old.log
        assert not [entry for entry in new.log if entry[0] == "hangup"]
        assert (bob.name.rpartition("-")[0], bob.device, bob.caller.number) == ("PJSIP/carol", "PJSIP/carol", "6003")
        assert server.pbx.channels.get(bob.name) is bob
        assert server.pbx.channels.of_device("PJSIP/carol") == [bob]
        assert server.pbx.channels.of_device("PJSIP/bob") == ()

    run(scenario)


def test_while_it_is_called() -> None:
    """The one that takes its place answers the call."""

    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["bob"] = lambda channel: channel.queue_control(Control.RINGING)
        alice = server.sip.incoming("alice", "6002")
        server.pbx.start(alice)
        await settle(20)
        bob = server.sip.made[-1]
        carol = server.sip.incoming("carol", "601")
        server.pbx.start(carol)
        await settle(20)
        new: Any = far(carol)
        replace_far_end(bob, carol)
        await settle(40)
        assert together(alice, bob)
        assert far(bob) is new
        assert ("answer",) in new.log
        assert carol.dead

    run(scenario)


def test_while_it_runs_its_dialplan() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "600")
        carol = server.sip.incoming("carol", "601")
        for one in (alice, carol):
            server.pbx.start(one)
        await settle(20)
        new: Any = far(carol)
        replace_far_end(alice, carol)
        await settle(20)
        assert (alice.application, alice.exten) == ("Wait", "600")
        assert ("answer",) in new.log  # as what it replaces
        alice.queue_digit("5")
        assert await alice.read_digit(1) == "5"

    run(scenario)


def test_who_cannot_take_a_place() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["carol"] = lambda channel: channel.queue_control(Control.RINGING)
        alice, bob = await connect(server, "alice", "bob")
        dave = server.sip.incoming("dave", "6003")
        server.pbx.start(dave)
        await settle(20)
        ringing = server.sip.made[-1]
        assert ringing.state is ChannelState.RINGING
        with pytest.raises(RuntimeError):
            replace_far_end(bob, ringing)
        with pytest.raises(RuntimeError):
            replace_far_end(bob, bob)
        dave.queue_hangup(16)
        with pytest.raises(RuntimeError):
            replace_far_end(bob, dave)
        await settle(20)
        assert together(alice, bob)

    run(scenario)


def test_a_party_of_another_call() -> None:
    """It leaves its bridge, and is not hung up by whoever has called it."""

    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["carol"] = answers
        alice, bob = await connect(server, "alice", "bob")
        dave, carol = await connect(server, "dave", "carol")
        new: Any = far(carol)
        replace_far_end(bob, carol)
        await settle(40)
        assert together(alice, bob)
        assert far(bob) is new
        assert dave.dead
        assert not [entry for entry in new.log if entry[0] == "hangup"]

    run(scenario)


def test_two_echoes() -> None:
    """The echo that loses its far end leaves the echo alone that has it now."""

    async def scenario(server: FakeServer) -> None:
        echo = EchoModule()
        alice = server.sip.incoming("alice", "600")
        carol = server.sip.incoming("carol", "601")
        running = [asyncio.create_task(echo.echo(one, "")) for one in (alice, carol)]
        await settle(20)
        old: Any = far(alice).media
        stream: Any = far(carol).media
        replace_far_end(alice, carol)
        carol.soft_hangup()
        await settle(20)
        assert running[1].done()
        assert not running[0].done()
        assert far(alice).media is stream
        assert old.sink is None
        stream.sink("frame")
        assert stream.written == ["frame"]
        alice.queue_digit("#")
        await settle(20)
        assert running[0].done()
        assert stream.sink is None

    run(scenario)
