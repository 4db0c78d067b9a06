"""Hangup handlers: their order, on whom they run, what bounds them."""

from __future__ import annotations

from typing import Any

import pytest
from dial_kit import dialling, log_of, run
from fake_technology import FakeServer, settle

from asterism.core.documentation import Documentation
from asterism.pbx.calls import hangup_handlers
from asterism.pbx.calls.hangup_handlers import MOST, HangupHandlerCommands, HangupHandlers
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.flow import FunctionError, SubroutineReturned


def prepare(server: FakeServer, ran: list[Any]) -> None:
    """A context ``hh``: ``s`` notes its argument and whether the far end is still there, ``wait`` waits before."""
    server.register_marked = lambda _holder: None  # type: ignore[attr-defined]
    HangupHandlerCommands().load(server)  # type: ignore[arg-type]

    async def note(channel: Channel, args: str) -> None:
        gone = any(entry[0] == "hangup" for entry in log_of(channel))
        ran.append((channel.name.partition("-")[0], channel.get_variable("ARG1"), gone))
        raise SubroutineReturned("")

    server.pbx.register_application("Note", note, Documentation("test"))
    add = server.pbx.dialplan.add_extension
    add(server.owner, "hh", "s", 1, "Note", "")
    add(server.owner, "hh", "wait", 1, "Echo", "")
    add(server.owner, "hh", "wait", 2, "Note", "")


def test_the_newest_runs_first_behind_h_and_before_the_far_end_is_released() -> None:
    ran: list[Any] = []

    async def scenario(server: FakeServer) -> None:
        prepare(server, ran)
        server.dialplan(("h", 1, "NoOp", ""))
        alice = await dialling(server, "PJSIP/bob,20")
        hangup_handlers.push(alice, "hh,s,1(one)")
        hangup_handlers.push(alice, "hh^s^1(two)")
        alice.soft_hangup()
        await settle(40)
        assert ran == [("PJSIP/alice", "two", False), ("PJSIP/alice", "one", False)]
        kinds = [
            kind.name for kind, fields in server.recorded
            if kind.name in ("HangupHandlerRun", "Hangup") and ("Channel", alice.name) in fields
        ]  # fmt: skip
        assert kinds == ["HangupHandlerRun", "HangupHandlerRun", "Hangup"]

    run(scenario)


def test_they_run_on_a_channel_that_was_only_called() -> None:
    ran: list[Any] = []

    async def scenario(server: FakeServer) -> None:
        prepare(server, ran)
        alice = await dialling(server, "PJSIP/bob,20,g", "Echo")
        (bob,) = server.sip.made
        hangup_handlers.push(bob, "hh,s,1(mine)")
        bob.queue_control(Control.ANSWER)
        await settle()
        bob.queue_hangup(16)
        await settle(40)
        assert ran == [("PJSIP/bob", "mine", False)]
        assert (bob.dead, alice.application, server.fields("Hangup")[0]["Channel"]) == (True, "Echo", bob.name)

    run(scenario)


def test_a_called_one_that_is_cancelled_runs_them() -> None:
    ran: list[Any] = []

    async def scenario(server: FakeServer) -> None:
        prepare(server, ran)
        alice = await dialling(server, "PJSIP/bob,20")
        (bob,) = server.sip.made
        hangup_handlers.push(bob, "hh,s,1(mine)")
        alice.queue_hangup(16)
        await settle(40)
        assert (ran, bob.dead, log_of(bob)[-1][0]) == ([("PJSIP/bob", "mine", False)], True, "hangup")

    run(scenario)


def test_what_waits_ends_and_the_next_runs() -> None:
    ran: list[Any] = []

    async def scenario(server: FakeServer) -> None:
        prepare(server, ran)
        alice = await dialling(server, "PJSIP/bob,20")
        hangup_handlers.push(alice, "hh,s,1(next)")
        hangup_handlers.push(alice, "hh,wait,1(never)")
        hangup_handlers.push(alice, "hh,none,1(nowhere)")
        alice.soft_hangup()
        await settle(40)
        assert (ran, alice.dead) == ([("PJSIP/alice", "next", False)], True)

    run(scenario)


def test_a_handler_may_push_another_but_not_for_ever() -> None:
    async def scenario(server: FakeServer) -> None:
        prepare(server, [])
        alice = await dialling(server, "PJSIP/bob,20")
        for _ in range(MOST):
            hangup_handlers.push(alice, "hh,s,1")
        with pytest.raises(FunctionError):
            hangup_handlers.push(alice, "hh,s,1")
        hangup_handlers.change(alice, HangupHandlers.wipe, "")
        with pytest.raises(FunctionError):
            hangup_handlers.push(alice, f"hh,s,1({'x' * 2000})")
        assert alice.handlers is not None
        assert alice.handlers.shown() == []

    run(scenario)


def test_what_is_left_out_is_the_channels_place() -> None:
    async def scenario(server: FakeServer) -> None:
        prepare(server, [])
        alice = await dialling(server, "PJSIP/bob,20")
        for text in ("5", "s,1", "hh,s,1(a,b)"):
            hangup_handlers.push(alice, text)
        assert alice.handlers is not None
        assert alice.handlers.shown() == ["hh,s,1(a,b)", "internal,s,1", "internal,1,5"]
        hangup_handlers.change(alice, HangupHandlers.pop, "7")
        assert alice.handlers.shown()[0] == "internal,1,7"
        hangup_handlers.change(alice, HangupHandlers.wipe, "")

    run(scenario)
