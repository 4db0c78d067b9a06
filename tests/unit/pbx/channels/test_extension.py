"""Code written in Python on a channel: what it raises, and how a hang-up ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fake_technology import FakeServer, run, settle

from asterism.core.documentation import Documentation
from asterism.pbx.channels import extension
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto
from asterism.pbx.vocabulary.flow import EndDialplan

Code = Callable[[Channel], Awaitable[None]]


@asynccontextmanager
async def running(server: FakeServer, code: Code, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Channel]:
    """Alice in an extension; afterwards the call is over, ``h`` has run once, and no error was logged."""
    ended: list[str] = []

    async def noop(channel: Channel, data: str) -> None:
        ended.append(channel.exten)

    server.pbx.register_application("NoOp", noop, Documentation("For the test."))
    server.dialplan(("h", 1, "NoOp", ""))
    server.pbx.extension("internal", "100")(code)
    alice = server.sip.incoming("alice", "100")
    server.log.addHandler(caplog.handler)
    task = server.pbx.start(alice)
    await settle()
    with caplog.at_level(logging.INFO):
        yield alice
        await asyncio.wait_for(task, 10)
        await settle()
    assert ended == ["h"]
    assert alice.dead
    assert alice._waits == []
    assert alice.extension is None
    assert server.pbx.active_calls == 0


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was told at the level of a warning or above, by the server or by asyncio."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def sleeps(channel: Channel) -> None:
    await asyncio.sleep(60)


async def waits(channel: Channel) -> None:
    await channel.wait(60)


async def groups(channel: Channel) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(channel.read_digit())
        tasks.create_task(channel.wait(60))
        tasks.create_task(asyncio.sleep(60))


async def nested(channel: Channel) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(groups(channel))
        tasks.create_task(channel.wait(60))


async def gathers(channel: Channel) -> None:
    await asyncio.gather(channel.read_digit(), asyncio.sleep(60))


async def limits(channel: Channel) -> None:
    async with asyncio.timeout(30):
        await channel.read_digit()


async def lets_tasks_lie(channel: Channel) -> None:
    stray = [asyncio.create_task(channel.read_digit()), asyncio.create_task(groups_alone(channel))]
    await asyncio.sleep(60)
    assert stray


async def groups_alone(channel: Channel) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(channel.wait(60))


async def swallows(channel: Channel) -> None:
    """Takes every exception for something to go on from: the loop must not stop for it."""
    while True:
        try:
            await channel.read_digit()
        except Exception:
            continue


ENDS: list[Code] = [sleeps, waits, groups, nested, gathers, limits, lets_tasks_lie]


@pytest.mark.parametrize("code", ENDS)
def test_a_hangup_ends_whatever_the_code_waits_for_and_is_no_error(
    code: Code, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(server: FakeServer) -> None:
        unhandled: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unhandled.append(context))
        async with running(server, code, caplog) as alice:
            alice.queue_hangup(16)

        gc.collect()
        await settle()
        assert alice.hangup_cause == 16
        assert unhandled == []
        assert errors(caplog) == []

    run(scenario)


@pytest.mark.parametrize("code", ENDS)
def test_a_redirect_ends_it_too_and_the_call_goes_on(code: Code, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        there: list[str] = []

        async def arrive(channel: Channel) -> None:
            there.append(channel.exten)
            await channel.wait(0)  # nothing is pending any more
            await asyncio.sleep(0)
            there.append("stays")

        server.pbx.extension("internal", "200")(arrive)
        async with running(server, code, caplog) as alice:
            alice.redirect(Goto("internal", "200", 1))
        assert there == ["200", "stays"]
        assert errors(caplog) == []

    run(scenario)


def test_finally_runs_and_may_wait(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        seen: list[str] = []

        def code(body: Code) -> Code:
            async def one(channel: Channel) -> None:
                try:
                    await body(channel)
                except ChannelHangup:
                    seen.append("hang-up")
                    raise
                except asyncio.CancelledError:
                    seen.append("cancelled")
                    raise
                finally:
                    await asyncio.sleep(0.01)
                    await asyncio.to_thread(int)
                    seen.append("cleaned")

            return one

        async with running(server, code(waits), caplog) as alice:
            alice.queue_hangup(16)
        assert seen == ["hang-up", "cleaned"]
        assert errors(caplog) == []

    run(scenario)


@pytest.mark.parametrize("stubborn", [False, True])
def test_finally_has_five_seconds(
    stubborn: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert extension.GRACE == 5.0
    monkeypatch.setattr(extension, "GRACE", 0.05)
    monkeypatch.setattr(extension, "_LEFT", 0.02)

    async def scenario(server: FakeServer) -> None:
        over = asyncio.Event()

        async def code(channel: Channel) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                while not over.is_set():
                    try:
                        await asyncio.wait_for(over.wait(), 60)
                    except asyncio.CancelledError:
                        if not stubborn:
                            raise

        started = asyncio.get_running_loop().time()
        async with running(server, code, caplog) as alice:
            alice.queue_hangup(17)
        assert asyncio.get_running_loop().time() - started < 1
        assert alice.hangup_cause == 17
        over.set()
        await settle()
        assert len(errors(caplog)) == 1
        assert "has not ended within" in errors(caplog)[0]
        assert caplog.records[-1].levelno < logging.ERROR

    run(scenario)


def test_code_that_swallows_everything_does_not_stop_the_loop(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extension, "GRACE", 0.05)

    async def scenario(server: FakeServer) -> None:
        async with running(server, swallows, caplog) as alice:
            alice.queue_hangup(16)

    run(scenario)


FAULTS: list[BaseException] = [
    ValueError("broken"),
    SystemExit(3),
    asyncio.CancelledError(),
    GeneratorExit(),
    TimeoutError(),
    ExceptionGroup("several", [ValueError("broken"), ChannelHangup()]),
    BaseExceptionGroup("base", [SystemExit(1)]),
    RecursionError(),
]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
@pytest.mark.parametrize("after_hangup", [False, True])
def test_a_fault_is_told_once_and_ends_only_this_call(
    fault: BaseException, after_hangup: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(server: FakeServer) -> None:
        async def code(channel: Channel) -> None:
            try:
                if after_hangup:
                    await channel.wait(60)
            finally:
                raise fault

        async with running(server, code, caplog) as alice:
            if after_hangup:
                alice.queue_hangup(16)
        expected = 0 if after_hangup and isinstance(fault, asyncio.CancelledError) else 1
        assert len(errors(caplog)) == expected
        assert alice.hangup_cause == (16 if after_hangup else 38)

    run(scenario)


@pytest.mark.parametrize(
    ("raised", "cause"),
    [
        (EndDialplan(17), 17),
        (ExceptionGroup("one", [EndDialplan(17)]), 17),
        (ExceptionGroup("other's", [ChannelHangup(), ExceptionGroup("", [ChannelHangup()])]), 0),
        (ChannelHangup(), 0),
    ],
    ids=repr,
)
def test_what_ends_a_call_may_come_in_a_group(raised: Exception, cause: int, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        async def code(channel: Channel) -> None:
            raise raised

        async with running(server, code, caplog) as alice:
            pass
        assert alice.hangup_cause == cause
        assert errors(caplog) == []

    run(scenario)


def test_its_own_hangup_lets_it_finish(caplog: pytest.LogCaptureFixture) -> None:
    """Code that hangs up may go on with work of its own: nobody ends it."""

    async def scenario(server: FakeServer) -> None:
        seen: list[str] = []

        async def code(channel: Channel) -> None:
            await channel.hangup(17)
            await asyncio.sleep(0.01)
            seen.append("filed")

        async with running(server, code, caplog) as alice:
            pass
        assert seen == ["filed"]
        assert alice.hangup_cause == 17
        assert server.fields("SoftHangupRequest")[0]["Cause"] == "16"  # DIALPLAN_END

    run(scenario)


def test_an_application_is_not_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        seen: list[str] = []

        async def store(channel: Channel, data: str) -> None:
            await asyncio.sleep(0.02)
            seen.append("stored")

        server.pbx.register_application("Store", store, Documentation("For the test."))
        server.dialplan(("1", 1, "Store", ""))
        alice = server.sip.incoming("alice", "1")
        task = server.pbx.start(alice)
        await settle()
        alice.queue_hangup(16)
        await task
        assert seen == ["stored"]

    run(scenario)


def test_the_end_of_the_calls_task_ends_the_code(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        seen: list[str] = []

        async def code(channel: Channel) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                seen.append("cleaned")

        server.pbx.extension("internal", "100")(code)
        alice = server.sip.incoming("alice", "100")
        task = server.pbx.start(alice)
        await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert seen == ["cleaned"]

    run(scenario)


@pytest.mark.parametrize("again", [False, True])
def test_code_of_the_h_extension_is_not_cancelled(again: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        seen: list[str] = []

        async def last(channel: Channel) -> None:
            await asyncio.sleep(0.01)
            seen.append("stored")
            with pytest.raises(ChannelHangup):
                await channel.read_digit()
            await asyncio.sleep(0.01)
            seen.append("told")

        server.pbx.extension("internal", "100")(waits)
        server.pbx.extension("internal", "h")(last)
        alice = server.sip.incoming("alice", "100")
        server.log.addHandler(caplog.handler)
        task = server.pbx.start(alice)
        await settle()
        alice.queue_hangup(16)
        await settle()
        if again:
            alice.soft_hangup()
        await task
        assert seen == ["stored", "told"]
        assert errors(caplog) == []

    run(scenario)


def test_a_group_that_an_application_raises_is_what_it_holds(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        async def both(channel: Channel, data: str) -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(channel.read_digit())
                tasks.create_task(channel.wait(60))

        server.pbx.register_application("Both", both, Documentation("For the test."))
        server.dialplan(("1", 1, "Both", ""))
        server.pbx.extension("internal", "2")(waits)
        for goto in (None, Goto("internal", "2", 1)):
            alice = server.sip.incoming("alice", "1")
            server.log.addHandler(caplog.handler)
            task = server.pbx.start(alice)
            await settle()
            if goto is not None:
                alice.redirect(goto)
                await settle()
                assert alice.exten == "2"
            alice.queue_hangup(17)
            await task
            assert alice.hangup_cause == 17
        assert errors(caplog) == []

    run(scenario)


@pytest.mark.parametrize("awaited", [True, False])
@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_an_exit_in_a_task_that_code_has_started_does_not_end_the_loop(
    raised: BaseException, awaited: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(server: FakeServer) -> None:
        async def leaves() -> None:
            raise raised

        async def code(channel: Channel) -> None:
            task = asyncio.create_task(leaves())
            if awaited:
                await task
            await channel.wait(0.01)

        async with running(server, code, caplog) as alice:
            pass
        gc.collect()
        await settle()
        told = errors(caplog)
        assert "leaves failed" in told[0]
        assert len(told) == 1 + awaited  # the code has failed by that
        assert alice.hangup_cause == (38 if awaited else 0)

    run(scenario)
