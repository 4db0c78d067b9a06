"""Several callers wait for one device."""

from __future__ import annotations

import asyncio

from completion_kit import Completing, completing
from fake_technology import settle

from asterism.pbx.calls.completion.machine import State


async def waiting(world: Completing, *callers: str):
    """Bob is in use, and these wait for him; the call that he is in."""
    using = await world.refused(callers[0])
    await world.ask(callers[0])
    for caller in callers[1:]:
        await world.call(caller, "6002")
        await world.ask(caller)
    return using


def states(world: Completing) -> dict[str, State]:
    return {one.caller.partition("/")[2]: one.state for one in world.completion}


def test_in_the_order_of_their_requests_one_at_a_time():
    async def scenario(world: Completing) -> None:
        using = await waiting(world, "carol", "alice", "dave")
        world.answers("alice", "carol", "dave", "bob")
        await world.free(using)
        assert states(world) == {"alice": State.ACTIVE, "dave": State.ACTIVE}
        talking = world.calls_of("bob")[-1]
        assert talking.connected.number == "6003"
        await world.free(talking)
        await settle(30)
        assert states(world) == {"dave": State.ACTIVE}
        await world.free(world.calls_of("bob")[-1])
        await settle(30)
        assert states(world) == {}

    completing(scenario)


def test_a_caller_that_is_busy_lets_the_next_go_first_and_keeps_its_place():
    async def scenario(world: Completing) -> None:
        using = await waiting(world, "carol", "alice", "dave")
        calling = await world.in_use("carol")
        world.answers("alice", "carol", "dave", "bob")
        await world.free(using)
        assert states(world) == {"carol": State.CALLER_BUSY, "dave": State.ACTIVE}
        await world.free(calling)
        assert states(world) == {"carol": State.ACTIVE, "dave": State.ACTIVE}
        await world.free(world.calls_of("bob")[-1])
        await settle(30)
        assert states(world) == {"dave": State.ACTIVE}
        assert world.calls_of("bob")[-1].connected.number == "6003"

    completing(scenario)


def test_a_recall_that_fails_gives_the_turn_to_the_next():
    async def scenario(world: Completing) -> None:
        using = await waiting(world, "carol", "alice")
        world.rings("carol")
        world.answers("alice", "bob")
        await world.free(using)
        assert states(world) == {"carol": State.RECALLING, "alice": State.ACTIVE}
        await asyncio.sleep(21)
        assert states(world) == {}
        assert world.names[-1] == "CCRecallComplete"

    completing(scenario)


def test_a_device_that_is_free_already_is_free_at_once():
    async def scenario(world: Completing) -> None:
        world.busy("bob")
        await world.call("alice", "6002")
        world.answers("alice", "bob")
        assert await world.ask("alice") == ("SUCCESS", "")
        await settle(30)
        assert world.names[-1] == "CCRecallComplete"

    completing(scenario)


def test_an_unreachable_device_is_not_free():
    async def scenario(world: Completing) -> None:
        using = await world.refused()
        await world.ask("alice")
        world.server.sip.reachable = False
        await world.free(using)
        assert world.one.state is State.ACTIVE
        world.server.sip.reachable = True
        world.answers("alice", "bob")
        world.pbx.device_states.changed("PJSIP/bob")
        await settle(30)
        assert world.names[-1] == "CCRecallComplete"

    completing(scenario)
