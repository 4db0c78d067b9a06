"""Who is shown on whose display after each step of a call that moves: P-Asserted-Identity in what each phone gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from call_kit import PJSIP, World, two_phones

from asterism.pbx.calls.transfers.attended import attended
from asterism.pbx.calls.transfers.blind import blind
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.channels.channel import Channel
from asterism.stack.message import Message, make_response
from asterism.testing import Phone, PhoneCall, assert_idle, free_port, running_server, until

SHOWS = "[phone](!)\nsend_pai=yes\nsend_rpid=yes\ndirect_media=no\n"
EXTENSIONS = """
[phones]
exten => 600,1,Answer()
 same => n,Echo()
exten => _10X,1,Dial(PJSIP/${EXTEN},30)
exten => _2XX,1,Dial(Local/1${EXTEN:1}@phones,30)
exten => _3XX,1,Dial(Local/1${EXTEN:1}@phones/n,30)
exten => 7500,1,Pickup(102@phones)
"""
PARKING = "[general]\n[default]\nparkext=700\nparkpos=701-720\ncontext=parkedcalls\nparkingtime=60\n"
INCLUDE = "[phones]\ninclude => parkedcalls\n"


@asynccontextmanager
async def three_phones(
    options: str = "", config: dict[str, str] | None = None, trunk: str = ""
) -> AsyncIterator[tuple[World, Phone]]:
    """Ann (101), Bob (102) and Cat (103), who are told whom they talk to."""
    pjsip = PJSIP.replace("[phone](!)\n", SHOWS + options).replace(
        "[103](phone)\n", '[103](phone)\ncallerid="Cat Example" <103>\n'
    )
    files = {"pjsip.conf": pjsip + trunk, "extensions.conf": EXTENSIONS, **(config or {})}
    async with two_phones(files) as world, Phone("103", world.server, "bob's secret", username="102") as cat:
        await cat.register()
        yield world, cat


def identities(call: PhoneCall) -> list[tuple[str, str]]:
    """Name and number of everybody whom a phone was shown, in order, and once each."""
    messages: list[Message] = [] if call.responses else [call.request]
    found: list[tuple[str, str]] = []
    for message in (*messages, *call.responses, *call.requests):
        for one in message.addresses("P-Asserted-Identity"):
            if not found or found[-1] != (one.display, one.uri.user):
                found.append((one.display, one.uri.user))
    return found


ANN, BOB, CAT = ("Ann Example", "101"), ("Bob Example", "102"), ("Cat Example", "103")
FAR = ("Ann Example", "901")


async def shows(call: PhoneCall, who: tuple[str, str]) -> None:
    """Wait until a phone shows somebody."""
    await until(lambda: identities(call)[-1:] == [who], what=lambda: f"{call.phone.user} shows {identities(call)}")


def channel_of(world: World, device: str, number: int = 0) -> Channel:
    found = [one for one in world.server.pbx.channels if one.device == f"PJSIP/{device}"]
    return found[number]


async def taken(phone: Phone) -> PhoneCall:
    """The phone rings, and answers."""
    incoming = await phone.incoming()
    incoming.ring()
    incoming.answer()
    await incoming.answered()
    return incoming


@pytest.mark.parametrize("method", ["invite", "update"])
@pytest.mark.parametrize("by_caller", [True, False])
async def test_a_blind_transfer(by_caller: bool, method: str) -> None:
    async with three_phones(f"connected_line_method={method}\n") as (world, cat):
        call, incoming = await world.connect()
        await shows(call, BOB)
        await shows(incoming, ANN)
        leaves, stays, who = ("101", incoming, BOB) if by_caller else ("102", call, ANN)
        assert blind(channel_of(world, leaves), "phones", "103") is TransferResult.SUCCESS
        third = await taken(cat)
        assert third.request.get("Diversion") is None  # nobody diverted it
        await shows(third, who)
        await shows(stays, CAT)
        methods = {one.method for one in stays.requests if one.method in ("INVITE", "UPDATE")}
        assert methods == {method.upper()}
        await stays.hangup()
        await third.ended()


@pytest.mark.parametrize("prefix", ["1", "2", "3"])
async def test_an_attended_transfer(prefix: str) -> None:
    """Directly, and by way of Local channels that leave the call, or stay."""
    async with three_phones() as (world, cat):
        call, incoming = await world.connect(f"{prefix}02")
        await shows(call, BOB)
        await shows(incoming, ANN)
        second = await world.ann.dial(f"{prefix}03")
        third = await taken(cat)
        await second.answered()
        await shows(second, CAT)
        await shows(third, ANN)
        assert attended(channel_of(world, "101"), channel_of(world, "101", 1)) is TransferResult.SUCCESS
        await shows(incoming, CAT)
        await shows(third, BOB)
        await third.hangup()
        await incoming.ended()


async def test_an_attended_transfer_before_the_answer() -> None:
    """Blond: the target hears of it while it rings, or when it answers."""
    async with three_phones() as (world, cat):
        _, incoming = await world.connect()
        second = await world.ann.dial("103")
        third = await cat.incoming()
        third.ring()
        await second.ringing()
        assert attended(channel_of(world, "101"), channel_of(world, "101", 1)) is TransferResult.SUCCESS
        third.answer()
        await third.answered()
        await shows(incoming, CAT)
        await shows(third, BOB)
        await third.hangup()
        await incoming.ended()


async def test_a_pickup() -> None:
    async with three_phones() as (world, cat):
        call = await world.ann.dial("102")
        incoming = await world.bob.incoming()
        incoming.ring()
        await call.ringing()
        picked = await cat.dial("7500")
        await picked.answered()
        await call.answered()
        await shows(call, CAT)
        await shows(picked, ANN)
        await incoming.ended()
        await call.hangup()
        await picked.ended()


async def test_parking_and_retrieval() -> None:
    files = {"res_parking.conf": PARKING, "extensions.conf": EXTENSIONS + INCLUDE}
    async with three_phones(config=files) as (world, cat):
        _, incoming = await world.connect()
        assert blind(channel_of(world, "101"), "phones", "700") is TransferResult.SUCCESS
        await until(lambda: channel_of(world, "102").bridge is not None)
        retrieved = await cat.dial("701")
        await retrieved.answered()
        await shows(retrieved, BOB)
        await shows(incoming, CAT)
        await retrieved.hangup()
        await incoming.ended()


@pytest.mark.parametrize("number", ["102", "202", "302"])
async def test_a_forward_by_302(number: str) -> None:
    async with three_phones() as (world, cat):
        call = await world.ann.dial(number)
        incoming = await world.bob.incoming()
        moved(world.bob, incoming, f"sip:103@{cat.host}:{cat.port}")
        third = await taken(cat)
        await call.answered()
        await shows(call, CAT)
        await shows(third, ANN)
        assert "sip:102@" in (third.request.get("Diversion") or "")
        assert (181 in call.provisional) or number != "102"
        await call.hangup()
        await third.ended()


async def test_two_phones_that_send_their_calls_to_each_other() -> None:
    """By way of the dialplan, where no Dial sees both: it ends after twenty forwards."""
    async with three_phones() as (world, cat):
        tried = []

        async def redirect(phone: Phone, where: str) -> None:
            while True:
                incoming = await phone.incoming(60)
                tried.append(phone.user)
                moved(phone, incoming, where)

        redirecting = [
            asyncio.create_task(redirect(world.bob, f"sip:103@{cat.host}:{cat.port}")),
            asyncio.create_task(redirect(cat, f"sip:102@{world.bob.host}:{world.bob.port}")),
        ]
        call = await world.ann.dial("102")
        assert await call.refused(20) >= 400
        assert len(tried) == 21
        for task in redirecting:
            task.cancel()


def moved(phone: Phone, call: PhoneCall, where: str, header: str = "") -> None:
    """Answer a call with 302, and with a header besides."""
    assert call.server_transaction is not None
    response = make_response(call.request, 302, "", phone.tag_of(call))
    response.add_header("Contact", f"<{where}>")
    if header:
        response.add_header(*header.split(": ", 1))
    call.server_transaction.respond(response)
    phone.wire.arm()


TRUNK = """
[transport-udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
[trunk]
type=endpoint
context=phones
allow=!all,ulaw
aors=trunk
direct_media=no
send_pai=yes
trust_id_inbound=yes
trust_id_outbound=yes
[trunk]
type=aor
contact=sip:127.0.0.1:{peer}
[trunk]
type=identify
endpoint=trunk
match=127.0.0.1:{peer}
"""


@pytest.mark.parametrize("by_trunk", [True, False])
async def test_through_two_servers(by_trunk: bool) -> None:
    """Who is transferred at one server is shown at the other: on either side of the transferer."""
    here, there = free_port(), free_port()
    other = {
        "pjsip.conf": PJSIP.replace("[phone](!)\n", SHOWS).replace("101", "901") + TRUNK.format(port=there, peer=here),
        "extensions.conf": "[phones]\nexten => 901,1,Dial(PJSIP/901,30)\n"
        "exten => _10X,1,Dial(PJSIP/${EXTEN}@trunk,30)\n",
    }
    files = {"extensions.conf": EXTENSIONS + "exten => 901,1,Dial(PJSIP/901@trunk,30)\n"}
    async with (
        three_phones(config=files, trunk=TRUNK.format(port=here, peer=there)) as (world, cat),
        running_server(other) as server,
        Phone("901", server, "ann's secret") as far,
    ):
        await far.register()
        if by_trunk:
            call = await world.bob.dial("901")
            incoming = await taken(far)
        else:
            incoming = await far.dial("102")
            call = await taken(world.bob)
        await call.answered()
        await incoming.answered()
        await shows(incoming, BOB)
        await shows(call, FAR)
        assert blind(channel_of(world, "102"), "phones", "103") is TransferResult.SUCCESS
        third = await taken(cat)
        await shows(third, FAR)
        await shows(incoming, CAT)
        await incoming.hangup()
        await third.ended()
        await assert_idle(server)
