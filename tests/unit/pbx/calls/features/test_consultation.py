"""Attended transfers by key."""

from __future__ import annotations

import asyncio

from features_kit import Phones, answers, busy, compare, rings, run


async def consulting(phones: Phones, number: str = "6003") -> None:
    """Alice talks to Carol, Bob waits."""
    await phones.call()
    phones.server.sip.scripts["carol"] = answers
    await phones.consult(phones.alice, number)


# -- as recorded --------------------------------------------------------------------------------------------------


def test_hanging_up_completes_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await consulting(phones)
        phones.alice.queue_hangup(16)
        await asyncio.sleep(2)
        assert phones.talk(phones.bob, phones.phone("carol"))
        assert phones.names() == ["bob", "carol"]
        assert phones.hears(phones.phone("carol")) == ["beep"]
        compare(phones.server, "attended transfer by the caller: alice *2 6003, carol answers, alice hangs up")

    run(scenario)


def test_the_key_completes_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await consulting(phones)
        await phones.dial(phones.alice, "*2", 2)
        assert phones.talk(phones.bob, phones.phone("carol"))
        assert phones.names() == ["bob", "carol"]
        compare(phones.server, "attended transfer completed with *2")

    run(scenario)


def test_abort_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await consulting(phones)
        await phones.dial(phones.alice, "*1", 2)
        assert phones.talk(phones.alice, phones.bob)
        assert phones.names() == ["alice", "bob"]
        assert phones.hears(phones.alice) == ["pbx-transfer", "beeperr"]
        compare(phones.server, "attended transfer aborted with *1")

    run(scenario)


def test_three_way_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await consulting(phones)
        await phones.dial(phones.alice, "*3", 2)
        carol = phones.phone("carol")
        assert phones.talk(phones.alice, phones.bob, carol)
        assert phones.names() == ["alice", "bob", "carol"]
        compare(phones.server, "attended transfer turned into a three-way with *3 (BridgeMerge)")
        phones.alice.queue_hangup(16)
        await asyncio.sleep(1)
        assert phones.talk(phones.bob, carol)

    run(scenario)


def test_swap_then_complete_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await consulting(phones)
        await phones.dial(phones.alice, "*4", 2)
        assert phones.talk(phones.alice, phones.bob)
        await phones.dial(phones.alice, "*4", 2)
        await phones.dial(phones.alice, "*2", 2)
        assert phones.talk(phones.bob, phones.phone("carol"))
        compare(phones.server, "swap with *4, then complete", apart=("Unhold",))

    run(scenario)


def test_a_busy_target_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts["carol"] = busy
        await phones.consult(phones.alice, seconds=0.5)
        compare(phones.server, "attended transfer, target busy")
        await asyncio.sleep(30)
        assert phones.talk(phones.alice, phones.bob)
        assert phones.hears(phones.alice)[-1] == "beeperr"

    run(scenario)


def test_a_target_that_does_not_answer_and_the_call_back_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts |= {"carol": rings, "alice": answers}
        await phones.consult(phones.alice)
        phones.alice.queue_hangup(16)
        await asyncio.sleep(9)
        back = phones.phone("alice")
        assert phones.talk(back, phones.bob)
        assert phones.names() == ["alice", "bob"]
        compare(
            phones.server,
            "alice hangs up while carol rings and never answers (atxferdropcall=no, callback to alice)",
            apart=("Hangup",),
        )

    run(scenario)
