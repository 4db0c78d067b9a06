"""Calls between phones of ``sip.conf`` and of ``pjsip.conf`` in one server: what one can do with a call, all can."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sip_calls_kit import World, phones
from test_music_on_hold import LOW, music

from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.testing import Phone, PhoneCall, until

ANN, BOB, CAROL = 440, 660, 880
NUMBERS = {"alice": "6001", "bob": "6002", "ann": "101"}
PAIRS = [("alice", "bob"), ("alice", "ann"), ("ann", "bob")]
GROUPS = "callgroup=1\npickupgroup=1"


def phone(world: World, name: str) -> Phone:
    return {"alice": world.alice, "bob": world.bob, "ann": world.ann}[name]


async def connect(world: World, caller: str, called: str) -> tuple[PhoneCall, PhoneCall]:
    call = await phone(world, caller).dial(NUMBERS[called])
    incoming = await phone(world, called).incoming()
    incoming.ring()
    await call.ringing()
    incoming.answer()
    await call.answered()
    await incoming.answered()
    return call, incoming


async def talk(one: PhoneCall, other: PhoneCall, here: int = ANN, there: int = BOB) -> None:
    one.play(here)
    other.play(there)
    await one.hears(there)
    await other.hears(here)


@asynccontextmanager
async def talking(
    caller: str, called: str, extensions: str = "", files: dict[str, str] | None = None
) -> AsyncIterator[tuple[World, PhoneCall, PhoneCall]]:
    async with phones(extensions, bob_options=GROUPS, files=files) as world:
        call, incoming = await connect(world, caller, called)
        await talk(call, incoming)
        yield world, call, incoming


@pytest.mark.parametrize(("caller", "called"), PAIRS)
async def test_they_hear_each_other(caller: str, called: str) -> None:
    async with talking(caller, called) as (_, call, incoming):
        await incoming.hangup()
        assert await call.ended() == "BYE received"


@pytest.mark.parametrize(("caller", "called"), PAIRS)
async def test_who_is_held_hears_music(caller: str, called: str, tmp_path: Path) -> None:
    files = {"musiconhold.conf": music(tmp_path)["musiconhold.conf"]}
    async with talking(caller, called, files=files) as (_, call, incoming):
        await call.hold()
        await incoming.hears(LOW)
        await call.unhold()
        await talk(call, incoming)
        await incoming.hold()
        await call.hears(LOW)
        await incoming.unhold()
        await call.hangup()
        await incoming.ended()


async def test_the_device_that_holds_is_on_hold() -> None:
    """Of a peer of sip.conf the one that holds, of pjsip.conf the one that is held."""
    async with talking("alice", "ann") as (world, call, incoming):
        states = world.server.pbx.device_states
        await call.hold()
        await until(lambda: states.get("SIP/alice") is DeviceState.ONHOLD)
        assert states.get("PJSIP/101") is DeviceState.ONHOLD
        await call.unhold()
        await until(lambda: states.get("SIP/alice") is DeviceState.INUSE)
        await incoming.hold()
        await until(lambda: incoming.description.direction == "sendonly")
        assert states.get("SIP/alice") is DeviceState.INUSE
        await incoming.unhold()
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize(
    ("caller", "called", "target"),
    [("alice", "bob", "ann"), ("alice", "ann", "bob"), ("ann", "bob", "alice")],
)
@pytest.mark.parametrize("by_caller", [True, False])
async def test_a_blind_transfer(caller: str, called: str, target: str, by_caller: bool) -> None:
    async with talking(caller, called) as (world, call, incoming):
        who, other = (call, incoming) if by_caller else (incoming, call)
        response = await who.refer(f"<{who.phone.uri(NUMBERS[target])}>")
        assert response.status == 202
        third = await phone(world, target).incoming()
        third.answer()
        await third.answered()
        third.play(CAROL)
        await other.hears(CAROL)
        await third.hears(BOB if by_caller else ANN)
        if not who.over:
            await who.hangup()
        await third.hangup()
        await other.ended()


@pytest.mark.parametrize(
    ("transferer", "first", "second"), [("alice", "bob", "ann"), ("ann", "alice", "bob"), ("bob", "ann", "alice")]
)
async def test_an_attended_transfer(transferer: str, first: str, second: str) -> None:
    async with phones() as world:
        one, other = await connect(world, transferer, first)
        two, third = await connect(world, transferer, second)
        other.play(BOB)
        third.play(CAROL)
        await two.hears(CAROL)
        target = f"<{one.phone.uri(NUMBERS[second])}?{two.replaces()}>"
        assert (await one.refer(target)).status == 202
        await third.hears(BOB)
        await other.hears(CAROL)
        for leg in (one, two):
            if not leg.over:
                await leg.ended() if leg is two else await leg.hangup()
        await third.hangup()
        await other.ended()


@pytest.mark.parametrize("code", ["7500", "7501", "7502"])
async def test_pickup_by_the_other_kind_of_phone(code: str) -> None:
    extensions = """
exten => 7500,1,Pickup(6002@phones)
exten => 7501,1,PickupChan(SIP/bob)
exten => 7502,1,Pickup(6002@PICKUPMARK)
exten => 6012,1,Set(__PICKUPMARK=6002)
 same => n,Dial(SIP/bob,30)
"""
    async with phones(extensions, bob_options=GROUPS) as world:
        call = await world.alice.dial("6012" if code == "7502" else "6002")
        incoming = await world.bob.incoming()
        incoming.ring()
        await call.ringing()
        picked = await world.ann.dial(code)
        await picked.answered()
        await call.answered()
        assert await incoming.ended()
        await talk(call, picked)
        await picked.hangup()
        await call.ended()


async def test_parking_and_fetching(tmp_path: Path) -> None:
    files = {
        "res_parking.conf": "[default]\nparkext=>700\nparkpos=>701-703\ncontext=>parkedcalls\n",
        "musiconhold.conf": music(tmp_path)["musiconhold.conf"],
    }
    async with talking("ann", "bob", "include => parkedcalls\n", files=files) as (world, call, incoming):
        assert (await incoming.refer(f"<{world.bob.uri('700')}>")).status == 202
        await call.hears(LOW)
        fetching = await world.alice.dial("701")
        await fetching.answered()
        await talk(call, fetching, ANN, CAROL)
        await fetching.hangup()
        await call.ended()
        if not incoming.over:
            await incoming.ended()


async def test_the_channels_are_of_their_technologies() -> None:
    extensions = "exten => 700,1,Set(GLOBAL(IS)=${CHANNEL(channeltype)} ${CHANNEL(name)})\n same => n,Dial(SIP/bob)\n"
    async with phones(extensions) as world:
        for who, kind in ((world.alice, "SIP SIP/alice-"), (world.ann, "PJSIP PJSIP/101-")):
            call = await who.dial("700")
            (await world.bob.incoming()).reject()
            await call.refused()
            assert world.server.pbx.dialplan.globals["IS"].startswith(kind)
        types = await world.console("core show channeltypes")
        assert re.search(r"^SIP +Session Initiation Protocol \(SIP\) +yes +no +yes +yes", types, re.MULTILINE)
        assert "3 channel drivers registered." in types
        assert "-- Info about channel driver: SIP --" in await world.console("core show channeltype SIP")


async def test_a_call_from_nobody_is_named_after_its_host() -> None:
    async with phones() as world, Phone("stranger", world.bob.server) as stranger:
        call = await stranger.dial("600")
        await call.answered()
        assert world.channels() == ["SIP/127.0.0.1"]
        await call.hangup()
