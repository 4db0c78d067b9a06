"""Attended transfers that fail (T3 to T6), or whose transferer leaves while it rings (T12 to T14): what SIPp is sent.

It presses the keys of ``features.conf`` by INFO, or sends REFER with Replaces of its second call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from peers import LIMIT, finish_sipp, own_host, start_sipp
from sipp_flows import Flow
from transfer_world import BOB, BY_KEYS, CAROL, MUSIC, World, keys_and_music, world

from asterism.testing import PhoneCall, until

pytestmark = pytest.mark.e2e


RINGING = 440, 480
"""Hertz: the ringing tone, which Bob hears from the server."""


def write(flow: Flow, folder: Path) -> None:
    folder.mkdir()
    (folder / f"{flow.name}.xml").write_text(flow.text())


async def start(found: World, flow: Flow, folder: Path) -> asyncio.subprocess.Process:
    write(flow, folder)
    options = ["-s", "101", "-m", "1", "-p", "5060", "-key", "number", "102", "-cid_str", "%u-%p"]
    return await start_sipp(str(folder / flow.name), f"{found.host}:5060", own_host(), *options, folder=folder)


def consults_by_keys(name: str, number: str) -> Flow:
    """Calls 102, and presses the key of an attended transfer and a number."""
    flow = Flow(name).invite(1, plain=True).recv(180).recv(200, "0", routes=True).request("ACK", 1).pause(300)
    for at, digit in enumerate(f"*2{number}", 2):
        flow.key(at, digit)
        if at == 3:
            flow.pause(1000)  # the other side hears music
    return flow


@pytest.mark.parametrize("why", ["busy", "no-answer", "nobody"])
async def test_keys_whose_transfer_fails(why: str, tmp_path: Path) -> None:
    """T3, T4, T5: the call goes on, and nothing is sent in it before the BYE at the end."""
    async with world(tmp_path, BY_KEYS, keys_and_music(tmp_path), "dtmf_mode=info\n", password=False) as found:
        flow = consults_by_keys(why, "999#" if why == "nobody" else "103").asked("BYE")
        process = await start(found, flow, tmp_path / "sipp")
        bob = await found.answered(found.bob, BOB)
        await bob.hears(MUSIC, timeout=LIMIT)
        if why != "nobody":
            carol = await found.carol.incoming(timeout=LIMIT)
            carol.ring()
            if why == "busy":
                carol.reject()
            else:
                assert await carol.ended(timeout=LIMIT) == "cancelled"
        await until(lambda: not found.server.pbx.features.transfers, LIMIT)
        await until(lambda: len({one.bridge for one in found.server.pbx.channels} - {None}) == 1, LIMIT)
        assert {one.name[:9] for one in found.server.pbx.channels} == {"PJSIP/101", "PJSIP/102"}
        packets = bob.audio.received
        await asyncio.sleep(0.5)
        assert bob.audio.received - packets < 5  # the music has ended, and SIPp says nothing
        await bob.hangup()
        await finish_sipp(process, tmp_path / "sipp", flow.name)


async def test_keys_and_the_waiting_party_hangs_up(tmp_path: Path) -> None:
    """T6."""
    async with world(tmp_path, BY_KEYS, keys_and_music(tmp_path), "dtmf_mode=info\n", password=False) as found:
        flow = consults_by_keys("gone", "103").asked("BYE")
        process = await start(found, flow, tmp_path / "sipp")
        bob = await found.answered(found.bob, BOB)
        await bob.hears(MUSIC, timeout=LIMIT)
        carol = await found.answered(found.carol, CAROL)
        await bob.hangup()
        await until(lambda: len(found.server.pbx.bridges) == 1, LIMIT)
        await carol.hangup()
        await finish_sipp(process, tmp_path / "sipp", flow.name)


def leaves(name: str, told: str) -> Flow:
    """Calls 102 and 103, and connects the two while the latter rings; the first call is told the end."""
    flow = Flow(name).invite(1, plain=True).recv(180).recv_tag(200, "bob", routes=True).request("ACK", 1)
    flow.pause(300).dialog("second", "103").invite(1, plain=True).recv_tag(180, "carol")
    value = "second///[call_id]%3Bto-tag%3D[$carol]%3Bfrom-tag%3D[pid]S[call_number]"
    contact = "Contact: <sip:[service]@[local_ip]:[local_port]>"
    flow.dialog("", "102", "bob")
    flow.request("REFER", 2, "", contact, f"Refer-To: <sip:103@[remote_ip]?Replaces={value}>")
    flow.recv(202, header="Expires").asked("NOTIFY", body="SIP/2.0 100 Trying")
    flow.dialog("second", "103").refused(603, 1)
    return flow.dialog("", "102", "bob").asked("NOTIFY", body="SIP/2.0 180 Ringing").asked("NOTIFY", body=told)


@asynccontextmanager
async def left(flow: Flow, folder: Path) -> AsyncIterator[tuple[World, PhoneCall, PhoneCall]]:
    """Bob waits, by himself, for Carol to answer."""
    async with world(folder, password=False) as found:
        process = await start(found, flow, folder / "sipp")
        bob = await found.answered(found.bob, BOB)
        carol = await found.carol.incoming(timeout=LIMIT)
        carol.ring()
        await bob.hears(*RINGING, timeout=LIMIT)
        assert {one.name[:9] for one in found.server.pbx.channels} == {"PJSIP/102", "PJSIP/103"}
        yield found, bob, carol
        await finish_sipp(process, folder / "sipp", flow.name)


async def test_a_ringing_call_is_answered(tmp_path: Path) -> None:
    """T12."""
    async with left(leaves("answered", "SIP/2.0 200 OK").bye(3), tmp_path) as (found, bob, carol):
        carol.answer()
        await carol.answered()
        carol.play(CAROL)
        await carol.hears(BOB, timeout=LIMIT)
        await bob.hears(CAROL, timeout=LIMIT)
        await until(lambda: len(found.server.pbx.channels) == 2, LIMIT)
        await carol.hangup()
        await bob.ended()


async def test_a_ringing_call_is_not_answered(tmp_path: Path) -> None:
    """T13: all three are free."""
    flow = leaves("unanswered", "SIP/2.0 480 Temporarily Unavailable").asked("BYE")
    async with left(flow, tmp_path) as (_, bob, carol):
        assert await carol.ended(timeout=LIMIT) == "cancelled"
        await bob.ended(timeout=LIMIT)


async def test_the_transferred_party_leaves_a_ringing_call(tmp_path: Path) -> None:
    """T14."""
    flow = leaves("abandoned", "SIP/2.0 487 Request Terminated").asked("BYE")
    async with left(flow, tmp_path) as (_, bob, carol):
        await bob.hangup()
        assert await carol.ended(timeout=LIMIT) == "cancelled"
