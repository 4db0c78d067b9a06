"""Waiting on a channel: several tasks, each for something else."""

from __future__ import annotations

import asyncio

import pytest
from fake_technology import FakeServer, run, settle

from asterism.pbx.channels.waiting import MAX_DIGITS
from asterism.pbx.vocabulary.controls import WAKE_AUDIO, WAKE_DIGIT
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto


def test_waits_end_by_hangup_redirect_and_time() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        assert await alice.read_digit(0.001) is None
        await alice.wait(0.001)
        waiting = asyncio.create_task(alice.wait(60))
        alice.task = waiting
        await settle()
        alice.redirect(Goto("internal", "2", 1))
        with pytest.raises(Goto):
            await waiting
        waiting = alice.task = asyncio.create_task(alice.wait(60))
        await settle()
        alice.soft_hangup()
        with pytest.raises(ChannelHangup):
            await waiting
        with pytest.raises(ChannelHangup):
            await alice.answer()  # type: ignore[attr-defined]
        alice.task = None

    run(scenario)


def test_several_tasks_wait_for_different_things_and_each_gets_its_own() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        digit = asyncio.create_task(alice.read_digit())
        audio = asyncio.create_task(alice.park(None, WAKE_AUDIO))
        call = asyncio.create_task(alice.park())
        ends = [asyncio.create_task(alice.wait_for_hangup()) for _ in range(3)]
        pauses = [asyncio.create_task(alice.wait(60)) for _ in range(2)]
        await settle()
        alice.queue_digit("7", 100)
        await settle()
        assert digit.done()
        assert digit.result() == "7"
        assert not any(task.done() for task in (audio, call, *ends, *pauses))
        alice.wake(WAKE_AUDIO)
        await settle()
        assert audio.done()
        assert not any(task.done() for task in (call, *ends, *pauses))
        alice.wake()
        await settle()
        assert call.done()
        assert not any(task.done() for task in (*ends, *pauses))
        alice.queue_hangup()
        await asyncio.gather(*ends)
        for task in pauses:
            with pytest.raises(ChannelHangup):
                await task
        assert alice._waits == []

    run(scenario)


@pytest.mark.parametrize("kind", [WAKE_DIGIT, WAKE_AUDIO, WAKE_DIGIT | WAKE_AUDIO])
def test_two_that_wait_for_the_same_kind_are_told(kind: int) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        first = asyncio.create_task(alice.park(None, kind))
        await settle()
        with pytest.raises(RuntimeError, match=r"another task waits on PJSIP/alice-\d+ already, for \w+"):
            await alice.park(None, WAKE_AUDIO | WAKE_DIGIT)
        alice.wake(kind)  # the first is not disturbed
        assert await first

    run(scenario)


def test_a_wait_that_is_cancelled_leaves_the_others() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        pauses = [asyncio.create_task(alice.wait(60)) for _ in range(2)]
        await settle()
        pauses[0].cancel()
        await settle()
        assert pauses[0].cancelled()
        assert not pauses[1].done()
        pauses[1].cancel()
        await settle()
        assert alice._waits == []

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


def test_a_redirect_is_told_to_every_task_and_taken_by_the_channels_own() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        other = asyncio.create_task(alice.wait(60))
        alice.task = asyncio.create_task(alice.wait(60))
        await settle()
        alice.redirect(Goto("internal", "2", 1))
        with pytest.raises(Goto):
            await other
        with pytest.raises(Goto):
            await alice.task
        alice.check()
        alice.task = None

    run(scenario)
