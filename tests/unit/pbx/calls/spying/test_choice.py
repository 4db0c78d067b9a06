"""Which channels may be spied on."""

from __future__ import annotations

import pytest
from spying_kit import Spied, spied

from asterism.pbx.calls.spying.choice import Choice, mark_spying
from asterism.pbx.calls.spying.settings import parse


def found(world: Spied, options: str, prefix: str = "", place: tuple[str, str] | None = None) -> list[str]:
    choice = Choice(parse(options), prefix, place)
    return [one.device.partition("/")[2] for one in choice.all(world.carol)]


@pytest.mark.parametrize(
    ("options", "prefix", "names"),
    [
        ("", "", ["alice", "bob"]),
        ("", "PJSIP", ["alice", "bob"]),
        ("", "pjsip/AL", ["alice"]),
        ("", "SIP", []),
        ("u", "PJSIP/alice", []),
        ("u", "PJSIP/bob-00000001", ["bob"]),
        ("b", "", []),
        ("g(sales)", "", ["bob"]),
        ("g(nobody:SUPPORT)", "", ["alice", "bob"]),
        ("g(sup)", "", []),
        ("e(bob:dave)", "", ["bob"]),
        ("e(bo)", "", []),
        ("e()", "", []),
    ],
)
def test_what_is_asked_for(options: str, prefix: str, names: list[str]) -> None:
    async def scenario(world: Spied) -> None:
        world.alice.set_variable("SPYGROUP", "support")
        world.bob.set_variable("SPYGROUP", "Sales:Support")
        assert found(world, options, prefix) == names

    spied(scenario)


def test_a_uniqueid_names_one_and_an_extension_those_that_dialled_it() -> None:
    async def scenario(world: Spied) -> None:
        assert found(world, "u", world.alice.uniqueid) == ["alice"]
        world.channel("dave", "77")
        assert found(world, "", place=("internal", "77")) == ["dave"]
        assert found(world, "", place=("other", "77")) == []

    spied(scenario)


def test_nobody_spies_on_itself_on_another_who_spies_or_on_who_is_gone() -> None:
    async def scenario(world: Spied) -> None:
        mark_spying(world.alice, True)
        world.bob.queue_hangup()
        assert found(world, "") == []
        mark_spying(world.alice, False)
        mark_spying(world.alice, False)
        assert found(world, "") == ["alice"]

    spied(scenario)


def test_digits_name_a_channel_behind_the_prefix() -> None:
    async def scenario(world: Spied) -> None:
        made = world.channel("1234")
        for prefix in ("PJSIP", "pjsip/", ""):
            assert Choice(parse(""), prefix).find(world.carol, "123") is made
        assert Choice(parse(""), "PJSIP").find(world.carol, "9") is None
        assert Choice(parse("e(alice)"), "PJSIP").find(world.carol, "1234") is None

    spied(scenario)
