"""Packets that overtake each other, are lost or come in a burst, heard through ``listen()`` and a conference."""

from __future__ import annotations

import asyncio
import struct

import pytest
from call_kit import two_phones

from asterism import Channel
from asterism.media.g711 import linear_to_ulaw, ulaw_to_linear
from asterism.testing import Phone, PhoneCall, until

COUNT = 40
ORDERS = {
    "in order": list(range(COUNT)),
    "overtaken": [number ^ 1 if number > 3 else number for number in range(COUNT)],
    "far overtaken": [*range(10), 12, 10, 11, *range(13, COUNT)],
    "twice": [one for number in range(COUNT) for one in (number, number)],
    "lost": [number for number in range(COUNT) if number not in (11, 20, 21)],
}
LOST = {"lost": (11, 20, 21)}


def said(number: int) -> bytes:
    """20 ms that nobody mixes up with others, nor with silence."""
    return bytes([16 + number]) * 160


async def send(call: PhoneCall, order: list[int], pace: float) -> None:
    """Send packets with the numbers and timestamps of this order."""
    loop = asyncio.get_running_loop()
    start, seen = loop.time(), set[int]()
    for number in order:
        packet = struct.pack("!BBHII", 0x80, 0, 65500 + number & 0xFFFF, 0xFFFFF000 + 160 * number & 0xFFFFFFFF, 77)
        assert call.audio.remote is not None
        call.audio._socket.sendto(packet + said(number), call.audio.remote)
        if number not in seen:
            seen.add(number)
            await asyncio.sleep(max(0.0, start + pace * len(seen) - loop.time()))


@pytest.mark.parametrize("kind", list(ORDERS))
@pytest.mark.parametrize("pace", [0.02, 0.0], ids=["paced", "burst"])
async def test_listen(kind: str, pace: float) -> None:
    async with two_phones() as world:
        heard: list[bytes] = []

        @world.server.pbx.extension("phones", "800")
        async def listen(channel: Channel) -> None:
            await channel.answer()
            async with channel.listen(rate=8000) as audio:
                async for frame in audio:
                    heard.append(frame.payload)  # noqa: PERF401 - it is looked at meanwhile

        call = await world.ann.dial("800")
        await call.answered()
        await send(call, ORDERS[kind], pace)
        await until(lambda: len(heard) == COUNT)
        expected = [ulaw_to_linear(b"\xff" * 160 if n in LOST.get(kind, ()) else said(n)) for n in range(COUNT)]
        assert heard == expected
        await call.hangup()


@pytest.mark.parametrize("kind", list(ORDERS))
async def test_a_conference(kind: str) -> None:
    """Another party hears each packet once and in its place, but for single ones that a busy machine may cost."""
    async with two_phones() as world, Phone("103", world.server, "bob's secret", username="102") as cat:
        room = world.server.pbx.create_bridge("room")

        @world.server.pbx.extension("phones", "830")
        async def enter(channel: Channel) -> None:
            await channel.join(room)

        calls = [await phone.dial("830") for phone in (world.ann, world.bob, cat)]
        for call in calls:
            await call.answered()
        await until(lambda: room.technology == "softmix")
        start = calls[1].audio.received
        await until(lambda: calls[1].audio.received > start + 2)
        await send(calls[0], ORDERS[kind], 0.02)
        end = calls[1].audio.received + 15
        await until(lambda: calls[1].audio.received >= end)
        heard = [linear_to_ulaw(packet)[80] for packet in calls[1].audio.packets]
        numbers = [value - 16 for value in heard if 16 <= value < 16 + COUNT]
        expected = [number for number in range(COUNT) if number not in LOST.get(kind, ())]
        assert numbers == sorted(set(numbers))
        assert len(set(expected) - set(numbers)) <= 6
        assert set(numbers) <= set(expected)
        for call in calls:
            await call.hangup()
        await until(lambda: not room.members)
        room.dismiss()
