"""Calls sent elsewhere: by a SIPp phone's 302, by the demo's feature codes, by a REFER that baresip follows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from peers import LIMIT, Baresip, finish_sipp, own_host, server_process, sipp, start_sipp
from test_sipp_completion import ANSWER, SDP, look, request, scenario, send

from asterism.command.demo.configuration import create
from asterism.testing import until

pytestmark = pytest.mark.e2e

PJSIP = """
[open](!)
type=endpoint
context={context}
allow=!all,ulaw
direct_media=no
send_pai=yes
send_history_info=yes
[103](open)
aors=103
callerid="Ann Example" <103>
[104](open)
aors=104
callerid="Bob Example" <104>
[105](open)
aors=105
callerid="Cat Example" <105>
[103]
type=aor
contact=sip:103@{caller}:5060
[104]
type=aor
contact=sip:104@{callee}:5060
[105]
type=aor
contact=sip:105@{target}:5060
"""
EXTENSIONS = "[phones]\nexten => _10X,1,Dial(PJSIP/${EXTEN},10)\n"


def taken(*headers: str, body: str = SDP) -> str:
    """The answer to an INVITE."""
    lines = [
        "SIP/2.0 200 OK", "[last_Via:]", "[last_From:]", "[last_To:];tag=[pid]T[call_number]", "[last_Call-ID:]",
        "[last_CSeq:]", "Contact: <sip:[local_ip]:[local_port]>", *headers,
    ]  # fmt: skip
    return send("\n".join([*lines, body]))


def calling(folder: Path, number: str, *steps: str) -> str:
    """A call, what is answered to its INVITE, and how it ends."""
    to = f"<sip:{number}@[remote_ip]>"
    return scenario(
        folder,
        "calling",
        request(f"INVITE sip:{number}@[remote_ip]:[remote_port]", "A", to, "1 INVITE", body=SDP),
        '<recv response="100" optional="true"/>',
        *steps,
    )


def called_by(path: Path, user: str) -> None:
    """Make a scenario another phone's."""
    path.write_text(path.read_text().replace("sip:103@", f"sip:{user}@"))


def ack(number: str) -> str:
    return request("ACK [next_url]", "A", f"<sip:{number}@[remote_ip]>[peer_tag_param]", "1 ACK")


def talking(number: str) -> tuple[str, ...]:
    """The ACK, and the caller's BYE."""
    to = f"<sip:{number}@[remote_ip]>[peer_tag_param]"
    return (
        ack(number),
        '<pause milliseconds="300"/>',
        request("BYE [next_url]", "A", to, "2 BYE"),
        '<recv response="200"/>',
    )


def told(number: str, target: str, name: str, reason: str) -> tuple[str, ...]:
    """181 with a Diversion that names the target, and an answer that says who it is."""
    diversion = look(f"<sip:{target}@[^>]*>;reason={reason}", "Diversion", "d")
    who = look(f"{name}.*{target}@", "P-Asserted-Identity", "p")
    return (
        f'<recv response="181"><action>{diversion}</action></recv>',
        '<recv response="180" optional="true"/>',
        f'<recv response="200" rrs="true"><action>{who}</action></recv>',
        *talking(number),
        '<Reference variables="d,p"/>',
    )


def target(folder: Path, diverted_by: str, reason: str) -> str:
    """A phone that a call is diverted to: it is told by whom."""
    diversion = look(f"<sip:{diverted_by}@[^>]*>;reason={reason}", "Diversion", "d")
    return scenario(
        folder,
        "target",
        f'<recv request="INVITE" rrs="true"><action>{diversion}{look("index=1", "History-Info", "h")}</action></recv>',
        taken(),
        '<recv request="ACK"/>',
        '<recv request="BYE"/>',
        send(ANSWER, retrans=False),
        '<Reference variables="d,h"/>',
    )


