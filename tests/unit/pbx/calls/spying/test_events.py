"""The events of spying have both channels, as they were told last."""

from __future__ import annotations

from spying_kit import Spied, spied

from asterism.pbx.calls.spying.events import ALL


def test_a_place_is_the_one_that_was_told() -> None:
    async def scenario(world: Spied) -> None:
        world.alice.new_exten("NoOp")
        world.alice.priority = 9
        for kind in ALL:
            fields = dict(kind.render(world.carol, world.alice))
            assert (fields["SpyerChannel"], fields["SpyeeChannel"]) == (world.carol.name, world.alice.name)
            assert (fields["SpyeeContext"], fields["SpyeeExten"], fields["SpyeePriority"]) == ("internal", "1", 1)
            assert [one.name for one in kind.documentation.arguments] == list(fields)

    spied(scenario)
