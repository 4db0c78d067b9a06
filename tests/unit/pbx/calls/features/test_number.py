"""The number that a transferer dials."""

from __future__ import annotations

import asyncio

import pytest
from features_kit import Phones, run

from asterism.pbx.calls.features.number import ask, context_of
from asterism.pbx.calls.features.table import away


@pytest.mark.parametrize(
    ("digits", "number", "seconds"),
    [
        ("6003", "6003", 0.5),  # nothing longer begins with it
        ("70", "", 13.0),
        ("700#", "700", 0.5),
        ("700", "700", 3.5),  # it could be 7001: after the pause
        ("*55", "*55", 0.5),
    ],
)
def test_when_a_number_is_complete(digits: str, number: str, seconds: float) -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.dialplan(("700", 1, "NoOp", ""), ("*55", 1, "NoOp", ""))
        with away(phones.alice):
            asking = asyncio.ensure_future(ask(phones.alice, "internal"))
            await phones.dial(phones.alice, digits, 0, 0.05)
            begun = phones.pbx.loop.time()
            assert await asking == number
            assert phones.pbx.loop.time() - begun <= seconds

    run(scenario)


def test_the_context_of_a_transferer() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        assert context_of(phones.alice) == "internal"
        phones.alice.set_variable("TRANSFER_CONTEXT", "other")
        assert context_of(phones.alice) == "other"

    run(scenario)
