"""What becomes of a channel that was sent elsewhere, told as a caller would have been told."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, settle
from transfer_kit import Asked, run

from asterism.pbx.calls.transfers.following import Follower, follow
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control


async def waiting(server: FakeServer) -> Channel:
    channel = server.sip.incoming("alice", "600")
    server.pbx.start(channel)
    await settle(20)
    return channel


def test_progress_is_told_as_it_changes() -> None:
    async def scenario(server: FakeServer) -> None:
        channel, asked = await waiting(server), Asked()
        follow(channel, asked)
        for condition in (Control.RINGING, Control.RINGING, Control.HOLD, Control.PROGRESS, Control.RINGING):
            channel.indicate(condition)
        assert (asked.told, asked.final) == ([180, 183, 180], None)
        channel.raw_answer()
        channel.indicate(Control.RINGING)
        assert (asked.told, asked.final) == ([180, 183, 180], 200)
        channel.queue_hangup(16)
        await settle(20)
        assert channel.follower is None

    run(scenario)


@pytest.mark.parametrize(
    ("condition", "status"), [(Control.BUSY, 486), (Control.CONGESTION, 503), (Control.INCOMPLETE, 484)]
)
def test_a_refusal_is_told_at_once(condition: Control, status: int) -> None:
    async def scenario(server: FakeServer) -> None:
        channel, asked = await waiting(server), Asked()
        follow(channel, asked)
        channel.indicate(condition)
        assert asked.final == status

    run(scenario)


@pytest.mark.parametrize(
    ("dialed", "cause", "status"),
    [
        ("BUSY", 16, 486),
        ("CONGESTION", 16, 503),
        ("CHANUNAVAIL", 16, 503),  # autofallthrough says congestion
        ("NOANSWER", 16, 480),
        ("CANCEL", 16, 487),
        ("ANSWER", 17, 486),
        ("", 1, 404),
        ("", 34, 503),
        ("", 16, 603),
        ("", 0, 603),
    ],
)
def test_a_dialplan_that_ends(dialed: str, cause: int, status: int) -> None:
    async def scenario(server: FakeServer) -> None:
        async def end(channel: Channel) -> None:
            channel.set_variable("DIALSTATUS", dialed)
            channel.hangup_cause = cause

        server.pbx.extension("internal", "605")(end)
        channel, asked = server.sip.incoming("alice", "605"), Asked()
        follow(channel, asked)
        server.pbx.start(channel)
        await settle(40)
        assert asked.final == status

    run(scenario)


def test_one_who_raises_does_not_stop_the_call() -> None:
    class Broken(Asked):
        def progress(self, status: int) -> None:
            raise ValueError

        def done(self, status: int) -> None:
            raise ValueError

    async def scenario(server: FakeServer) -> None:
        channel = await waiting(server)
        follow(channel, Broken())
        channel.indicate(Control.RINGING)
        channel.raw_answer()
        assert channel.alive

    run(scenario)


def test_what_ends_with_the_transfer() -> None:
    """A variable of it, by entering a bridge; whoever follows no longer is told nothing."""

    async def scenario(server: FakeServer) -> None:
        channel, asked = await waiting(server), Asked()
        channel.set_variable("BLINDTRANSFER", "x")
        follower = Follower(channel, asked, forget=("BLINDTRANSFER",))
        bridge = server.pbx.create_bridge()
        bridge.enter(channel)
        assert channel.get_variable("BLINDTRANSFER") is None
        assert asked.final == 200
        bridge.dismiss()
        other = Asked()
        follower = Follower(channel, other)
        follower.cease()
        channel.queue_hangup(16)
        await settle(20)
        assert other.final is None

    run(scenario)
