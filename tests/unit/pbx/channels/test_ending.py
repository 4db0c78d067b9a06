"""How a channel ends, and how it is sent elsewhere."""

from __future__ import annotations

import asyncio

from fake_technology import FakeServer, run, settle

from asterism.core.documentation import Documentation
from asterism.pbx.vocabulary.controls import Control, SoftHangup
from asterism.pbx.vocabulary.errors import Goto


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


def test_a_channel_without_dialplan_goes_to_a_label_too() -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("9", 1, "NoOp", ""), ("9", 2, "NoOp", ""))
        server.pbx.dialplan.add_extension(server.owner, "internal", "9", 3, "NoOp", "", label="third")
        places: list[int] = []

        async def noop(channel: object, data: str) -> None:
            places.append(alice.priority)

        server.pbx.register_application("NoOp", noop, Documentation("For the test."))
        alice = server.sip.incoming("alice", "1")
        alice.redirect(Goto("internal", "9", "third"))
        await settle()
        assert places == [3]

    run(scenario)


def test_whoever_only_waits_for_the_end_does_not_keep_a_channel() -> None:
    """A channel that nobody runs is torn down by its hang-up, also while somebody waits for that."""

    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        waiting = asyncio.create_task(alice.wait_for_hangup())
        await settle()
        alice.queue_hangup(17)
        await waiting
        await settle()
        assert alice.dead
        assert len(server.pbx.channels) == 0

    run(scenario)
