"""CallCompletionRequest and CallCompletionCancel: results and reasons."""

from __future__ import annotations

import pytest
from completion_kit import Completing, completing

from asterism.pbx.calls.completion.table import CompletionSettings


def test_each_result():
    async def scenario(world: Completing) -> None:
        assert await world.ask("alice") == ("FAIL", "NO_CORE_INSTANCE")
        assert await world.ask("alice", "31") == ("FAIL", "NO_CORE_INSTANCE")
        await world.refused()
        world.completion.settings = CompletionSettings(cc_max_requests=0)
        assert await world.ask("alice") == ("FAIL", "TOO_MANY_REQUESTS")
        world.completion.settings = CompletionSettings()
        world.one.agent.kind = "native"  # type: ignore[misc]
        assert await world.ask("alice") == ("FAIL", "NOT_GENERIC")
        assert await world.ask("alice", "31") == ("FAIL", "NOT_GENERIC")
        world.one.agent.kind = "generic"  # type: ignore[misc]
        assert await world.ask("alice") == ("SUCCESS", "")
        assert await world.ask("alice") == ("FAIL", "NO_CORE_INSTANCE")
        assert await world.ask("alice", "31") == ("SUCCESS", "")
        assert await world.ask("alice", "31") == ("FAIL", "NO_CORE_INSTANCE")

    completing(scenario)


def test_a_request_that_cannot_be_made_says_so():
    async def scenario(world: Completing) -> None:
        await world.refused()
        (monitor,) = world.one.monitors
        monitor.request = lambda: monitor.fail("it cannot be watched")
        assert await world.ask("alice") == ("FAIL", "UNSPECIFIED")

    completing(scenario)


@pytest.mark.parametrize("who", ["carol", "bob"])
def test_what_another_was_offered_is_not_ones_own(who):
    async def scenario(world: Completing) -> None:
        await world.refused()
        assert await world.ask(who) == ("FAIL", "NO_CORE_INSTANCE")
        assert await world.ask("alice") == ("SUCCESS", "")
        assert await world.ask(who, "31") == ("FAIL", "NO_CORE_INSTANCE")

    completing(scenario)
