"""What a manager client without the class "system" may not run, however it is reached; the dialplan may."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from dialplan_world import World

from asterism.core.log import ServerLogger
from asterism.core.restriction import DANGEROUS_APPLICATIONS, DANGEROUS_FUNCTIONS, REACHING_OUT, restricted, restriction
from asterism.pbx.calls.originate import OriginateRequest, start
from asterism.pbx.channels.channel import Channel

NO_SYSTEM = DANGEROUS_APPLICATIONS | DANGEROUS_FUNCTIONS

DIALPLAN = """
[sub]
exten => s,1,System(touch ${ARG1})
 same => n,Return()
exten => go,1,System(touch ${TARGET})
"""


async def run(world: World, application: str, data: str, rules: int = NO_SYSTEM) -> Channel:
    channel = world.channel()
    channel.set_variable("APP", "System")
    start(world.pbx, channel, OriginateRequest("PJSIP/x", application=application, data=data, restriction=rules))
    assert channel.task is not None
    await asyncio.wait_for(asyncio.shield(channel.task), 5)
    return channel


REACHED = [
    ("System", "touch {}"), ("TrySystem", "touch {}"), ("TryExec", "System(touch {})"),
    ("TryExec", "TryExec(TrySystem(touch {}))"), ("ExecIf", "1?System(touch {})"),
    ("ExecIf", "0?NoOp():TryExec(System(touch {}))"), ("ExecIf", "1? system (touch {})"),
]  # fmt: skip


@pytest.mark.parametrize(("application", "data"), REACHED)
async def test_a_forbidden_application_is_not_run(tmp_path: Path, application: str, data: str) -> None:
    world, target = World(), tmp_path / "ran"
    await run(world, application, data.format(target))
    assert not target.exists()
    await run(world, application, data.format(target), rules=0)
    assert target.exists() or "? system" in data


@pytest.mark.parametrize("data", ["ENV(PROBE_OF_TESTS)=evil", "X=1,ENV(PROBE_OF_TESTS)=evil"])
@pytest.mark.parametrize("application", ["Set", "MSet"])
async def test_a_forbidden_function_is_not_written(
    monkeypatch: pytest.MonkeyPatch, application: str, data: str
) -> None:
    monkeypatch.setenv("PROBE_OF_TESTS", "good")
    world = World()
    await run(world, application, data)
    assert world.dialplan.expand("${ENV(PROBE_OF_TESTS)}") == "good"


@pytest.mark.parametrize(("application", "data"), [("Gosub", "sub,s,1({})"), ("Goto", "sub,go,1")])
async def test_lines_of_the_dialplan_are_the_administrators(tmp_path: Path, application: str, data: str) -> None:
    world, target = World(), tmp_path / "ran"
    world.say(DIALPLAN)
    world.dialplan.globals["TARGET"] = str(target)
    await run(world, application, data.format(target))
    assert target.exists()


async def test_the_rules_return_when_a_subroutine_does(tmp_path: Path) -> None:
    world = World()
    world.say("[sub]\nexten => s,1,Return()\n")
    channel = world.channel()
    with restricted(NO_SYSTEM):
        await world.dialplan.gosub(channel, "sub", "s", 1)
        assert restriction.get() == NO_SYSTEM
    assert restriction.get() == 0


def test_applications_that_reach_out_are_known_by_their_names() -> None:
    """An application that is added and starts something else belongs into the list."""
    assert all(name == name.lower() for name in REACHING_OUT)
    world = World()
    assert {entry.name.lower() for entry in world.pbx.applications} & REACHING_OUT == {"system", "trysystem"}
    assert isinstance(world.log, ServerLogger)
