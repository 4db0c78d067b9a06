"""Foreign phones that transfer: SIPp message by message, baresip and linphone by what their users do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from linphone import Linphone
from peers import LIMIT, finish_sipp, own_host, start_sipp
from sipp_flows import Flow
from transfer_world import BOB, CAROL, World, baresip, world

from asterism.testing import until

pytestmark = pytest.mark.e2e

# SIPp: each message, in its order.


def refers(name: str, number: str, *told: str) -> Flow:
    """Calls 102, transfers it, and is told this."""
    flow = Flow(name).invite(1, "0 8").recv(180).recv(200, "0", routes=True).request("ACK", 2)
    contact = "Contact: <sip:[service]@[local_ip]:[local_port]>"
    flow.request("REFER", 3, "", contact, f"Refer-To: <sip:{number}@[remote_ip]>", "Referred-By: <sip:101@[remote_ip]>")
    flow.recv(202, header="Expires")
    for line in told:
        flow.asked("NOTIFY", body=line)
    return flow


def write(flow: Flow, folder: Path) -> None:
    folder.mkdir()
    (folder / f"{flow.name}.xml").write_text(flow.text())


async def run(found: World, flow: Flow, folder: Path) -> asyncio.subprocess.Process:
    write(flow, folder)
    options = ["-s", "101", "-au", "101", "-ap", "secret", "-m", "1", "-p", "5060", "-key", "number", "102"]
    return await start_sipp(str(folder / flow.name), f"{found.host}:5060", own_host(), *options, folder=folder)


TRYING, RINGING = "SIP/2.0 100 Trying", "SIP/2.0 180 Ringing"


async def test_a_blind_transfer_message_by_message(tmp_path: Path) -> None:
    """T7: to the end, which is our BYE, as this phone sends none."""
    async with world(tmp_path) as found:
        flow = refers("success", "103", TRYING, RINGING, "SIP/2.0 200 OK").asked("BYE")
        process = await run(found, flow, tmp_path / "sipp")
        bob = await found.answered(found.bob, BOB)
        carol = await found.answered(found.carol, CAROL)
        await carol.hears(BOB)
        await bob.hears(CAROL)
        await finish_sipp(process, tmp_path / "sipp", flow.name)
        await carol.hears(BOB)
        await bob.hangup()
        await carol.ended()


@pytest.mark.parametrize(
    ("name", "number", "told"),
    [
        ("busy", "103", (TRYING, "SIP/2.0 486 Busy Here")),
        ("nobody", "999", (TRYING, "SIP/2.0 404 Not Found")),
        ("no-answer", "103", (TRYING, RINGING, "SIP/2.0 480 Temporarily Unavailable")),
    ],
)
async def test_transfers_that_fail_message_by_message(
    name: str, number: str, told: tuple[str, ...], tmp_path: Path
) -> None:
    """T8, T9, T10: the call is given back, and ends when the other side hangs up."""
    async with world(tmp_path) as found:
        flow = refers(name, number, *told).asked("BYE")
        process = await run(found, flow, tmp_path / "sipp")
        bob = await found.answered(found.bob, BOB)
        if number == "103":
            carol = await found.carol.incoming(timeout=LIMIT)
            if name == "busy":
                carol.reject()
            else:
                carol.ring()
                await carol.ended(timeout=LIMIT)
        # Both are with each other again.
        await until(lambda: len(found.server.pbx.bridges) == 1, LIMIT)
        await asyncio.sleep(0.2)
        await bob.hangup()
        await finish_sipp(process, tmp_path / "sipp", flow.name)


async def test_the_other_side_leaves_message_by_message(tmp_path: Path) -> None:
    async with world(tmp_path) as found:
        flow = refers("gone", "103", TRYING, RINGING, "SIP/2.0 487 Request Terminated").asked("BYE")
        process = await run(found, flow, tmp_path / "sipp")
        bob = await found.answered(found.bob, BOB)
        carol = await found.carol.incoming(timeout=LIMIT)
        carol.ring()
        await asyncio.sleep(0.3)
        await bob.hangup()
        await carol.ended()
        await finish_sipp(process, tmp_path / "sipp", flow.name)


# Stock phones, by what their users do.


def address_of(found: World, protocol: str) -> str:
    if protocol == "udp":
        return f"{found.host}:5060"
    return f"{found.host}:{5061 if protocol == 'tls' else 5060};transport={protocol}"


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
async def test_baresip_transfers(protocol: str, tmp_path: Path) -> None:
    """T7: its user types the transfer; it hangs up by itself when it hears of the success."""
    async with world(tmp_path) as found:
        address = address_of(found, protocol)
        async with baresip(tmp_path, address) as ann:
            await ann.registered()
            ann.command("dial", f"sip:102@{address}")
            bob = await found.answered(found.bob, BOB)
            await bob.hears(440)
            ann.command("transfer", f"sip:103@{found.host}")
            carol = await found.answered(found.carol, CAROL)
            await carol.hears(BOB)
            await bob.hears(CAROL)
            await ann.event("CALL_CLOSED")
            await bob.hangup()
            await carol.ended()


async def test_baresip_is_told_that_it_failed(tmp_path: Path) -> None:
    """T8: the target is busy; this phone then hangs up by itself."""
    async with world(tmp_path) as found, baresip(tmp_path, f"{found.host}:5060") as ann:
        await ann.registered()
        ann.command("dial", f"sip:102@{found.host}")
        bob = await found.answered(found.bob, BOB)
        await bob.hears(440)
        ann.command("transfer", f"sip:103@{found.host}")
        (await found.carol.incoming(timeout=LIMIT)).reject()
        await ann.event("TRANSFER_FAILED")
        assert "transfer failed: 486 Busy Here" in ann.log()
        await bob.ended(timeout=LIMIT)


async def test_linphone_has_its_call_back(tmp_path: Path) -> None:
    """T8."""
    async with world(tmp_path) as found, Linphone(tmp_path / "ann", "101", f"{found.host}:5060", "udp") as ann:
        await until(lambda: found.server.sip.location.contacts("101"), LIMIT)
        ann.say(f"call sip:102@{found.host}")
        bob = await found.answered(found.bob, BOB)
        await ann.tells("Media streams established")
        ann.say(f"transfer 1 sip:103@{found.host}")
        (await found.carol.incoming(timeout=LIMIT)).reject()
        await until(lambda: len(found.server.pbx.bridges) == 1, LIMIT, lambda: "".join(ann.said))
        assert {one.name[:9] for one in found.server.pbx.channels} == {"PJSIP/101", "PJSIP/102"}
        ann.say("terminate 1")
        await bob.ended(timeout=LIMIT)


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
async def test_linphone_transfers(protocol: str, tmp_path: Path) -> None:
    """T7."""
    async with world(tmp_path) as found:
        port = 5061 if protocol == "tls" else 5060
        async with Linphone(tmp_path / "ann", "101", f"{found.host}:{port}", protocol) as ann:
            await until(lambda: found.server.sip.location.contacts("101"), LIMIT)
            ann.say(f"call sip:102@{found.host}")
            bob = await found.answered(found.bob, BOB)
            await ann.tells("Media streams established")
            ann.say(f"transfer 1 sip:103@{found.host}")
            carol = await found.answered(found.carol, CAROL)
            await carol.hears(BOB)
            await bob.hears(CAROL)
            await until(lambda: len(found.server.pbx.channels) == 2, LIMIT, lambda: "".join(ann.said))
            await bob.hangup()
            await carol.ended()


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
async def test_linphone_connects_two_calls(protocol: str, tmp_path: Path) -> None:
    """T2: attended."""
    async with world(tmp_path) as found:
        port = 5061 if protocol == "tls" else 5060
        async with Linphone(tmp_path / "ann", "101", f"{found.host}:{port}", protocol) as ann:
            await until(lambda: found.server.sip.location.contacts("101"), LIMIT)
            ann.say(f"call sip:102@{found.host}")
            bob = await found.answered(found.bob, BOB)
            await ann.tells("Media streams established")
            ann.say("pause 1")
            await asyncio.sleep(0.5)
            ann.say(f"call sip:103@{found.host}")
            carol = await found.answered(found.carol, CAROL)
            await ann.tells(f"Media streams established with sip:103@{found.host}")
            ann.say("transfer 1 --to-call 2")
            await carol.hears(BOB)
            await bob.hears(CAROL)
            await until(lambda: len(found.server.pbx.channels) == 2, LIMIT, lambda: "".join(ann.said))
            await bob.hangup()
            await carol.ended()
