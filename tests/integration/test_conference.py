"""Three phones in one bridge, by content: who hears whom, what moves lose, and what is left afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from call_kit import EXTENSIONS, PJSIP, World, two_phones

from asterism.media.g711 import ulaw_to_linear
from asterism.media.taps import Direction, Tap
from asterism.pbx.channels.channel import Channel
from asterism.testing import Phone, PhoneCall, until

CAROL = """
[104](phone)
auth=104
aors=104
[104]
type=auth
username=104
password=carol's
[104]
type=aor
"""
DIALPLAN = (
    EXTENSIONS
    + """
exten => 700,1,BridgeAdd(PJSIP/101)
exten => 701,1,BridgeWait(room,announcer)
exten => 702,1,BridgeWait(room,,e(n))
exten => 703,1,Answer(,i)
 same => n,Wait(30)
exten => 704,1,Bridge(PJSIP/102)
"""
)
CODES = bytes(range(0x80, 0xC0))
"""Loud u-law octets, one for each packet: what arrives tells which packet it was."""
BY_SAMPLE = {ulaw_to_linear(bytes([code])): code for code in CODES}


@asynccontextmanager
async def three_phones() -> AsyncIterator[tuple[World, Phone]]:
    async with two_phones({"pjsip.conf": PJSIP + CAROL, "extensions.conf": DIALPLAN}) as world:
        async with Phone("104", world.server, "carol's") as carol:
            yield world, carol
        bridges = world.server.pbx.bridges
        await until(lambda: not bridges and len(bridges.clock) == 0 and not bridges.thread.running)


async def talking(world: World, carol: Phone) -> list[PhoneCall]:
    """Ann and Bob talk, and Carol with them."""
    ann, bob = await world.connect()
    third = await carol.dial("700")
    await third.answered()
    return [ann, bob, third]


def technology(world: World) -> str:
    (bridge,) = world.server.pbx.bridges.values()
    return bridge.technology


async def test_each_hears_the_two_others_and_not_itself() -> None:
    async with three_phones() as (world, carol):
        calls = await talking(world, carol)
        assert technology(world) == "softmix"
        tones = [440, 700, 1000]
        for call, hertz in zip(calls, tones, strict=True):
            call.audio.play(hertz)
        others = [[hertz for hertz in tones if hertz != own] for own in tones]
        await asyncio.gather(*(call.audio.hears(*each) for call, each in zip(calls, others, strict=True)))
        for call, own in zip(calls, tones, strict=True):
            assert call.audio.level(own) < 0.02
        await calls[2].hangup()
        await until(lambda: technology(world) == "native_rtp")
        await calls[0].audio.hears(700)
        await calls[0].hangup()


def packets_heard(call: PhoneCall) -> list[int]:
    """Which of the packets of :data:`CODES` a phone has heard, in order."""
    found = [BY_SAMPLE.get(samples[160:162]) for samples in call.audio.packets]
    return [code for code in found if code is not None]


def lost(heard: list[int]) -> int:
    """How many packets are missing between the first and the last; -1 where the order is wrong."""
    steps = [(after - before) % len(CODES) for before, after in pairwise(heard)]
    return -1 if any(step == 0 or step > len(CODES) // 2 for step in steps) else sum(step - 1 for step in steps)


class _Louder(Tap):
    """A tap that changes nothing, but might."""

    changes = True


class _Ear(Tap):
    """A tap that hears."""


async def some_packets(call: PhoneCall) -> None:
    """Wait until ten more were heard."""
    count = call.audio.received + 10
    await until(lambda: call.audio.received >= count)


async def test_moves_between_relay_tap_and_mix_lose_at_most_a_packet() -> None:
    async with three_phones() as (world, carol):
        ann, bob = await world.connect()
        channel: Channel = next(one for one in world.server.pbx.channels if one.name.startswith("PJSIP/101"))
        ann.audio.play_packets([bytes([code]) * 160 for code in CODES])
        await some_packets(bob)

        async def move(what: str) -> None:
            before = lost(packets_heard(bob))
            assert before >= 0
            await some_packets(bob)
            after = lost(packets_heard(bob))
            assert 0 <= after - before <= 1, f"{what}: {after - before} packets lost"

        for tap in (_Ear(), _Louder()):
            channel.attach(tap, Direction.IN)
            await move(f"{type(tap).__name__} on")
            channel.detach(tap)
            await move(f"{type(tap).__name__} off")
        for _ in range(3):
            third = await carol.dial("700")
            await third.answered()
            await until(lambda: technology(world) == "softmix")
            await move("to the mix")
            await third.hangup()
            await until(lambda: technology(world) == "native_rtp")
            await move("to the relay")
        assert lost(packets_heard(bob)) <= 4
        await ann.hangup()


async def test_a_mix_while_a_party_is_tapped() -> None:
    async with three_phones() as (world, carol):
        calls = await talking(world, carol)
        heard: list[int] = []
        channel = next(one for one in world.server.pbx.channels if one.name.startswith("PJSIP/101"))
        ear = _Ear()
        ear.take = lambda frame: heard.append(len(frame.payload))
        calls[0].audio.play(440)
        await calls[1].audio.hears(440)
        channel.attach(ear, Direction.IN)
        await calls[2].audio.hears(440)
        assert len(heard) > 5
        channel.detach(ear)
        count = len(heard)
        await calls[1].audio.hears(440)
        assert len(heard) == count
        await asyncio.gather(*(call.hangup() for call in calls))


@pytest.mark.parametrize("how", ["phones", "server", "bridge"])
async def test_all_are_lost_at_once_and_nothing_is_left(how: str) -> None:
    async with three_phones() as (world, carol):
        before = len(asyncio.all_tasks())
        calls = await talking(world, carol)
        for call in calls:
            call.audio.play(500)
        await calls[0].audio.hears(500)
        pbx = world.server.pbx
        (bridge,) = pbx.bridges.values()
        if how == "phones":
            await asyncio.gather(*(call.hangup() for call in calls))
        elif how == "server":
            for channel in pbx.channels:
                channel.soft_hangup()
        else:
            bridge.dismiss()
        await until(lambda: len(pbx.channels) == 0)
        await until(lambda: not pbx.bridges)
        assert len(pbx.bridges.clock) == 0
        assert bridge.members == {}
        await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_an_announcement_to_all_who_wait() -> None:
    async with three_phones() as (world, carol):
        ann, bob = await world.ann.dial("702"), await world.bob.dial("702")
        await asyncio.gather(ann.answered(), bob.answered())
        ann.audio.play(440)
        third = await carol.dial("701")
        await third.answered()
        third.audio.play(1000)
        await asyncio.gather(ann.audio.hears(1000), bob.audio.hears(1000))
        await third.audio.hears_nothing()
        await asyncio.gather(*(call.hangup() for call in (ann, bob, third)))


async def test_one_is_fetched_by_another() -> None:
    async with three_phones() as (world, _):
        bob = await world.bob.dial("703")
        await bob.answered()
        ann = await world.ann.dial("704")
        await ann.answered()
        ann.audio.play(440)
        bob.audio.play(700)
        await asyncio.gather(ann.audio.hears(700), bob.audio.hears(440))
        await asyncio.gather(ann.hangup(), bob.hangup())
