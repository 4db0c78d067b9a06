"""Pickup between phones: by extension, by group, by the code of features.conf."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from call_kit import EXTENSIONS, PJSIP, World, two_phones
from manager_kit import MANAGER, RECORD, manager

from asterism.interfaces.console.runner import CommandRunner
from asterism.stack.message import Request
from asterism.stack.transactions.server_invite import InviteServerTransaction
from asterism.testing import Phone, PhoneCall, until

GROUPS = """
[101](+)
call_group=1
pickup_group=1
[102](+)
call_group=1,4-6
named_call_group=sales
[103](+)
callerid="Carol" <103>
accountcode=c
pickup_group=0,1
"""
PICKUP = """
exten => 7500,1,Pickup(102@phones)
exten => 7501,1,Pickup()
exten => 7502,1,Pickup(nosuch@phones)
exten => 7503,1,PickupChan(PJSIP/102)
"""


@asynccontextmanager
async def three_phones(groups: str = GROUPS, **more: str) -> AsyncIterator[tuple[World, Phone]]:
    """Ann (101), Bob (102) and Carol (103)."""
    config = {"pjsip.conf": PJSIP + groups, "extensions.conf": EXTENSIONS + PICKUP, "manager.conf": MANAGER, **more}
    async with two_phones(config) as world, Phone("103", world.server, "bob's secret", username="102") as carol:
        await carol.register()
        yield world, carol


async def ringing(world: World) -> tuple[PhoneCall, PhoneCall]:
    call = await world.ann.dial("102")
    incoming = await world.bob.incoming()
    incoming.ring()
    await call.ringing()
    return call, incoming


async def talk(one: PhoneCall, other: PhoneCall) -> None:
    one.play(440)
    other.play(660)
    await one.hears(660)
    await other.hears(440)


@pytest.mark.parametrize("code", ["7500", "7501", "7503", "*8"])
async def test_the_caller_talks_to_who_picked_up_and_the_phone_stops_ringing(code: str) -> None:
    async with three_phones() as (world, carol), manager(world.server) as client:
        call, incoming = await ringing(world)
        picked = await carol.dial(code)
        await picked.answered()
        await call.answered()
        assert await incoming.ended() == "cancelled"
        await talk(call, picked)
        told = await client.event("Pickup")
        assert [name for name, _ in told.pairs][2:] == recorded_fields()
        assert (told["Exten"], told["TargetExten"]) == (code, "102")
        assert (told["ConnectedLineNum"], told["TargetConnectedLineNum"]) == ("101", "101")
        await picked.hangup()
        await call.ended()


def recorded_fields() -> list[str]:
    text = (RECORD / "pickup.txt").read_text()
    found = re.search(r"^Event: Pickup\nPrivilege: call,all\n(.+?)\n\n", text, re.M | re.S)
    assert found is not None
    return [line.partition(":")[0] for line in found.group(1).splitlines()]


def recorded(code: str) -> dict[str, list[str]]:
    """The events of each phone's channel in the recorded call, without those that other threads told."""
    text = (RECORD / "pickup.txt").read_text()
    (part,) = [one for one in re.split(r"(?m)^### ", text) if f"carol dials {code} " in one]
    found: dict[str, list[str]] = {}
    for event, name in re.findall(r"^~(\w+) PJSIP/(\w+)-", part, re.M):
        found.setdefault(name, []).append(event)
    return found


async def test_the_events_of_each_channel_as_recorded() -> None:
    """Up to the bridge; when the call ends is another matter."""
    async with three_phones() as (world, carol), manager(world.server) as client:
        call, _ = await ringing(world)
        picked = await carol.dial("7500")
        await picked.answered()
        await call.answered()
        await client.event("BridgeEnter")
        await client.event("BridgeEnter")
        await picked.hangup()
        await client.event("BridgeDestroy")
    left_out = {"VarSet", "NewAccountCode", "DialBegin", "DialState"}
    told: dict[str, list[str]] = {}
    for event in client.events:
        if event.get("Channel", "").startswith("PJSIP/") and event["Event"] not in left_out:
            told.setdefault(event["Channel"][6:9], []).append(event["Event"])
    for phone, name in (("101", "alice"), ("103", "carol")):
        expected = [one for one in recorded("7500")[name] if one not in left_out]
        until = expected.index("BridgeEnter") + 1
        assert [one for one in told[phone] if one != "Pickup"][:until] == expected[:until], name


async def test_who_is_in_none_of_the_groups_is_refused() -> None:
    async with three_phones(GROUPS.replace("pickup_group=0,1", "pickup_group=2")) as (world, carol):
        call, incoming = await ringing(world)
        assert await (await carol.dial("*8")).refused() == 403
        assert await (await carol.dial("7502")).refused() == 603
        incoming.answer()
        await call.answered()
        await call.hangup()


async def test_named_groups() -> None:
    groups = GROUPS.replace("pickup_group=0,1", "named_pickup_group=it,sales")
    async with three_phones(groups) as (world, carol):
        call, incoming = await ringing(world)
        picked = await carol.dial("*8")
        await picked.answered()
        assert await incoming.ended() == "cancelled"
        await call.hangup()


async def test_a_phone_that_stops_ringing_hears_that_the_call_was_answered_elsewhere() -> None:
    async with three_phones() as (world, carol):
        seen: list[Request] = []
        as_ever = world.bob.on_cancel

        def on_cancel(transaction: InviteServerTransaction, request: Request) -> None:
            seen.append(request)
            as_ever(transaction, request)

        world.bob.on_cancel = on_cancel
        call, incoming = await ringing(world)
        picked = await carol.dial("*8")
        await picked.answered()
        await incoming.ended()
        assert seen[0].get_all("Reason") == ['SIP;cause=200;text="Call completed elsewhere"', "Q.850;cause=26"]
        await call.hangup()


async def test_the_code_and_the_sound_of_a_refusal_come_from_features_conf() -> None:
    features = "[general]\npickupexten=*99\n"
    async with three_phones(**{"features.conf": features}) as (world, carol):
        call, incoming = await ringing(world)
        assert await (await carol.dial("*8")).refused() == 404
        path = Path(world.server.paths.etc) / "features.conf"
        path.write_text("[general]\npickupexten=\n")
        await CommandRunner(world.server).run("module reload features", lambda _text: None)
        assert await (await carol.dial("*99")).refused() == 404
        path.write_text("[general]\npickupexten=*77\n")
        await CommandRunner(world.server).run("module reload features", lambda _text: None)
        picked = await carol.dial("*77")
        await picked.answered()
        assert await incoming.ended() == "cancelled"
        await picked.hangup()
        await call.ended()


def _beeps(call: PhoneCall) -> bool:
    return call.audio.level(1000) > 0.5


async def test_the_sounds_of_features_conf() -> None:
    """``pickupsound`` for the one who picks up, ``pickupfailsound`` where there is nothing to pick up."""
    features = "[general]\npickupsound = beep\npickupfailsound = beep\n"
    async with three_phones(**{"features.conf": features}) as (world, carol):
        for rings in (True, False):
            call = incoming = None
            if rings:
                call, incoming = await ringing(world)
            picked = await carol.dial("*8")
            await picked.answered()
            await until(partial(_beeps, picked))
            if call is None or incoming is None:
                await picked.ended()
                break
            await call.answered()
            assert await incoming.ended() == "cancelled"
            await talk(call, picked)
            await picked.hangup()
            await call.ended()
