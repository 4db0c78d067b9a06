"""Direct media with peers of ``sip.conf``: ``directmedia`` and its words, the access lists, both technologies."""

from __future__ import annotations

import asyncio

import pytest
from sip_calls_kit import SIP, World, phones

from asterism.testing import PhoneCall, until

NUMBERS = {"alice": "6001", "bob": "6002", "ann": "101"}


def config(directmedia: str) -> str:
    return SIP.replace("directmedia=no", f"directmedia={directmedia}")


async def connect(world: World, caller: str, called: str) -> tuple[PhoneCall, PhoneCall]:
    every = {"alice": world.alice, "bob": world.bob, "ann": world.ann}
    call = await every[caller].dial(NUMBERS[called])
    incoming = await every[called].incoming()
    incoming.answer()
    await call.answered()
    await incoming.answered()
    return call, incoming


def told(one: PhoneCall) -> int:
    """The port that a phone was told to send to."""
    assert one.remote_description is not None
    return one.remote_description.port


async def are_direct(one: PhoneCall, other: PhoneCall) -> None:
    await until(lambda: told(one) == other.audio.port and told(other) == one.audio.port, what="not direct")


async def are_here(*calls: PhoneCall) -> None:
    """They talk, and their media stays here."""
    one, other = calls
    one.play(440)
    other.play(660)
    await one.hears(660)
    await other.hears(440)
    await asyncio.sleep(0.1)
    assert told(one) != other.audio.port
    assert told(other) != one.audio.port


def methods(call: PhoneCall) -> list[str]:
    return [request.method for request in call.requests if request.method in ("INVITE", "UPDATE")]


@pytest.mark.parametrize(("caller", "called"), [("alice", "bob"), ("alice", "ann"), ("ann", "bob")])
async def test_media_flow_between_the_phones(caller: str, called: str) -> None:
    async with phones(sip=config("yes"), direct="yes") as world:
        call, incoming = await connect(world, caller, called)
        await are_direct(call, incoming)
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize(("caller", "called"), [("alice", "ann"), ("ann", "bob")])
async def test_one_that_does_not_want_it_keeps_both_here(caller: str, called: str) -> None:
    async with phones(sip=config("no"), direct="yes") as world:
        call, incoming = await connect(world, caller, called)
        await are_here(call, incoming)
        await call.hangup()
        await incoming.ended()


async def test_update_moves_the_media_without_an_invite() -> None:
    async with phones(sip=config("update")) as world:
        call, incoming = await connect(world, "alice", "bob")
        await are_direct(call, incoming)
        assert set(methods(call) + methods(incoming)) == {"UPDATE"}
        await call.hangup()
        await incoming.ended()


async def test_outgoing_lets_the_called_side_be_moved_later() -> None:
    """``directmedia=outgoing``: the called phone gets no re-INVITE, which two servers in a row would send at once."""
    async with phones(sip=config("outgoing")) as world:
        call, incoming = await connect(world, "alice", "bob")
        await until(lambda: told(call) == incoming.audio.port, what="the caller is not moved")
        await asyncio.sleep(0.1)
        assert methods(incoming) == []
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize(
    ("lines", "direct"),
    [
        ("directmediadeny=0.0.0.0/0", False),
        ("directmediadeny=0.0.0.0/0\ndirectmediapermit=127.0.0.0/8", True),
        ("directmediapermit=127.0.0.0/8\ndirectmediadeny=127.0.0.1", False),
        ("directmediaacl=nobody", False),
    ],
)
async def test_access_lists_of_direct_media(lines: str, direct: bool) -> None:
    acl = {"acl.conf": "[nobody]\ntype=acl\ndeny=0.0.0.0/0\n"}
    async with phones(sip=config("yes"), bob_options=lines, files=acl) as world:
        call, incoming = await connect(world, "alice", "bob")
        if direct:
            await are_direct(call, incoming)
        else:
            await are_here(call, incoming)
        await call.hangup()
        await incoming.ended()


async def test_hold_and_a_transfer_bring_media_back_and_direct_again() -> None:
    async with phones(sip=config("yes"), direct="yes") as world:
        call, incoming = await connect(world, "alice", "bob")
        await are_direct(call, incoming)
        await call.hold()
        await call.unhold()
        await are_direct(call, incoming)
        assert (await call.refer(f"<{world.alice.uri('101')}>")).status == 202
        third = await world.ann.incoming()
        third.answer()
        await third.answered()
        await are_direct(incoming, third)
        if not call.over:
            await call.hangup()
        await third.hangup()
        await incoming.ended()


@pytest.mark.parametrize(("word", "moves"), [("nonat", False), ("yes", True)])
async def test_nonat_keeps_phones_here_that_are_not_where_they_say(word: str, moves: bool) -> None:
    async with phones(sip=config(f"{word}\nnat=force_rport,comedia")) as world:
        call, incoming = await connect(world, "alice", "bob")
        call.play(440)
        incoming.play(660)
        await are_direct(call, incoming)  # once each was heard from where it says
        await call.hangup()
        await incoming.ended()
        call = await world.alice.dial("6002")
        incoming = await world.bob.incoming()
        incoming.description.port = incoming.audio.port + 1  # not where its packets come from
        incoming.answer()
        await call.answered()
        await incoming.answered()
        call.play(440)
        incoming.play(660)
        if moves:
            await until(lambda: told(call) == incoming.audio.port + 1, what="not direct")
        else:
            await are_here(call, incoming)
            assert methods(call) == methods(incoming) == []
        await call.hangup()
        await incoming.ended()
