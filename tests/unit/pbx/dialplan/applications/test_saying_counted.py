"""SayCountedNoun and SayCountedAdj."""

from __future__ import annotations

import pytest
from say_kit import Speaking, speaking

from asterism.pbx.dialplan.applications.saying_counted import SayCountedModule


@pytest.mark.parametrize(
    ("language", "name", "args", "names"),
    [
        ("en", "SayCountedNoun", "1,call", ["call"]),
        ("en", "SayCountedNoun", "5,call", ["calls"]),
        ("en", "SayCountedNoun", "0,call", ["calls"]),
        ("fr", "SayCountedNoun", "0,appel", ["appel"]),
        ("ru", "SayCountedNoun", "3,call", ["callx1"]),
        ("ru", "SayCountedNoun", "12,call", ["callx2"]),
        ("en", "SayCountedAdj", "5,new,f", ["new"]),
        ("ru", "SayCountedAdj", "1,new,f", ["newa"]),
        ("ru", "SayCountedAdj", "5,new,f", ["newx"]),
        ("en", "SayCountedNoun", "x,call", []),
        ("en", "SayCountedNoun", "5", []),
        ("en", "SayCountedAdj", "5,new,q", []),
    ],
)
def test_the_form_is_that_of_the_number(language: str, name: str, args: str, names: list[str]) -> None:
    async def scenario(world: Speaking) -> None:
        world.channel.language = language
        assert await world.run(name, args) == names
        assert len(world.log.lines) == (not names)

    speaking(scenario, SayCountedModule())
