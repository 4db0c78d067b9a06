"""Every timer, and what ends a transaction."""

from __future__ import annotations

import asyncio

import pytest
from completion_kit import Completing, completing
from fake_technology import settle

from asterism.pbx.calls.completion.machine import State


async def until_over(world: Completing, seconds: float) -> None:
    """The transaction is there until the given time, and then it is not."""
    await asyncio.sleep(seconds - 0.5)
    assert len(world.completion) == 1
    await asyncio.sleep(1)
    assert not len(world.completion)


def test_the_offer_timer():
    async def scenario(world: Completing) -> None:
        await world.refused()
        await until_over(world, 20)
        assert world.told[-1] == (
            "CCFailure", {"CoreID": 1, "Caller": "PJSIP/alice", "Reason": "the offer timer expired"}
        )  # fmt: skip
        assert await world.ask("alice") == ("FAIL", "NO_CORE_INSTANCE")

    completing(scenario)


@pytest.mark.parametrize(("service", "seconds"), [("CCBS", 4800), ("CCNR", 7200)])
def test_the_available_timers(service, seconds):
    async def scenario(world: Completing) -> None:
        if service == "CCBS":
            await world.refused()
        else:
            world.rings("bob")
            await world.call("alice", "6002")
            await asyncio.sleep(21)
        await world.ask("alice")
        await until_over(world, seconds)
        assert world.names[-2:] == ["CCMonitorFailed", "CCFailure"]
        assert world.told[-2][1] == {"CoreID": 1, "Callee": "PJSIP/bob"}

    completing(scenario)


def test_the_recall_timer():
    async def scenario(world: Completing) -> None:
        world.parameters["alice"]["cc_recall_timer"] = "7"
        using = await world.refused()
        await world.ask("alice")
        world.rings("alice")
        await world.free(using)
        assert world.one.state is State.RECALLING
        await until_over(world, 7)
        assert "did not answer the recall" in world.told[-1][1]["Reason"]
        assert not any(one.alive for one in world.calls_of("alice"))

    completing(scenario)


def test_own_timers():
    async def scenario(world: Completing) -> None:
        world.parameters["alice"]["cc_offer_timer"] = "3"
        world.parameters["bob"]["ccbs_available_timer"] = "5"
        await world.refused()
        await until_over(world, 3)
        await world.call("alice", "6002")
        await world.ask("alice")
        await until_over(world, 5)

    completing(scenario)


def test_one_of_several_called_parties_is_given_up_alone():
    async def scenario(world: Completing) -> None:
        world.parameters["bob"]["ccbs_available_timer"] = "5"
        world.busy("bob", "carol")
        world.server.dialplan(("40", 1, "Dial", "PJSIP/bob&PJSIP/carol"))
        bob, carol = await world.in_use("bob"), await world.in_use("carol")
        await world.call("alice", "40")
        await world.ask("alice")
        await asyncio.sleep(6)
        assert [one.device for one in world.one.monitors] == ["PJSIP/carol"]
        assert world.names[-1] == "CCMonitorFailed"
        world.answers("alice", "carol")
        await world.free(carol)
        assert world.names[-1] == "CCRecallComplete"
        await world.free(bob)

    completing(scenario)


def test_the_available_timer_runs_while_the_caller_is_busy():
    async def scenario(world: Completing) -> None:
        world.parameters["bob"]["ccbs_available_timer"] = "50"
        using = await world.refused()
        await world.ask("alice")
        calling = await world.in_use("alice")
        await world.free(using)
        assert world.one.state is State.CALLER_BUSY
        await until_over(world, 50)
        await world.free(calling)

    completing(scenario)


def test_what_comes_too_late_changes_nothing():
    async def scenario(world: Completing) -> None:
        await world.refused()
        transaction = world.one
        monitor = transaction.monitors[0]
        transaction.fail("first")
        transaction.fail("second")
        transaction.caller_is_busy()
        transaction.caller_is_free()
        transaction.recalled(True)
        transaction.acknowledged(monitor)
        transaction.monitor_failed(monitor, "late")
        assert not transaction.recall()
        assert not transaction.offer()
        assert not transaction.request()
        assert not transaction.callee_is_free(monitor)
        assert not transaction.callee_is_busy(monitor)
        assert transaction.reason == "first"
        assert world.names.count("CCFailure") == 1
        await settle()

    completing(scenario)
