"""Saying the number of a space."""

from __future__ import annotations

import asyncio

import pytest
from fake_technology import settle
from parking_kit import DIGIT, World, parking

from asterism.pbx.calls.parking.announcing import Announcement, tell
from asterism.pbx.channels.channel import Channel


async def said(world: World, body: object) -> tuple[Channel, float]:
    """A channel that runs ``body``; how long that took."""
    took: list[float] = []

    async def whole(channel: Channel) -> None:
        began = world.pbx.loop.time()
        await body(channel)  # type: ignore[operator]
        took.append(world.pbx.loop.time() - began)

    channel = world.server.sip.incoming("alice", "1")
    world.pbx.start(channel, whole)
    await asyncio.sleep(10)
    return channel, took[0]


def test_each_digit_is_said() -> None:
    async def scenario(world: World) -> None:
        _, took = await said(world, lambda channel: Announcement(channel, 70123).say())
        assert took == pytest.approx(5 * DIGIT, abs=0.1)

    parking(scenario)


def test_it_can_be_stopped() -> None:
    async def scenario(world: World) -> None:
        async def body(channel: Channel) -> None:
            announcement = Announcement(channel, 701)
            world.pbx.loop.call_later(DIGIT * 1.5, announcement.stop)
            await announcement.say()

        _, took = await said(world, body)
        assert took == pytest.approx(1.5 * DIGIT, abs=0.03)

    parking(scenario)


def test_without_the_sounds_nothing_is_said() -> None:
    async def scenario(world: World) -> None:
        sounds = world.server.media.sounds  # type: ignore[attr-defined]
        load = sounds.load

        def without_zero(name: str, *args: object) -> object:
            return load("gone" if name == "digits/0" else name, *args)

        sounds.load = without_zero
        _, took = await said(world, lambda channel: Announcement(channel, 701).say())
        assert took == pytest.approx(DIGIT, abs=0.1)
        _, took = await said(world, lambda channel: tell(channel, "nosuch"))
        assert took == 0

    parking(scenario)


def test_who_parks_itself_hears_music_after_its_space_and_nothing_of_the_space_once_it_is_retrieved() -> None:
    async def scenario(world: World) -> None:
        alice = await world.call("alice", "7400")
        await asyncio.sleep(3 * DIGIT - 0.05)
        assert "MusicOnHoldStart" not in world.server.names()
        await asyncio.sleep(0.1)
        assert world.server.names().count("MusicOnHoldStart") == 1
        alice.queue_hangup(16)
        await settle(40)
        dave = await world.call("dave", "7400")
        assert dave.speaks is not None
        carol = await world.call("carol", "7406")
        assert dave.speaks is None
        await asyncio.sleep(1)
        assert dave.bridge is carol.bridge is not None
        assert dave.speaks is None
        assert world.server.names().count("MusicOnHoldStart") == 1
        carol.queue_hangup(16)
        await settle(40)

    parking(scenario)
