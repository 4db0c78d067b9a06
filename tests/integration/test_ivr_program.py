"""What code does that runs a call: sounds that are wound, tones, silence, texts, who answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ivr_kit import Ivr, ivr, number_tone

from asterism import Channel
from asterism.core.errors import UsageError
from asterism.media.answering_machine import Rhythm
from asterism.testing import PhoneCall, until


@asynccontextmanager
async def program(code: Callable[[Channel], Awaitable[Any]], found: list[Any]) -> AsyncIterator[tuple[Ivr, PhoneCall]]:
    async with ivr("exten => 1,1,NoOp()\n") as world:

        @world.server.pbx.extension("internal", "700")
        async def run(channel: Channel) -> None:
            await channel.answer()
            found.append(await code(channel))

        number_tone(Path(world.server.paths.data) / "sounds" / "en" / "long", 700, 8.0)
        call = await world.dial("700")
        yield world, call
        await call.ended()


async def test_a_sound_is_wound_by_code() -> None:
    found: list[Any] = []

    async def code(channel: Channel) -> list[Any]:
        playing = channel.start_play("long", offset_ms=1000)
        seen: list[Any] = []
        while (digit := await playing.next_digit()) != "#":
            seen.append((digit, playing.position))
            if digit == "1":
                playing.skip(3000)
            elif digit == "2":
                playing.pause()
            elif digit == "3":
                playing.resume()
            elif digit == "4":
                playing.seek(0)
        seen.append(playing.position)
        playing.stop()
        return seen

    async with program(code, found) as (world, call):
        await call.hears(700)
        call.send_digits("1")
        await call.hears(700)
        call.send_digits("2")
        await until(lambda: (speaks := next(iter(world.server.pbx.channels)).speaks) is None or speaks.paused)  # type: ignore[attr-defined]
        await call.audio.hears_nothing(0.4)
        call.send_digits("3")
        await call.hears(700)
        call.send_digits("4#")
    one, two, three, four, end = found[0]
    assert 1000 < one[1] < 3000
    assert two[1] > one[1] + 3000
    assert three[1] - two[1] <= 40  # it stood still
    assert four[1] > three[1]
    assert end < 1500


async def test_tones_silence_and_noise() -> None:
    found: list[Any] = []

    async def code(channel: Channel) -> list[Any]:
        assert channel.play_tone("425/2000,0/10")
        with pytest.raises(UsageError):
            channel.play_tone("no such tone")
        noise = await channel.wait_for_noise(0.2, 5)
        channel.stop_tone()
        assert noise
        return [noise, await channel.wait_for_silence(0.2, 5), await channel.wait_for_noise(0.2, 0.3)]

    async with program(code, found) as (world, call):
        await call.hears(425)
        call.play(700)
        await until(lambda: next(iter(world.server.pbx.channels)).tone is None)  # the noise was heard
        call.play()
    assert found == [[True, True, False]]


async def test_texts() -> None:
    found: list[Any] = []

    async def code(channel: Channel) -> list[Any]:
        with pytest.raises(ValueError, match="content type"):
            channel.send_text("hello", "html")
        return [
            channel.send_text("<b>hi</b>", "text/html"),
            await channel.receive_text(5),
            await channel.receive_text(0.1),
        ]

    async with program(code, found) as (world, call):
        await until(lambda: world.alice.texts() == [("text/html", b"<b>hi</b>")])
        await call.send("MESSAGE", b"hello", "text/plain")
    assert found == [[True, "hello", None]]


async def test_who_answered() -> None:
    found: list[Any] = []

    async def code(channel: Channel) -> Any:
        return await channel.who_answered(Rhythm(initial_silence=400))

    async with program(code, found) as (_, call):
        call.play()
    assert (found[0].status, found[0].cause) == ("MACHINE", "INITIALSILENCE-400-400")
