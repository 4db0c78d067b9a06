"""Dialplans of chan_sip as recorded of Asterisk 16.28: each value, each warning, and what phones are sent."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from sip_dialplan_kit import World, differences, header_lines, plain, recorded, recorded_world

from asterism.chan_sip.objects import SipPeer
from asterism.chan_sip.peers import Peers, peers_of
from asterism.stack.uri import Uri
from asterism.testing import PhoneCall, until

ADDED = (
    ("710", "SIPAddHeader x3 then Dial"),
    ("711", "SIPRemoveHeader(X-Two) removes by prefix"),
    ("712", "SIPRemoveHeader() removes all"),
    ("713", "SIPAddHeader edge cases"),
    ("714", "SIPRemoveHeader of absent; inherited _SIPADDHEADERnn variables"),
    ("715", "SIPCALLID / SIPFROMDOMAIN / SIP_MAX_FORWARDS / CALLERID set before Dial"),
    ("700", "plain Dial(SIP/5551212@trunk1), whole call on both sides"),
    ("701", "plain Dial(SIP/trunk2/5551212)"),
)


OF_OTHERS = ("Call-ID", "CSeq", "Date", "Via", "Max-Forwards")
"""Headers of an INVITE with which the dialplan has nothing to do."""


def assert_executed(world: World, title: str, *, warned: bool = True) -> None:
    """What was executed and warned of is what was recorded."""
    theirs = [plain(line) for line in recorded(title).executed]
    ours = world.executed
    if not warned:
        ours, theirs = ([line for line in lines if line.startswith("[")] for lines in (ours, theirs))
    found = list(differences(ours, theirs))
    assert not found, "\n".join((title, *found))


@pytest.mark.parametrize(("number", "title"), ADDED)
async def test_the_invite_to_a_trunk(number: str, title: str, tmp_path: Path) -> None:
    trunk = "trunk2" if number == "701" else "trunk1"
    async with recorded_world(tmp_path, "alice", trunk) as world:
        world.begin()
        call = await world.phones["alice"].dial(number)
        incoming = await world.phones[trunk].incoming()
        incoming.ring()
        incoming.answer()
        await call.answered()
        await call.hangup()
        await incoming.ended()
        assert_executed(world, title)
        theirs = recorded(title).sent(trunk, "INVITE")[0]  # trunk2 may be sent others, to talk directly
        ours = [world.recorded_ports(line) for line in header_lines(incoming.request, without=OF_OTHERS)]
        found = list(differences(ours, header_lines(theirs, without=OF_OTHERS)))
        assert not found, "\n".join((title, *found))
        first = world.recorded_ports(f"INVITE {incoming.request.uri} SIP/2.0")
        assert first == theirs.partition("\n")[0]


async def _ended(world: World, number: str, headers: tuple[tuple[str, str], ...] = ()) -> PhoneCall:
    world.begin()
    call = await world.phones["alice"].dial(number, headers=headers)
    await call.ended()
    return call


HEADERS = (("X-Multi", "one"), ("X-Multi", "two, with comma"), ("X-Other", "zzz"), ("Supported", "replaces"))


async def test_headers_that_are_read(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice") as world:
        call = await _ended(world, "730", HEADERS)
        invite = call.request
        theirs = [plain(line) for line in recorded("SIP_HEADER / SIP_HEADERS").executed]
        # The phone writes its headers in an order of its own, and counts from another number.
        names = ",".join((*dict.fromkeys(name for name, _ in invite.headers), "Content-Length"))
        via = plain(str(invite.get("Via")))
        for number, line in enumerate(theirs):
            if "SIP_HEADERS()=" in line:
                theirs[number] = f"[730@internal:13] NoOp(SIP_HEADERS()=[{names}])"
            elif "SIP_HEADER(via)=" in line:
                theirs[number] = world.recorded_ports(f"[730@internal:10] NoOp(SIP_HEADER(via)=[{via}])")
            elif "SIP_HEADER(CSeq)=" in line:
                theirs[number] = f"[730@internal:12] NoOp(SIP_HEADER(CSeq)=[{invite.get('CSeq')}])"
        found = list(differences([line for line in world.executed if "Hangup" not in line], theirs))
        assert not found, "\n".join(found)


def _answers(peers: Peers, peer: SipPeer) -> bool:
    return peers.status(peer).startswith("OK")


async def test_items_of_peers(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice", "bob", "carol", "trunk1", "trunk2") as world:
        peers = peers_of(world.server)
        for name in ("alice", "bob", "trunk1", "trunk2"):
            peer = peers.get(name)
            assert peer is not None
            await until(partial(_answers, peers, peer))
        world.begin()
        call = await world.phones["alice"].dial("740")
        assert await call.refused() == 603
        assert_executed(world, "SIPPEER")


async def test_domains(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice") as world:
        call = await _ended(world, "750")
        assert (call.status, call.responses[-1].reason) == (603, "Declined")
        assert_executed(world, "CHECKSIPDOMAIN and SIPDOMAIN")
        alice = world.phones["alice"]
        world.begin()
        request = alice.create_request("INVITE", Uri("sip", "750", "example.org"))
        other = PhoneCall(alice, request, list(alice.codecs), alice.dtmf)
        request.set_body(str(other.description), "application/sdp")
        alice.calls.append(other)
        other.transaction = alice.wire.send_request(request, alice.wire.flow(alice.server), other)
        assert await other.refused() == 603
        assert_executed(world, "SIPDOMAIN with a request URI in another local domain")


OURS_ALONE = frozenset(("appname", "appdata"))
"""Items of CHANNEL that Asterisk 16.28 did not have while arguments were read, and Asterism has."""
NOT_TOLD = frozenset(("tonezone", *OURS_ALONE, "after_bridge_goto", "userfield"))
"""Items that only one of the two warns of, when they are empty."""


def _same_items(lines: list[str]) -> list[str]:
    """The lines without those warnings, and without what only Asterism can tell."""
    kept = (line for line in lines if not (line.startswith("WARNING") and line.split("'")[1] in NOT_TOLD))
    return [
        re.sub(r"=\[.*\]", "=[]", line) if any(f"CHANNEL({name})=" in line for name in OURS_ALONE)
        else line.replace(";transport=tcp", "")  # that the phone has in its Contact
        for line in kept
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("who", "title"),
    [("alice", "CHANNEL() items while answered, RTP flowing"), ("carol", "CHANNEL() items over TCP (carol)")],
)
async def test_items_of_channels(who: str, title: str, tmp_path: Path) -> None:
    async with recorded_world(tmp_path, who) as world:
        world.begin()
        call = await world.phones[who].dial("760")
        await call.answered()
        call.play(400)
        await call.ended()
        theirs = [plain(line) for line in recorded(title).executed]
        found = list(differences(_same_items(world.executed), _same_items(theirs)))
        assert not found, "\n".join((title, *found))


async def test_info_to_all_calls(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice") as world:
        call = await _ended(world, "720")
        assert_executed(world, "SIPSendCustomINFO")
        theirs = recorded("SIPSendCustomINFO").sent("alice", "INFO")
        _assert_requests(world, call, "INFO", theirs)


async def test_the_ways_of_digits(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice") as world:
        call = await _ended(world, "721")
        assert_executed(world, "SIPDtmfMode")
        _assert_requests(world, call, "INFO", recorded("SIPDtmfMode").sent("alice", "INFO"))
        assert call.audio.digits == "3"


def _assert_requests(world: World, call: PhoneCall, method: str, theirs: list[str]) -> None:
    """The requests that a phone got in its call, header by header, and their bodies."""
    ours = [one for one in call.requests if one.method == method]
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        lines = [world.recorded_ports(line) for line in header_lines(mine, without=NOT_COMPARED)]
        found = list(differences(lines, header_lines(other, without=NOT_COMPARED)))
        assert not found, "\n".join(found)
        assert mine.body.decode().replace("\r\n", "\n").strip() == other.partition("\n\n")[2].strip()


NOT_COMPARED = ("Call-ID", "CSeq", "Date", "Via", "Contact")
"""Headers that are others in each call, or that no phone reads."""


async def test_a_transfer_after_the_answer(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice") as world:
        world.begin()
        call = await world.phones["alice"].dial("790")
        await call.answered()
        await until(lambda: any(one.method == "REFER" for one in call.requests))
        await call.hangup()
        title = "Transfer() after answer -> REFER"
        assert_executed(world, title)
        _assert_requests(world, call, "REFER", recorded(title).sent("alice", "REFER"))


UNANSWERED = (
    ("791", "Transfer() before answer -> 302", 302, "Moved Temporarily"),
    ("792", "Busy(3)", 486, "Busy Here"),
    ("793", "Congestion(3)", 503, "Service Unavailable"),
    ("794", "Progress, wait, Hangup(1)", 404, "Not Found"),
    ("702", "Dial unknown peer", 480, "Temporarily unavailable"),
)


@pytest.mark.parametrize(("number", "title", "status", "phrase"), UNANSWERED)
async def test_calls_that_are_not_answered(number: str, title: str, status: int, phrase: str, tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice") as world:
        world.begin()
        call = await world.phones["alice"].dial(number)
        assert await call.refused() == status
        assert call.responses[-1].reason == phrase
        await until(lambda: not len(world.server.pbx.channels))
        assert_executed(world, title, warned=number != "702")  # how a name is looked up has other words
        for theirs in recorded(title).sent("alice", "SIP/2.0"):
            wanted = int(theirs.split()[1])
            ours = next(one for one in call.responses if one.status == wanted)
            lines = [world.recorded_ports(line) for line in header_lines(ours, without=NOT_COMPARED)]
            found = list(differences(lines, header_lines(theirs, without=NOT_COMPARED)))
            assert not found, "\n".join(found)


async def test_ringing_answer_and_the_end(tmp_path: Path) -> None:
    title = "Ringing, Answer, Hangup"
    async with recorded_world(tmp_path, "alice") as world:
        call = await _ended(world, "795")
        assert_executed(world, title)
        assert 180 in call.provisional


async def test_a_whole_call_on_both_sides(tmp_path: Path) -> None:
    title = "plain Dial(SIP/5551212@trunk1), whole call on both sides"
    async with recorded_world(tmp_path, "alice", "trunk1") as world:
        call = await world.phones["alice"].dial("700")
        incoming = await world.phones["trunk1"].incoming()
        incoming.ring()
        await call.ringing()
        incoming.answer()
        await call.answered()
        await incoming.answered()
        await call.hangup()
        await incoming.ended()
        record = recorded(title)
        for status in (180, 200):
            ours = next(one for one in call.responses if one.status == status)
            theirs = record.sent("alice", f"SIP/2.0 {status}")[0]
            lines = [world.recorded_ports(line) for line in header_lines(ours, without=OF_OTHERS)]
            found = list(differences(lines, header_lines(theirs, without=OF_OTHERS)))
            assert not found, "\n".join((str(status), *found))
        _assert_requests(world, incoming, "BYE", record.sent("trunk1", "BYE"))