async def test_a_302_is_followed_and_everyone_is_told(tmp_path: Path) -> None:
    host, caller, callee, third = own_host(), own_host(), own_host(), own_host()
    pjsip = PJSIP.format(caller=caller, callee=callee, target=third, context="phones")
    moved = scenario(
        tmp_path / "moved",
        "moved",
        '<recv request="INVITE"/>',
        send(
            "SIP/2.0 302 Moved Temporarily\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]M[call_number]\n"
            "[last_Call-ID:]\n[last_CSeq:]\n"
            "Contact: <sip:105@[remote_ip]>;q=0.9, <tel:+15551>;q=0.5, <sip:103@[remote_ip]>;q=0.1\n"
            "Diversion: <sip:104@[remote_ip]>;reason=user-busy\nContent-Length: 0\n"
        ),
        '<recv request="ACK"/>',
    )
    one = ("-m", "1", "-p", "5060")
    async with server_process(tmp_path / "server", host, EXTENSIONS, pjsip):
        remote = f"{host}:5060"
        phone = await start_sipp(moved, remote, callee, *one, folder=tmp_path / "moved")
        where = target(tmp_path / "target", "104", "user-busy")
        called = await start_sipp(where, remote, third, *one, folder=tmp_path / "target")
        asking = calling(tmp_path / "caller", "104", *told("104", "105", "Cat Example", "user-busy"))
        await sipp(asking, remote, caller, *one, "-s", "103", folder=tmp_path / "caller")
        await finish_sipp(phone, tmp_path / "moved", "moved")
        await finish_sipp(called, tmp_path / "target", "target")


async def test_forwarding_by_feature_code_survives_a_restart(tmp_path: Path) -> None:
    """The dialplan of the demo, between phones of SIPp."""
    create(tmp_path / "demo", "127.0.0.1", 5060, 5038)
    extensions = (tmp_path / "demo" / "extensions.conf").read_text()
    host, caller, callee, third = own_host(), own_host(), own_host(), own_host()
    pjsip = PJSIP.format(caller=caller, callee=callee, target=third, context="demo")
    one = ("-m", "1", "-p", "5060")
    remote = f"{host}:5060"
    for start, code in enumerate(("*72105", "")):
        folder = tmp_path / str(start)
        async with server_process(tmp_path / "server", host, extensions, pjsip) as server:
            if code:
                confirmed = calling(
                    folder / "code", code, '<recv response="200" rrs="true"/>', ack(code), '<recv request="BYE"/>',
                    send(ANSWER, retrans=False),
                )  # fmt: skip
                called_by(Path(f"{confirmed}.xml"), "104")
                await sipp(confirmed, remote, callee, *one, "-s", "104", folder=folder / "code")
            assert "/forward-always/104" in server.rx("database show").stdout
            where = target(folder / "target", "104", "unconditional")
            called = await start_sipp(where, remote, third, *one, folder=folder / "target")
            asking = calling(folder / "caller", "104", *told("104", "105", "Cat Example", "unconditional"))
            await sipp(asking, remote, caller, *one, "-s", "103", folder=folder / "caller")
            await finish_sipp(called, folder / "target", "target")


TRANSFERS = """
[phones]
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Busy(1)
exten => 790,1,Answer()
 same => n,Wait(0.5)
 same => n,Transfer(PJSIP/600)
 same => n,Set(DB(transfer/790)=${TRANSFERSTATUS} ${TRANSFERSTATUSPROTOCOL})
 same => n,Hangup()
exten => 791,1,Answer()
 same => n,Wait(0.5)
 same => n,Transfer(PJSIP/601)
 same => n,Set(DB(transfer/791)=${TRANSFERSTATUS} ${TRANSFERSTATUSPROTOCOL})
 same => n,Milliwatt()
exten => 792,1,Transfer(PJSIP/600)
exten => h,1,Set(DB(transfer/h-${EXTEN})=${TRANSFERSTATUS} ${TRANSFERSTATUSPROTOCOL})
"""


