"""The half of a Local channel that stands for the target of an attended transfer."""

from __future__ import annotations

import asyncio

from features_kit import Phones, rings, run

from asterism.pbx.calls.features.target import ends, optimise
from asterism.pbx.calls.local import half_of
from asterism.pbx.vocabulary.controls import Control


def test_it_leaves_the_call_only_when_it_may() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts["carol"] = rings
        await phones.consult(phones.alice)
        consultation = phones.pbx.features.transfers[phones.alice]
        assert consultation is not None
        target = consultation.target
        assert target is not None
        phones.phone("carol").queue_control(Control.ANSWER)
        await asyncio.sleep(5)
        assert target.alive
        half = half_of(target)
        assert half is not None
        assert not half.pair.optimises
        optimise(target, True)
        assert half.pair.optimises
        optimise(None, True)
        optimise(phones.bob, True)  # no Local channel: nothing to do

    run(scenario)


def test_a_member_that_leaves_is_hung_up_unless_it_goes_elsewhere() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        bridge = phones.alice.bridge
        assert bridge is not None
        for moved in (True, False):
            phones.bob.moved = moved
            ends(phones.bob)(bridge, phones.alice)  # type: ignore[arg-type]
            assert phones.bob.dead is not moved

    run(scenario)
