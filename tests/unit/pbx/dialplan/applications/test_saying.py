"""The Say applications ask for the recorded files in the recorded order, and warn as recorded."""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from fake_technology import audio_of
from say_kit import ABSENT, RECORD, Speaking, heard_until_absent, recorded, speaking

from asterism.pbx.channels.saying.kinds import MOST_CHARACTERS
from asterism.pbx.dialplan.applications.saying import SayingApplications
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.flow import Goto

WARNINGS = set(re.findall(r"WARNING pbx_builtins\.c: (.*)", RECORD))
NAMES = ("SayAlpha", "SayAlphaCase", "SayDigits", "SayMoney", "SayNumber", "SayOrdinal", "SayPhonetic")


@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_files_are_played_in_the_recorded_order(name: str) -> None:
    async def scenario(world: Speaking) -> None:
        for args, names in recorded(name):
            world.log.lines.clear()
            asked = await world.run(name, args)
            assert heard_until_absent(asked) == names, args
            assert bool(asked) == (not world.log.lines), world.log.lines
            if name == "SayNumber":
                assert set(world.log.lines) <= WARNINGS

    speaking(scenario, SayingApplications())


def test_what_is_missing_does_not_end_the_phrase() -> None:
    async def scenario(world: Speaking) -> None:
        assert await world.run("SayMoney", "12.34") == [
            "digits/12", "dollars", "and", "digits/30", "digits/4", "cents",
        ]  # fmt: skip
        assert len(world.log.lines) == 2
        assert len(audio_of(world.channel).written) == 4

    speaking(scenario, SayingApplications(), absent=ABSENT)


def test_the_language_and_the_gender_decide() -> None:
    async def scenario(world: Speaking) -> None:
        world.channel.language = "de_AT"
        assert await world.run("SayNumber", "21,f") == ["digits/1-and", "digits/20"]
        assert await world.run("SayNumber", "101 , F") == ["digits/1N", "digits/hundred", "digits/1F"]
        assert await world.run("SayOrdinal", "3") == ["digits/h-3"]
        assert await world.run("SayNumber", "21,x") == []
        assert await world.run("SayNumber", "21,fm") == []
        complaint = "SayNumber: the gender is 'f', 'm', 'c' or 'n', not "
        assert world.log.lines == [f"{complaint}'x'", f"{complaint}'fm'"]

    speaking(scenario, SayingApplications())


@pytest.mark.parametrize("name", NAMES)
def test_a_million_digits_are_one_warning_and_the_call_goes_on(name: str) -> None:
    async def scenario(world: Speaking) -> None:
        text = "7" * 1_000_000
        args = f"a,{text}" if name == "SayAlphaCase" else text
        before = time.perf_counter()
        saying = asyncio.ensure_future(world.run(name, args))
        await asyncio.sleep(0.1)
        assert time.perf_counter() - before < 1.0, "the loop was held up"
        assert len(world.log.lines) == 1
        assert len(world.log.lines[0]) < 300
        if name in ("SayMoney", "SayNumber", "SayOrdinal"):
            assert "more than 12" in world.log.lines[0]
            assert await saying == []
            return
        assert f"of 1000000 characters the first {MOST_CHARACTERS} are said" in world.log.lines[0]
        assert 0 < len(world.sounds.asked) < 50
        world.channel.hang_up()
        with pytest.raises(ChannelHangup):
            await asyncio.wait_for(saying, 5)

    speaking(scenario, SayingApplications())


def test_a_digit_goes_to_an_extension_where_the_variable_says_so() -> None:
    async def scenario(world: Speaking) -> None:
        world.server.dialplan(("5", 1, "NoOp", ""))
        world.channel.context = "internal"
        for value, ends in (("TRUE", True), ("no", False)):
            world.channel.set_variable("SAY_DTMF_INTERRUPT", value)
            saying = asyncio.ensure_future(world.run("SayDigits", "1" * 20))
            await asyncio.sleep(0.05)
            world.channel.queue_digit("5", 100)
            if ends:
                with pytest.raises(Goto) as jump:
                    await asyncio.wait_for(saying, 5)
                assert (jump.value.context, jump.value.exten) == ("internal", "5")
            else:
                assert len(await asyncio.wait_for(saying, 5)) == 20
                assert await world.channel.read_digit(0) == "5"

    speaking(scenario, SayingApplications())


@pytest.mark.parametrize(("name", "args"), [("SayAlphaCase", "x,a"), ("SayAlphaCase", "a"), ("SayDigits", "")])
def test_what_is_missing_is_told(name: str, args: str) -> None:
    async def scenario(world: Speaking) -> None:
        assert await world.run(name, args) == []
        assert len(world.log.lines) == 1
        assert "requires" in world.log.lines[0]

    speaking(scenario, SayingApplications())
