"""The attempts to call a transferer back."""

from __future__ import annotations

import asyncio

from features_kit import Phones, answers, busy, rings, run

from asterism.pbx.calls.features.calling_back import CallBack
from asterism.pbx.vocabulary.controls import DialStatus


def test_attempts_are_told_and_counted() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        told: list[bool] = []
        back = CallBack(phones.bob, 3, told.append)
        for script, answered in ((busy, [False]), (answers, [False, True])):
            phones.server.sip.scripts["bob"] = script
            assert back.begin(phones.alice.caller, 5)
            await asyncio.sleep(1)
            assert told == answered
            taken = back.take()
            assert (taken is not None) is answered[-1]
        assert taken is not None
        assert taken.connected == phones.alice.caller
        taken.hang_up()
        assert back.left == 1

    run(scenario)


def test_an_attempt_that_is_given_up_leaves_nothing_and_is_not_told() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        told: list[bool] = []
        back = CallBack(phones.bob, 1, told.append)
        for script in (rings, answers):
            phones.server.sip.scripts["bob"] = script
            back.begin(None, 5)
            await asyncio.sleep(1)
            back.give_up(DialStatus.CANCEL, 16)
            assert phones.phone("bob").dead
            assert back.take() is None
        assert told == [True]  # the second one had answered before

    run(scenario)
