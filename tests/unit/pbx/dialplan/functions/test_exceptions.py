"""The extension e: what leads there, and what EXCEPTION tells of it."""

from __future__ import annotations

import asyncio

import pytest
from functions_kit import Functions, warnings

from asterism.pbx.dialplan.functions.exceptions import ExceptionFunction

E = "exten => e,1,NoOp(${EXCEPTION(reason)} ${EXCEPTION(context)} ${EXCEPTION(exten)} ${EXCEPTION(priority)})\n"


async def run(lines: str) -> tuple[list[str], list[str]]:
    functions = Functions(ExceptionFunction())
    functions.world.say(f"[default]\n{lines}")
    with warnings(functions) as warned:
        await functions.world.call()
    return functions.world.steps(), warned


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("exten => 100,1,NoOp()\n same => n,RaiseException(too many)\n", "too many default 100 2"),
        ("exten => 100,1,Goto(nosuch,1)\n", "INVALID default nosuch 1"),
        ("exten => 100,1,NoSuchApplication()\n", "ERROR default 100 1"),
        ("exten => 100,1,WaitExten(0.05)\n", "RESPONSETIMEOUT default 100 1"),
        ("exten => 100,1,Set(TIMEOUT(absolute)=0.05)\n same => n,Wait(5)\n", "ABSOLUTETIMEOUT default 100 2"),
    ],
)
async def test_what_leads_to_e(lines: str, told: str) -> None:
    steps, _ = await run(lines + E)
    assert steps[-1] == f"NoOp({told})"


@pytest.mark.parametrize(
    ("extension", "lines"),
    [
        ("i", "exten => 100,1,Goto(nosuch,1)\n"),
        ("t", "exten => 100,1,WaitExten(0.05)\n"),
        ("T", "exten => 100,1,Set(TIMEOUT(absolute)=0.05)\n same => n,Wait(5)\n"),
    ],
)
async def test_an_extension_of_its_own_goes_before(extension: str, lines: str) -> None:
    steps, _ = await run(f"{lines}exten => {extension},1,NoOp(own)\n{E}")
    assert steps[-1] == "NoOp(own)"


async def test_without_e_the_call_ends_as_it_did() -> None:
    steps, warned = await run("exten => 100,1,RaiseException(why)\n same => n,NoOp(never)\n")
    assert steps == ["RaiseException(why)"]
    assert len(warned) == 1


async def test_an_exception_in_e_ends_the_call() -> None:
    steps, _ = await asyncio.wait_for(run("exten => 100,1,RaiseException(a)\nexten => e,1,NoSuchApplication()\n"), 2)
    assert steps == ["RaiseException(a)"]


async def test_there_may_be_no_exception_and_no_such_field() -> None:
    functions = Functions(ExceptionFunction())
    assert await functions.read("EXCEPTION(reason)") == ""
    with warnings(functions) as lines:
        assert await functions.read("EXCEPTION(nosuch)") == ""
    assert len(lines) == 1
