"""PERIODIC_HOOK: when its extension runs, and what ends with the channel or the module."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, settle
from local_kit import run

from asterism.core.documentation import Documentation
from asterism.media.formats import ULAW
from asterism.pbx.calls import periodic_hook
from asterism.pbx.calls.periodic_hook import PeriodicHookFunction
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.language.foreign import foreign, joined
from asterism.pbx.vocabulary.flow import FunctionError


def hooked(server: FakeServer, stays: float = 60.0) -> tuple[PeriodicHookFunction, Channel, list[Channel]]:
    runs: list[Channel] = []

    async def note(channel: Channel, args: str) -> None:
        runs.append(channel)
        channel.raw_answer()
        await channel.wait(stays)

    server.pbx.register_application("Note", note, Documentation("test Note"))
    server.dialplan(("beep", 1, "Note", ""))
    server.sip.stream = lambda: FakeStream(ULAW)
    function = PeriodicHookFunction()
    function.load(server)  # type: ignore[arg-type]
    return function, server.sip.incoming("alice", "1"), runs


async def pass_intervals(hook: Any, count: int) -> None:
    """Time passes: what is due is done."""
    for _ in range(count):
        hook._due(asyncio.get_running_loop().time())
        await settle(40)


def test_a_run_is_left_out_while_the_last_is_not_over() -> None:
    async def scenario(server: FakeServer) -> None:
        function, alice, runs = hooked(server)
        hook_id = function.read(alice, "internal,beep,3600")
        (hook,) = alice.data["periodic_hooks"].values()
        assert runs == []
        await pass_intervals(hook, 3)
        (only,) = runs
        assert only.get_variable("HOOK_ID") == hook_id
        assert only.get_variable("HOOK_CHANNEL") == alice.name.replace("/", "%2F")
        only.soft_hangup()
        await settle(40)
        assert alice.taps is not None
        assert alice.taps.taps == (hook,)
        await pass_intervals(hook, 1)
        assert len(runs) == 2
        alice.soft_hangup()  # the channel's end is that of what is said into it
        await settle(60)
        assert not hook.on
        assert runs[1].dead

    run(scenario)


def test_an_unloaded_module_leaves_nothing() -> None:
    async def scenario(server: FakeServer) -> None:
        function, alice, runs = hooked(server)
        function.read(alice, "internal,beep,1")
        (hook,) = alice.data["periodic_hooks"].values()
        await pass_intervals(hook, 1)
        function.unload()
        await settle(60)
        assert runs[0].dead
        assert alice.taps is not None
        assert alice.taps.taps == ()
        assert not hook.on

    run(scenario)


def test_an_extension_that_is_not_there_or_never_answers_is_tried_again() -> None:
    async def scenario(server: FakeServer) -> None:
        function, alice, runs = hooked(server)
        function.read(alice, "internal,nothing,9")
        (hook,) = alice.data["periodic_hooks"].values()
        await pass_intervals(hook, 2)
        assert hook._task is None
        assert runs == []

    run(scenario)


def test_text_from_outside_is_no_part_of_the_dial_string() -> None:
    """A slash in it begins no options, an at sign no context."""

    async def scenario(server: FakeServer) -> None:
        function, alice, runs = hooked(server)
        server.dialplan(("a@b/m", 1, "Note", ""))
        function.read(alice, joined(("internal,", foreign("a@b/m"), ",9")))
        (hook,) = alice.data["periodic_hooks"].values()
        await pass_intervals(hook, 1)
        assert [one.exten for one in runs] == ["a@b/m"]

    run(scenario)


def test_how_many_a_channel_may_have() -> None:
    async def scenario(server: FakeServer) -> None:
        function, alice, _ = hooked(server)
        for _ in range(periodic_hook.MOST):
            function.read(alice, "internal,beep,9")
        with pytest.raises(FunctionError, match="no more than"):
            function.read(alice, "internal,beep,9")
        with pytest.raises(FunctionError, match="no number"):
            function.read(alice, "internal,beep,99999999999999999999")

    run(scenario)
