"""RetryDial."""

from __future__ import annotations

import asyncio
import logging

import pytest
from dial_kit import run
from fake_technology import FakeServer, settle

from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.dial.retry import RetryDialApplication
from asterism.pbx.vocabulary.controls import Control
from asterism.testing import until


async def retrying(server: FakeServer, args: str) -> Channel:
    server.register_marked = lambda _holder: None  # type: ignore[attr-defined]
    RetryDialApplication().load(server)  # type: ignore[arg-type]
    server.dialplan(("1", 1, "RetryDial", args), ("1", 2, "Echo", ""), ("5", 1, "Echo", ""))
    alice = server.sip.incoming("alice", "1")
    server.pbx.start(alice)
    await settle()
    return alice


async def refuse(server: FakeServer, number: int) -> None:
    await until(lambda: len(server.sip.made) >= number)
    server.sip.made[-1].queue_hangup(17)
    await settle()


def test_it_tries_as_often_as_it_may() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await retrying(server, ",0.05,2,PJSIP/bob,2")
        await refuse(server, 1)
        assert alice.application == "RetryDial"
        await refuse(server, 2)
        assert (alice.application, alice.variables["DIALSTATUS"], len(server.sip.made)) == ("Echo", "BUSY", 2)

    run(scenario)


def test_an_answer_ends_it_and_the_call() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await retrying(server, ",0.05,3,PJSIP/bob,2")
        await refuse(server, 1)
        await until(lambda: len(server.sip.made) == 2)
        server.sip.made[1].queue_control(Control.ANSWER)
        await settle()
        assert alice.bridge is not None
        server.sip.made[1].queue_hangup(16)
        await settle()
        assert (alice.dead, len(server.sip.made)) == (True, 2)

    run(scenario)


def test_a_digit_in_the_pause_takes_the_caller_elsewhere() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await retrying(server, ",30,0,PJSIP/bob,2")
        await refuse(server, 1)
        alice.queue_digit("7", 100)
        await settle()
        assert alice.exten == "1"
        alice.queue_digit("5", 100)
        await settle()
        assert (alice.exten, alice.application) == ("5", "Echo")

    run(scenario)


@pytest.mark.parametrize("args", ["", "beep,1,2", "beep,x,y,"])
def test_without_a_destination_it_does_nothing(args: str, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        server.log.addHandler(caplog.handler)
        alice = await retrying(server, args)
        assert (alice.application, server.sip.made) == ("Echo", [])

    run(scenario)
    assert any(each.levelno == logging.WARNING for each in caplog.records)


def test_a_destination_that_fails_at_once_does_not_keep_the_server_busy() -> None:
    async def scenario(server: FakeServer) -> None:
        await retrying(server, ",0,0,PJSIP/nobody")
        await asyncio.sleep(0.25)
        assert 2 <= server.names().count("VarSet") // 12 <= 4

    run(scenario)
