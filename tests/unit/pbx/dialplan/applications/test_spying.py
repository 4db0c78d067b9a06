"""ChanSpy and ExtenSpy: what is wrong in their arguments."""

from __future__ import annotations

import pytest
from fake_technology import settle
from spying_kit import Spied, spied


@pytest.mark.parametrize(
    ("application", "args", "words"),
    [
        ("ChanSpy", ",u", "option 'u' needs the name of a channel"),
        ("ChanSpy", "PJSIP/nobody,qSZ", "option 'Z' is unknown"),
        ("ChanSpy", "PJSIP/nobody,qSv(99)", "option 'v' needs a number"),
        ("ExtenSpy", "", "it needs an extension"),
        ("ExtenSpy", "@internal,q", "it needs an extension"),
        ("ExtenSpy", "99,qSx(77)", "option 'x' needs a digit"),
        ("ChanSpy", "qS" * 2000 + ",qS(((", ""),
    ],
)
def test_what_is_wrong_is_one_line_and_the_dialplan_goes_on(application: str, args: str, words: str) -> None:
    async def scenario(world: Spied) -> None:
        world.server.dialplan(("1", 1, application, args), ("1", 2, "Set", "AFTER=yes"), ("1", 3, "Wait", "30"))
        world.server.pbx.start(world.carol)
        await settle()
        assert world.carol.variables["AFTER"] == "yes"
        assert not world.server.fields("ChanSpyStart")

    lines = [line for line in spied(scenario).splitlines() if line.startswith(f"{application} on ")]
    assert len(lines) == (1 if words else 0)
    assert not words or words in lines[0]


def test_without_a_prefix_every_channel_may_be_spied_on() -> None:
    async def scenario(world: Spied) -> None:
        world.server.dialplan(("1", 1, "ChanSpy", ",q"))
        world.server.pbx.start(world.carol)
        await settle()
        (told,) = world.server.fields("ChanSpyStart")
        assert told["SpyeeChannel"] == world.alice.name

    spied(scenario)