def notify(number: int, status: str, state: str) -> str:
    """A NOTIFY of what the phone's new call does, and its answer."""
    body = f"Content-Type: message/sipfrag\nContent-Length: [len]\n\nSIP/2.0 {status}\n"
    to = "<sip:790@[remote_ip]>[peer_tag_param]"
    headers = ("Event: refer", f"Subscription-State: {state}")
    return request("NOTIFY [next_url]", "A", to, f"{number} NOTIFY", *headers, body=body) + '<recv response="200"/>'


REPLY = "SIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n"
TRYING, RINGING = notify(2, "100 Trying", "active;expires=60"), notify(3, "180 Ringing", "active;expires=60")


@pytest.mark.parametrize(
    ("reply", "steps", "outcome"),
    [
        ("202 Accepted", (TRYING, RINGING, notify(4, "200 OK", "terminated;reason=noresource")), "SUCCESS 0"),
        ("202 Accepted", (TRYING, notify(4, "486 Busy Here", "terminated;reason=noresource")), "FAILURE 486"),
        ("405 Method Not Allowed", (), "FAILURE 405"),
        ("603 Decline", (), "FAILURE 603"),
    ],
)
async def test_a_refer_message_by_message(reply: str, steps: tuple[str, ...], outcome: str, tmp_path: Path) -> None:
    host, caller = own_host(), own_host()
    pjsip = PJSIP.format(caller=caller, callee=caller, target=caller, context="phones")
    checks = (
        look(f"sip:600@{host}", "Refer-To", "a") + look("<sip:790@", "Referred-By", "b") + look("refer", "Event", "c")
    )
    phone = calling(
        tmp_path / "phone", "790", '<recv response="200" rrs="true"/>', ack("790"),
        f'<recv request="REFER"><action>{checks}</action></recv>',
        send(REPLY.format(status=reply), retrans=False), *steps, '<recv request="BYE"/>', send(ANSWER, retrans=False),
        '<Reference variables="a,b,c"/>',
    )  # fmt: skip
    dialplan = TRANSFERS.replace("Milliwatt()", "Hangup()")
    async with server_process(tmp_path / "server", host, dialplan, pjsip) as server:
        await sipp(phone, f"{host}:5060", caller, "-m", "1", "-p", "5060", "-s", "103", folder=tmp_path / "phone")
        assert f": {outcome}" in server.rx("database show transfer").stdout


@pytest.mark.parametrize(("number", "outcome"), [("790", "SUCCESS 0"), ("792", "SUCCESS 0")])
async def test_baresip_goes_where_it_is_sent(number: str, outcome: str, tmp_path: Path) -> None:
    """By REFER, and by 302: it hears itself in the echo; the server knows what became of it."""
    host = own_host()
    async with (
        server_process(tmp_path / "server", host, TRANSFERS) as server,
        Baresip(tmp_path / "ann", "101", host, 523) as ann,
    ):
        await ann.registered()
        ann.command("dial", f"sip:{number}@{host}")
        await ann.event("CALL_ESTABLISHED", 2 if number == "790" else 1)
        await ann.hears(523)
        key = f"/transfer/{number}" if number == "790" else "/transfer/h"
        await until(
            lambda: any(key in line and outcome in line for line in server.rx("database show").stdout.splitlines()),
            LIMIT,
            lambda: server.rx("database show").stdout + ann.story(),
        )
        ann.command("hangupall")
        await asyncio.to_thread(server.rx, "channel request hangup all")


async def test_baresip_stays_where_it_is_when_the_target_is_busy(tmp_path: Path) -> None:
    host = own_host()
    async with (
        server_process(tmp_path / "server", host, TRANSFERS) as server,
        Baresip(tmp_path / "ann", "101", host, 523) as ann,
    ):
        await ann.registered()
        ann.command("dial", f"sip:791@{host}")
        await ann.event("CALL_ESTABLISHED")
        await until(
            lambda: "FAILURE 486" in server.rx("database show").stdout,
            LIMIT,
            lambda: server.rx("database show").stdout + ann.story(),
        )
        await ann.hears(1004)
        await asyncio.to_thread(server.rx, "channel request hangup all")
