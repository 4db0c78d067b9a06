"""System and TrySystem: off unless allowed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from dialplan_world import World

TRIED = "[default]\nexten => 100,1,TrySystem(touch {0}/a)\n same => n,System(touch {0}/b)\n same => n,NoOp(on)\n"


@pytest.mark.parametrize("allowed", [False, True])
def test_off_unless_allowed(tmp_path: Path, allowed: bool) -> None:
    async def play() -> None:
        world = World()
        world.server.options.dialplan_commands = allowed
        world.say(TRIED.format(tmp_path))
        channel = await world.call()
        assert channel.variables["SYSTEMSTATUS"] == ("SUCCESS" if allowed else "FAILURE")
        assert sorted(os.listdir(tmp_path)) == (["a", "b"] if allowed else [])
        assert ("NoOp(on)" in world.steps()) is allowed, "the call ends where System could not run"

    asyncio.run(play())
