"""Broadcast: its arguments, and its end."""

from __future__ import annotations

import pytest
from fake_technology import settle
from spying_kit import Spied, spied

from asterism.pbx.dialplan.applications.broadcasting import BroadcastApplication
from asterism.pbx.vocabulary.controls import ChannelState


async def run(world: Spied, args: str) -> None:
    BroadcastApplication().load(world.server)  # type: ignore[arg-type]
    world.server.dialplan(("1", 1, "Broadcast", args), ("1", 2, "Set", "AFTER=yes"), ("1", 3, "Wait", "30"))
    world.carol.state = ChannelState.RING
    world.server.pbx.start(world.carol)
    await settle()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("", "needs the option w or s"),
        ("bo,PJSIP/alice-00000000", "needs the option w or s"),
        ("w", "needs a channel"),
        ("w,PJSIP/nobody-1", "there is no channel 'PJSIP/nobody-1'"),
        ("wZ,,", "option 'Z' is unknown"),
    ],
)
def test_what_is_wrong_is_told_and_the_dialplan_goes_on(args: str, words: str) -> None:
    async def scenario(world: Spied) -> None:
        await run(world, args)
        assert world.carol.variables["AFTER"] == "yes"

    assert words in spied(scenario)


def test_it_answers_and_goes_on_when_all_have_hung_up() -> None:
    async def scenario(world: Spied) -> None:
        await run(world, f"wbsl, {world.alice.name} ,{world.bob.uniqueid},PJSIP/nobody-1")
        assert world.carol.state is ChannelState.UP
        assert len(world.bob.taps.taps) == 4
        world.alice.hang_up()
        await settle()
        assert "AFTER" not in world.carol.variables
        world.bob.hang_up()
        await settle()
        assert world.carol.variables["AFTER"] == "yes"

    assert spied(scenario).count("there is no channel") == 1
