"""Calls that a program makes and moves: originate, redirect, bridge_with, join."""

from __future__ import annotations

import asyncio

import pytest
from call_kit import two_phones

from asterism import Channel
from asterism.pbx.vocabulary.errors import Goto, NotAnsweredError
from asterism.testing import until


async def test_an_originated_call_runs_code_or_goes_to_an_extension():
    async with two_phones() as world:
        seen: list[str] = []

        async def greet(channel: Channel) -> None:
            seen.append(channel.get_variable("GREETING") or "")
            await channel.read_digit()

        calling = asyncio.create_task(
            world.server.originate("PJSIP/101", greet, caller_id='"Office" <100>', variables={"GREETING": "hello"})
        )
        call = await world.ann.incoming()
        assert "100" in (call.request.get("From") or "")
        call.answer()
        channel = await calling
        assert isinstance(channel, Channel)
        assert channel.alive
        await until(lambda: seen == ["hello"])
        call.audio.send_digits("1")
        await call.ended()

        @world.server.pbx.extension("phones", "810")
        async def place(channel: Channel) -> None:
            seen.append(channel.exten)

        calling = asyncio.create_task(world.server.originate("PJSIP/101", context="phones", exten="810"))
        call = await world.ann.incoming()
        call.answer()
        await calling
        await until(lambda: seen == ["hello", "810"])
        await call.ended()


async def test_whoever_does_not_answer_is_told_by_its_cause():
    async with two_phones() as world:

        async def never(channel: Channel) -> None:
            raise AssertionError

        with pytest.raises(ValueError, match="either"):
            await world.server.originate("PJSIP/101")
        with pytest.raises(NotAnsweredError) as caught:
            await world.server.originate("Nothing/101", never)
        assert caught.value.cause == 3
        calling = asyncio.create_task(world.server.originate("PJSIP/101", never))
        call = await world.ann.incoming()
        call.reject(486)
        with pytest.raises(NotAnsweredError) as caught:
            await calling
        assert caught.value.cause == 17
        calling = asyncio.create_task(world.server.originate("PJSIP/101", never, timeout=0.2))
        await world.ann.incoming()
        with pytest.raises(NotAnsweredError) as caught:
            await calling
        assert caught.value.cause == 19
        calling = asyncio.create_task(world.server.originate("PJSIP/101", never))
        await world.ann.incoming()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await until(lambda: len(world.server.pbx.channels) == 0)


async def test_two_talk_and_go_on_afterwards():
    async with two_phones() as world:
        after: list[str] = []
        waiting: dict[str, Channel] = {}

        @world.server.pbx.extension("phones", "820")
        async def wait(channel: Channel) -> None:
            waiting["bob"] = channel
            await channel.answer()
            await asyncio.sleep(60)

        @world.server.pbx.extension("phones", "820", 2)
        async def later(channel: Channel) -> None:
            after.append("bob")

        @world.server.pbx.extension("phones", "821")
        async def meet(channel: Channel) -> None:
            with pytest.raises(ValueError, match="itself"):
                await channel.bridge_with(channel)
            await channel.bridge_with(waiting["bob"])
            after.append("ann")

        bob = await world.bob.dial("820")
        await bob.answered()
        ann = await world.ann.dial("821")
        await ann.answered()
        ann.audio.play(440)
        bob.audio.play(700)
        await asyncio.gather(ann.audio.hears(700), bob.audio.hears(440))
        await bob.hangup()
        await ann.ended()
        assert after == ["ann"]
        bob = await world.bob.dial("820")
        await bob.answered()
        ann = await world.ann.dial("821")
        await ann.answered()
        bob.audio.play(700)
        await ann.audio.hears(700)
        await ann.hangup()
        await bob.ended()
        assert after == ["ann", "bob"]


async def test_a_bridge_of_a_program_and_a_redirect_out_of_it():
    async with two_phones() as world:
        room = world.server.pbx.create_bridge("room")
        seen: list[str] = []

        @world.server.pbx.extension("phones", "830")
        async def enter(channel: Channel) -> None:
            await channel.join(room)
            seen.append("out")

        @world.server.pbx.extension("phones", "831")
        async def elsewhere(channel: Channel) -> None:
            seen.append("elsewhere")
            await channel.read_digit()

        ann, bob = await world.ann.dial("830"), await world.bob.dial("830")
        await asyncio.gather(ann.answered(), bob.answered())
        await until(lambda: len(room.channels) == 2)
        ann.audio.play(440)
        bob.audio.play(700)
        await asyncio.gather(ann.audio.hears(700), bob.audio.hears(440))
        first, second = room.channels
        first.redirect(Goto("phones", "831"))
        await until(lambda: seen == ["elsewhere"])
        assert room.channels == [second]
        room.dismiss()
        await until(lambda: seen == ["elsewhere", "out"])
        first.soft_hangup()
        await asyncio.gather(ann.ended(), bob.ended())
        await until(lambda: len(world.server.pbx.bridges) == 0)
