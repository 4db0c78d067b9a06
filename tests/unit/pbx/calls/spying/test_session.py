"""A channel listens, or speaks to others, one at a time, and what waits for its end hears of it."""

from __future__ import annotations

import pytest
from fake_technology import settle
from spying_kit import Spied, spied

from asterism.pbx.calls.spying.broadcasting import Broadcasting, Way
from asterism.pbx.calls.spying.spying import Spying
from asterism.pbx.vocabulary.errors import Goto


def test_one_at_a_time_and_a_redirect_ends_it() -> None:
    async def scenario(world: Spied) -> None:
        carol = world.carol
        first = Spying(carol, world.alice)
        async with first:
            assert carol.speaks is first
            with pytest.raises(RuntimeError):
                Broadcasting(carol, [world.bob], Way(hears=True)).begin()
            carol.task = world.server.pbx.loop.create_task(first.wait())
            await settle()
            carol.redirect(Goto("internal", "1", 1))
            with pytest.raises(Goto):
                await carol.task
            assert not first.active
        assert carol.speaks is None
        carol.task = None

    spied(scenario)
