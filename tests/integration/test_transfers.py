"""Transfers of real calls: who hears whom before, during and after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from call_kit import PJSIP, World, two_phones

from asterism import Channel
from asterism.testing import Phone, PhoneCall, until

THIRD = """
[104](phone)
auth=104
aors=104
callerid="Carol Example" <104>
[104]
type=auth
username=104
password=carol's secret
[104]
type=aor
max_contacts=2
"""
EXTENSIONS = """
[phones]
exten => 101,1,Dial(PJSIP/101,30)
exten => 102,1,Dial(PJSIP/102,30)
exten => 104,1,Dial(PJSIP/104,30)
exten => 600,1,Answer()
 same => n,Echo()
exten => 605,1,Answer()
 same => n,Playback(melody&melody&melody&melody)
 same => n,Wait(60)
exten => 606,1,Answer()
 same => n,Milliwatt()
"""


@dataclass
class Three(World):
    """Carol (104) too."""

    carol: Phone

    def channels(self, device: str) -> list[Channel]:
        """The channels of a phone, the oldest first."""
        return [one for one in self.server.pbx.channels if one.device == f"PJSIP/{device}"]


@asynccontextmanager
async def three_phones(relayed: bool) -> AsyncIterator[Three]:
    pjsip = PJSIP + THIRD
    if relayed:
        pjsip = pjsip.replace("[phone](!)\n", "[phone](!)\ndirect_media=no\n")
    async with (
        two_phones({"pjsip.conf": pjsip, "extensions.conf": EXTENSIONS}) as world,
        Phone("104", world.server, "carol's secret") as carol,
    ):
        await carol.register()
        yield Three(world.server, world.ann, world.bob, world.dialled, carol)


async def hear_each_other(one: PhoneCall, other: PhoneCall) -> None:
    one.play(440)
    other.play(660)
    await other.hears(440)
    await one.hears(660)
    one.play(520)
    await other.hears(520)


@pytest.mark.parametrize("relayed", [True, False])
async def test_the_parties_of_two_calls(relayed: bool) -> None:
    async with three_phones(relayed) as world:
        call, bobs = await world.connect()
        await hear_each_other(call, bobs)
        second = await world.bob.dial("104")
        carols = await world.carol.incoming()
        carols.answer()
        await second.answered()
        first_leg, second_leg = world.channels("102")
        assert await first_leg.attended_transfer(second_leg)
        assert await bobs.ended() == "BYE received"
        assert await second.ended() == "BYE received"
        await hear_each_other(call, carols)
        await carols.hangup()
        assert await call.ended() == "BYE received"


@pytest.mark.parametrize("relayed", [True, False])
async def test_the_second_call_rings_yet(relayed: bool) -> None:
    async with three_phones(relayed) as world:
        call, bobs = await world.connect()
        second = await world.bob.dial("104")
        carols = await world.carol.incoming()
        carols.ring()
        await second.ringing()
        first_leg, second_leg = world.channels("102")
        heard: list[int] = []
        outcome = asyncio.ensure_future(first_leg.attended_transfer(second_leg, heard=heard.append))
        await bobs.ended()
        await second.ended()
        await call.hears(440, 480)  # ringing: 440 and 480 Hz
        carols.answer()
        assert await outcome
        assert heard == [180]
        await hear_each_other(call, carols)
        await call.hangup()
        assert await carols.ended() == "BYE received"


async def test_the_second_call_is_an_echo() -> None:
    async with three_phones(True) as world:
        call, bobs = await world.connect()
        second = await world.bob.dial("600")
        await second.answered()
        second.play(500)
        await second.hears(500)
        first_leg, second_leg = world.channels("102")
        assert await first_leg.attended_transfer(second_leg)
        await bobs.ended()
        await second.ended()
        call.play(700)
        await call.hears(700)
        await call.hangup()


@pytest.mark.parametrize("exten", ["605", "606"])
async def test_the_server_goes_on_speaking_to_another_party(exten: str) -> None:
    async with three_phones(True) as world:
        call, bobs = await world.connect()
        second = await world.bob.dial(exten)
        await second.answered()
        await until(lambda: second.audio.received > 5)
        first_leg, second_leg = world.channels("102")
        assert await first_leg.attended_transfer(second_leg)
        await bobs.ended()
        await second.ended()
        before = call.audio.received
        await until(lambda: call.audio.received > before + 20)
        await call.hangup()


@pytest.mark.parametrize("by_caller", [True, False])
async def test_a_blind_transfer_that_fails_gives_the_party_back(by_caller: bool) -> None:
    async with three_phones(False) as world:
        call, bobs = await world.connect()
        await hear_each_other(call, bobs)
        leg = world.channels("101" if by_caller else "102")[0]
        outcome = asyncio.ensure_future(leg.blind_transfer("104", keep=True))
        carols = await world.carol.incoming()
        carols.ring()
        carols.reject(486)
        assert (await outcome).code == 486
        await hear_each_other(call, bobs)
        await bobs.hangup()
        await call.ended()


@pytest.mark.parametrize("by_caller", [True, False])
async def test_a_blind_transfer(by_caller: bool) -> None:
    async with three_phones(False) as world:
        call, bobs = await world.connect()
        leaves, goes = (call, bobs) if by_caller else (bobs, call)
        leg = world.channels("101" if by_caller else "102")[0]
        outcome = asyncio.ensure_future(leg.blind_transfer("104"))
        carols = await world.carol.incoming()
        assert await leaves.ended() == "BYE received"
        carols.ring()
        carols.answer()
        assert await outcome
        await hear_each_other(goes, carols)
        await carols.hangup()
        await goes.ended()
