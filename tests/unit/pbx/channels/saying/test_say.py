"""Saying prompts to a channel: in order, interrupted, with missing ones, without audio, endless."""

from __future__ import annotations

import asyncio
import time
from itertools import repeat

import pytest
from fake_technology import audio_of
from say_kit import Speaking, speaking

from asterism.media.soundfiles import SoundError
from asterism.pbx.channels.saying.say import order_of, say, say_text
from asterism.pbx.vocabulary.errors import ChannelHangup


def test_prompts_are_played_in_order_and_a_missing_one_is_told_once_and_left_out() -> None:
    async def scenario(world: Speaking) -> None:
        world.channel.language = "de"
        assert await say(world.channel, ["a", "gone", "b", "gone"]) == ""
        assert world.sounds.asked == ["a", "gone", "b", "gone"]
        assert len(audio_of(world.channel).written) == 2
        assert [line for line in world.log.lines if "gone" in line] == [
            f"{world.channel.name} does not hear 'gone': there is no sound 'gone'"
        ]
        assert world.sounds.languages == {"de"}

    speaking(scenario, absent={"gone"})


def test_a_digit_ends_it() -> None:
    async def scenario(world: Speaking) -> None:
        saying = asyncio.ensure_future(say(world.channel, repeat("a"), "5"))
        await asyncio.sleep(0.05)
        world.channel.queue_digit("4", 100)
        world.channel.queue_digit("5", 100)
        assert await asyncio.wait_for(saying, 5) == "5"

    speaking(scenario)


@pytest.mark.parametrize("stream", [True, False])
def test_an_endless_text_leaves_the_loop_to_others_and_ends_with_the_call(stream: bool) -> None:
    async def scenario(world: Speaking) -> None:
        late = []
        saying = asyncio.ensure_future(say(world.channel, repeat("gone" if stream else "a")))
        for _ in range(10):
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            late.append(time.perf_counter() - before - 0.01)
        world.channel.hang_up()
        with pytest.raises(ChannelHangup):
            await asyncio.wait_for(saying, 5)
        assert min(late) < 0.02
        assert len(world.log.lines) <= 1

    speaking(scenario, absent={"gone"}, stream=stream)


def test_many_missing_names_are_not_all_remembered_and_told() -> None:
    async def scenario(world: Speaking) -> None:
        await say(world.channel, (f"gone{number}" for number in range(300)))
        assert len(world.log.lines) == 64

    speaking(scenario, absent={f"gone{number}" for number in range(300)})


def test_a_text_with_its_prefix() -> None:
    async def scenario(world: Speaking) -> None:
        world.channel.language = "fr"
        assert await say_text(world.channel, "num:21") == ""
        assert world.sounds.asked == ["digits/20", "digits/et", "digits/1"]
        with pytest.raises(SoundError, match="'num:x' cannot be said: could not be parsed as a number"):
            await say_text(world.channel, "num:x")
        with pytest.raises(SoundError, match="does not begin with what it is"):
            await say_text(world.channel, "hello-world")

    speaking(scenario)


@pytest.mark.parametrize(("language", "own"), [("de", "1-and"), ("fr", "et"), ("es_MX", "20-and")])
def test_a_language_without_prompts_is_said_in_the_order_of_english(language: str, own: str) -> None:
    async def scenario(world: Speaking) -> None:
        world.channel.language = language
        assert order_of(world.channel) == "en"
        await say_text(world.channel, "num:121")
        assert world.sounds.asked == ["digits/1", "digits/hundred", "digits/20", "digits/1"]

    speaking(scenario, absent={f"digits/{own}"})


def test_where_a_package_has_no_other_form_of_one_the_common_one_is_said() -> None:
    async def scenario(world: Speaking) -> None:
        world.channel.language = "fr"
        await say_text(world.channel, "time:k:3600")
        assert "digits/1F" not in world.sounds.asked
        assert world.log.lines == []

    speaking(scenario, absent={"digits/1F"})
