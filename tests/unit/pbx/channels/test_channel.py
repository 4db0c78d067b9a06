"""A channel by itself: waiting, digits, hanging up."""

from __future__ import annotations

import asyncio

import pytest
from fake_technology import FakeServer, run, settle

from asterism.pbx.channels.channel import MAX_DIGITS
from asterism.pbx.vocabulary.controls import Control, SoftHangup
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto


def test_waits_end_by_hangup_redirect_and_time() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        assert await alice.read_digit(0.001) is None
        await alice.wait(0.001)
        waiting = asyncio.create_task(alice.wait(60))
        alice.task = waiting
        await settle()
        with pytest.raises(RuntimeError):
            await alice.park()
        alice.redirect(Goto("internal", "2", 1))
        with pytest.raises(Goto):
            await waiting
        waiting = alice.task = asyncio.create_task(alice.wait(60))
        await settle()
        alice.soft_hangup()
        with pytest.raises(ChannelHangup):
            await waiting
        with pytest.raises(ChannelHangup):
            await alice.answer()
        alice.task = None

    run(scenario)


def test_digits_nobody_reads_are_bounded() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        for number in range(MAX_DIGITS + 5):
            alice.queue_digit(str(number % 10), 100)
        first = await alice.read_digit(0)
        assert first == "5"
        alice.flush_digits()
        assert await alice.read_digit(0) is None

    run(scenario)


def test_variables_are_told_and_inherited() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        alice.set_variable("PLAIN", "0")
        alice.set_variable("_ONCE", "1")
        alice.set_variable("__ALWAYS", "2")
        assert alice.get_variable("ONCE") == "1"
        bob.inherit_variables(alice)
        assert bob.variables == {"ONCE": "1", "ALWAYS": "2"}
        assert bob.inheritance == {"ALWAYS": 2}
        alice.set_variable("ONCE", None)
        assert alice.get_variable("ONCE") is None
        assert [event["Variable"] for event in server.fields("VarSet")] == [
            "PLAIN", "_ONCE", "__ALWAYS", "ONCE", "__ALWAYS", "ONCE",
        ]  # fmt: skip

    run(scenario)


def test_a_place_is_told_once() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.new_exten("Exec", "NoOp()")
        alice.new_exten("NoOp", "")
        alice.priority = 2
        alice.new_exten("Hangup", "")
        assert [event["Application"] for event in server.fields("Newexten")] == ["Exec", "Hangup"]

    run(scenario)


def test_a_dead_channel_is_silent() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.hang_up()
        await settle()
        told = len(server.recorded)
        alice.queue_control(Control.ANSWER)
        alice.queue_digit("1", 100)
        alice.queue_hangup(16)
        alice.soft_hangup(SoftHangup.EXPLICIT)
        alice.end_dialplan()
        assert not alice.indicate(Control.RINGING)
        await settle()
        assert len(server.recorded) == told

    run(scenario)


def test_hold_names_the_holder() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.queue_control(Control.HOLD, "default")
        alice.queue_control(Control.UNHOLD)
        assert server.fields("Hold")[0]["MusicClass"] == "default"
        assert server.fields("Unhold")[0]["Channel"] == alice.name

    run(scenario)
