"""The PBX put together: channels that it makes, extensions written in Python."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, run, settle

from asterism.pbx.assembly.channel import Channel
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import RequestError


def test_names_and_uniqueids_count_up() -> None:
    async def scenario(server: FakeServer) -> None:
        server.options.systemname = "pbx1"
        first, second = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        assert (first.name, second.name) == ("PJSIP/alice-00000000", "PJSIP/bob-00000001")
        assert first.uniqueid.startswith("pbx1-")
        assert [channel.uniqueid.rpartition(".")[2] for channel in (first, second)] == ["0", "1"]
        assert first.device == "PJSIP/alice"
        assert server.pbx.channels.get("pjsip/ALICE-00000000") is first
        assert server.pbx.channels.get(second.uniqueid) is second
        with pytest.raises(ValueError, match="in use"):
            server.pbx.create_channel(server.sip, "PJSIP/bob", uniqueid=first.uniqueid)

    run(scenario)


def test_an_unknown_technology_is_cause_66() -> None:
    async def scenario(server: FakeServer) -> None:
        with pytest.raises(RequestError) as caught:
            server.pbx.request("SIP/bob")
        assert caught.value.cause == 66

    run(scenario)


def test_an_extension_in_python() -> None:
    heard: list[str] = []

    async def scenario(server: FakeServer) -> None:
        @server.pbx.extension("internal", "100")
        async def greet(channel: Channel) -> None:
            await channel.answer()
            heard.append(await channel.read_digits(4))
            await channel.wait(60)

        alice = server.sip.incoming("alice", "100")
        task = server.pbx.start(alice)
        await settle()
        assert alice.state is ChannelState.UP
        for digit in "12#":
            alice.queue_digit(digit, 80)
        await settle()
        assert heard == ["12"]
        alice.queue_hangup(16)
        await settle()
        assert task.done()
        assert server.names("VarSet", "DeviceStateChange")[-3:] == ["HangupRequest", "SoftHangupRequest", "Hangup"]
        assert alice.driver.log == [("answer",), ("hangup", 16)]  # type: ignore[attr-defined]

    run(scenario)


def test_a_broken_extension_ends_its_call_only() -> None:
    async def scenario(server: FakeServer) -> None:
        @server.pbx.extension("internal", "1")
        async def broken(channel: Channel) -> None:
            raise ZeroDivisionError

        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        server.pbx.start(alice)
        await settle()
        assert alice.dead
        assert bob.alive

    run(scenario)
