"""SayUnixTime and DateTime against the record."""

from __future__ import annotations

import asyncio
import re

import pytest
from say_kit import RECORD, Speaking, recorded, speaking

from asterism.pbx.dialplan.applications.saying_times import SayUnixTimeModule
from asterism.pbx.vocabulary.flow import Goto


@pytest.mark.parametrize("name", ["SayUnixTime", "DateTime"])
def test_the_recorded_files_are_played_in_the_recorded_order(name: str) -> None:
    async def scenario(world: Speaking) -> None:
        for args, names in recorded(name):
            assert await world.run(name, args) == names, args
        if name == "SayUnixTime":
            assert world.log.lines == re.findall(r"WARNING say\.c: (.*)", RECORD) or world.log.lines == [
                line.removeprefix("WARNING say.c: ") for line in RECORD.splitlines() if "Unknown character" in line
            ]

    speaking(scenario, SayUnixTimeModule())


def test_nothing_is_now_and_here() -> None:
    async def scenario(world: Speaking) -> None:
        assert (await world.run("SayUnixTime"))[-1] in ("digits/a-m", "digits/p-m")
        assert await world.run("SayUnixTime", ",,Q") == ["digits/today"]

    speaking(scenario, SayUnixTimeModule())


@pytest.mark.parametrize("args", ["x", "1e99", "0,No/Where", "0,../../etc/passwd"])
def test_what_is_no_time_is_one_warning(args: str) -> None:
    async def scenario(world: Speaking) -> None:
        assert await world.run("SayUnixTime", args) == []
        assert len(world.log.lines) == 1

    speaking(scenario, SayUnixTimeModule())


def test_with_j_a_digit_goes_to_an_extension() -> None:
    async def scenario(world: Speaking) -> None:
        world.server.dialplan(("5", 1, "NoOp", ""))
        world.channel.context = "internal"
        saying = asyncio.ensure_future(world.run("SayUnixTime", "0,UTC,ABdYABdYABdYABdY,j"))
        await asyncio.sleep(0.05)
        world.channel.queue_digit("5", 100)
        with pytest.raises(Goto):
            await asyncio.wait_for(saying, 5)

    speaking(scenario, SayUnixTimeModule())
