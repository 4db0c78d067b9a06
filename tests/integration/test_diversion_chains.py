"""Diversion and History-Info of a diverted call that is then picked up, transferred, parked, diverted again."""

from __future__ import annotations

import pytest
from test_displays import PARKING, channel_of, moved, taken, three_phones

from asterism.pbx.calls.transfers.attended import attended
from asterism.pbx.calls.transfers.blind import blind
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.testing import PhoneCall, until

DIVERTS = """
[phones]
exten => _10X,1,Dial(PJSIP/${EXTEN},30)
exten => _9X,1,Set(REDIRECTING(from-num,i)=15${EXTEN:1})
 same => n,Set(REDIRECTING(reason,i)=cfb)
 same => n,Set(REDIRECTING(to-num)=10${EXTEN:1})
 same => n,Dial(PJSIP/10${EXTEN:1},30)
exten => 7500,1,Pickup(102@phones&92@phones&103@phones)
exten => 600,1,Wait(60)
include => parkedcalls
"""
FILES = {"res_parking.conf": PARKING, "extensions.conf": DIVERTS}
TOLD = "send_diversion=yes\nsend_history_info=yes\n"


def diversions(call: PhoneCall) -> list[tuple[str, str, str]]:
    """Party, reason and counter of each Diversion of an INVITE, the last one first."""
    found = call.request.addresses("Diversion")
    return [(one.uri.user, one.param("reason") or "", one.param("counter") or "") for one in found]


def history(call: PhoneCall) -> list[tuple[str, str, str]]:
    """Party, SIP code and index of each entry of History-Info."""
    found = call.request.addresses("History-Info")
    return [(one.uri.user, one.uri.headers.rpartition("%3D")[2], one.param("index") or "") for one in found]


FIRST = ("152", "user-busy", "")


@pytest.mark.parametrize("number", ["102", "92"])
async def test_two_forwards(number: str) -> None:
    """Forwarded by the dialplan or not, then by two phones: with the reasons of the first and the last."""
    async with three_phones(TOLD, FILES) as (world, cat):
        call = await world.ann.dial(number)
        by_dialplan = [FIRST] if number == "92" else []
        incoming = await world.bob.incoming()
        assert diversions(incoming) == by_dialplan
        moved(world.bob, incoming, f"sip:103@{cat.host}:{cat.port}", "Diversion: <sip:102@x>;reason=no-answer")
        second = await cat.incoming()
        assert diversions(second) == [("102", "no-answer", ""), *by_dialplan]
        assert history(second)[:-1] == (
            [("152", "486", "1"), ("102", "408", "1.1")] if by_dialplan else [("102", "408", "1")]
        )
        moved(cat, second, f"sip:101@{world.ann.host}:{world.ann.port}", "Diversion: <sip:103@x>;reason=away")
        third = await world.ann.incoming()
        expected = [("103", "away", "2"), FIRST] if by_dialplan else [("103", "away", ""), ("102", "no-answer", "")]
        assert diversions(third) == expected
        third.answer()
        await call.answered()
        await third.answered()
        await call.hangup()
        await third.ended()


@pytest.mark.parametrize("forwards", [False, True])
async def test_a_blind_transfer(forwards: bool) -> None:
    """The third phone is told by whom the call was diverted; and if that sends it on, both are told."""
    async with three_phones(TOLD, FILES) as (world, cat):
        call, _ = await world.connect("92")
        assert blind(channel_of(world, "102"), "phones", "103") is TransferResult.SUCCESS
        incoming = await cat.incoming()
        assert diversions(incoming) == [FIRST]
        assert history(incoming) == [("152", "486", "1"), ("103", "", "1.1")]
        if forwards:
            moved(cat, incoming, f"sip:102@{world.bob.host}:{world.bob.port}", "Diversion: <sip:103@x>;reason=away")
            incoming = await taken(world.bob)
            assert diversions(incoming) == [("103", "away", ""), FIRST]
            assert [one[0] for one in history(incoming)] == ["152", "103", "102"]
        else:
            incoming.answer()
            await incoming.answered()
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize("number", ["103", "93"])
async def test_an_attended_transfer_before_the_answer(number: str) -> None:
    """Before the answer: the diversions of the call that takes the place come first, and none is lost."""
    async with three_phones(TOLD, FILES) as (world, cat):
        call, _ = await world.connect("92")
        await world.bob.dial(number)
        incoming = await cat.incoming()
        incoming.ring()
        channels = channel_of(world, "102"), channel_of(world, "102", 1)
        assert attended(*channels) is TransferResult.SUCCESS
        (caller,) = [one for one in world.server.pbx.channels if one.device == "PJSIP/101"]
        told = caller.redirecting
        assert told is not None
        first = (told.original or told.from_).number
        assert (first, told.times) == ("152", 1 if number == "103" else 2)
        assert told.from_.number == ("152" if number == "103" else "153")
        incoming.answer()
        await incoming.answered()
        assert blind(channel_of(world, "103"), "phones", "102") is TransferResult.SUCCESS
        third = await taken(world.bob)
        assert diversions(third) == ([FIRST] if number == "103" else [("153", "user-busy", ""), FIRST])
        await call.hangup()
        await third.ended()


async def test_a_pickup() -> None:
    """Who picks it up has the call with its diversion, whoever is called for it next."""
    async with three_phones(TOLD, FILES) as (world, cat):
        call = await world.ann.dial("92")
        incoming = await world.bob.incoming()
        incoming.ring()
        await call.ringing()
        picked = await cat.dial("7500")
        await picked.answered()
        await call.answered()
        await incoming.ended()
        assert blind(channel_of(world, "103"), "phones", "102") is TransferResult.SUCCESS
        again = await taken(world.bob)
        assert diversions(again) == [FIRST]
        assert history(again) == [("152", "486", "1"), ("102", "", "1.1")]
        await call.hangup()
        await again.ended()


@pytest.mark.parametrize("retrieved", [True, False])
async def test_parking(retrieved: bool) -> None:
    """It comes back to who parked it, or is retrieved and transferred: in both cases with its diversion."""
    files = FILES if retrieved else {**FILES, "res_parking.conf": PARKING.replace("time=60", "time=1")}
    async with three_phones(TOLD, files) as (world, cat):
        call, _ = await world.connect("92")
        assert blind(channel_of(world, "102"), "phones", "700") is TransferResult.SUCCESS
        await until(lambda: channel_of(world, "101").bridge is not None)
        if retrieved:
            fetched = await cat.dial("701")
            await fetched.answered()
            assert blind(channel_of(world, "103"), "phones", "102") is TransferResult.SUCCESS
        again = await taken(world.bob)
        assert diversions(again) == [FIRST]
        assert history(again) == [("152", "486", "1"), ("102", "", "1.1")]
        await call.hangup()
        await again.ended()
