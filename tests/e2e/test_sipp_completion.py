"""SIPp as native call completion (RFC 6910): a phone that asks, and a phone's server that is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from peers import finish_sipp, own_host, server_process, sipp, start_sipp
from test_sipp import account

from asterism.testing import until

pytestmark = pytest.mark.e2e

PJSIP = """
[open](!)
type=endpoint
context=phones
allow=!all,ulaw
direct_media=no
[103](open)
aors=103
cc_agent_policy=native
[104](open)
aors=104
cc_monitor_policy={monitor}
[103]
type=aor
contact=sip:103@{caller}:5060
[104]
type=aor
contact=sip:104@{callee}:5060
"""
EXTENSIONS = """
[phones]
exten => 104,1,Dial(PJSIP/104,10)
 same => n,Hangup()
exten => 102,1,Set(CALLCOMPLETION(cc_agent_policy)=generic)
 same => n,Dial(PJSIP/104,10)
 same => n,CallCompletionRequest()
 same => n,Hangup(17)
"""
SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000"""
ANSWER = """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0
"""


def send(text: str, retrans: bool = True) -> str:
    again = ' retrans="500"' if retrans else ""
    return f"<send{again}><![CDATA[\n{text}\n]]></send>\n"


def request(line: str, tag: str, to: str, cseq: str, *headers: str, body: str = "Content-Length: 0\n") -> str:
    lines = [
        f"{line} SIP/2.0", "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]",
        f"From: <sip:103@[remote_ip]>;tag=[pid]{tag}[call_number]", f"To: {to}", "Call-ID: [call_id]", f"CSeq: {cseq}",
        "Contact: <sip:103@[local_ip]:[local_port]>", "Max-Forwards: 70", *headers,
    ]  # fmt: skip
    return send("\n".join([*lines, body]), retrans=not line.startswith("ACK"))


def look(pattern: str, where: str, names: str) -> str:
    pattern = pattern.replace("<", "&lt;").replace(">", "&gt;")
    place = 'search_in="body"' if where == "body" else f'search_in="hdr" header="{where}:"'
    return f'<ereg regexp="{pattern}" {place} check_it="true" assign_to="{names}"/>'


def scenario(folder: Path, name: str, *steps: str) -> str:
    """Write a scenario; what to give SIPp as its name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.xml").write_text(
        f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="{name}">\n{"".join(steps)}</scenario>\n'
    )
    return str(folder / name)


def asking(folder: Path) -> str:
    """A call that gets busy, the SUBSCRIBE to what it was answered with, two NOTIFYs, and the call that follows."""
    to = "<sip:104@[remote_ip]>"
    return scenario(
        folder,
        "asking",
        request("INVITE sip:104@[remote_ip]:[remote_port]", "A", to, "1 INVITE", body=SDP),
        '<recv response="100" optional="true"/>',
        f'<recv response="486"><action>{look("<(sip:[^>]*;m=BS)>;purpose=call-completion;m=BS", "Call-Info", "w,uri")}'
        "</action></recv>",
        send(
            "ACK sip:104@[remote_ip]:[remote_port] SIP/2.0\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n"
            "CSeq: 1 ACK\nMax-Forwards: 70\nContent-Length: 0\n",
            retrans=False,
        ),
        request(
            "SUBSCRIBE [$uri]", "S", "<[$uri]>", "2 SUBSCRIBE", "Event: call-completion",
            "Accept: application/call-completion", "Expires: 600",
        ),
        '<recv response="200"/>',
        f'<recv request="NOTIFY"><action>{look("cc-state: queued", "body", "x")}</action></recv>',
        send(ANSWER, retrans=False),
        f'<recv request="NOTIFY"><action>{look("cc-state: ready", "body", "y")}'
        f'{look("cc-URI: (sip:104@[^;]*;m=BS)", "body", "z,call")}</action></recv>',
        send(ANSWER, retrans=False),
        '<pause milliseconds="1500"/>',
        request("INVITE [$call]", "R", "<[$call]>", "3 INVITE", body=SDP),
        '<recv response="100" optional="true"/>',
        '<recv response="180" optional="true"/>',
        f'<recv request="NOTIFY"><action>{look("terminated", "Subscription-State", "t")}</action></recv>',
        send(ANSWER, retrans=False),
        '<recv response="200" rrs="true"/>',
        request("ACK [next_url]", "R", "<[$call]>[peer_tag_param]", "3 ACK"),
        '<pause milliseconds="300"/>',
        request("BYE [next_url]", "R", "<[$call]>[peer_tag_param]", "4 BYE"),
        '<recv response="200"/>',
        '<Reference variables="w,x,y,z,t"/>',
    )  # fmt: skip


async def test_a_phone_that_asks(tmp_path: Path) -> None:
    host, caller, callee = own_host(), own_host(), own_host()
    pjsip = PJSIP.format(caller=caller, callee=callee, monitor="generic")
    async with server_process(tmp_path / "server", host, EXTENSIONS, pjsip) as server:
        remote = f"{host}:5060"
        busy = await start_sipp("busy", remote, callee, "-m", "1", "-p", "5060", folder=tmp_path / "busy")
        options = ("-m", "1", "-p", "5060", "-s", "103")
        phone = await start_sipp(asking(tmp_path / "phone"), remote, caller, *options, folder=tmp_path / "phone")
        await finish_sipp(busy, tmp_path / "busy", "busy")
        called = await start_sipp("answer", remote, callee, "-m", "1", "-p", "5060", folder=tmp_path / "answer")
        await finish_sipp(phone, tmp_path / "phone", "asking")
        await finish_sipp(called, tmp_path / "answer", "answer")
        assert server.rx("cc report status").stdout.startswith("0 ")


def offering(folder: Path) -> str:
    """A called phone that is busy and offers completion."""
    return scenario(
        folder,
        "offering",
        '<recv request="INVITE" crlf="true"/>',
        send(
            "SIP/2.0 486 Busy Here\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]B[call_number]\n[last_Call-ID:]\n"
            "[last_CSeq:]\nCall-Info: <sip:queue@[local_ip]:5070;m=BS>;purpose=call-completion;m=BS\n"
            "Content-Length: 0\n"
        ),
        '<recv request="ACK"/>',
    )


def notify(number: int, state: str, body: str) -> str:
    kind = "Content-Type: application/call-completion\n" if body else ""
    return send(
        "NOTIFY [next_url] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\n"
        "From:[$to];tag=[pid]Q[call_number]\nTo:[$from]\nCall-ID: [call_id]\n"
        f"CSeq: {number} NOTIFY\nContact: <sip:queue@[local_ip]:[local_port]>\nMax-Forwards: 70\n"
        f"Event: call-completion\nSubscription-State: {state}\n{kind}Content-Length: [len]\n\n{body}"
    )


def queue(folder: Path) -> str:
    """What the phone's server does with the SUBSCRIBE, up to the end of the subscription."""
    taken = (
        "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n"
        "Contact: <sip:queue@[local_ip]:[local_port]>\nExpires: {expires}\nContent-Length: 0\n"
    )
    return scenario(
        folder,
        "queue",
        f'<recv request="SUBSCRIBE" rrs="true"><action>{look(".*", "From", "from")}{look(".*", "To", "to")}'
        f"{look('call-completion', 'Event', 'e')}{look('application/call-completion', 'Accept', 'a')}</action></recv>",
        send(taken.format(tag=";tag=[pid]Q[call_number]", expires=600), retrans=False),
        notify(1, "active;expires=600", "cc-state: queued\n"),
        '<recv response="200"/>',
        '<pause milliseconds="500"/>',
        notify(2, "active;expires=600", "cc-state: ready\ncc-URI: sip:104@[local_ip]:5080\n"),
        '<recv response="200"/>',
        f'<recv request="SUBSCRIBE"><action>{look(" 0", "Expires", "x")}</action></recv>',
        send(taken.format(tag="", expires=0), retrans=False),
        notify(3, "terminated;reason=timeout", ""),
        '<recv response="200"/>',
        '<Reference variables="e,a,x"/>',
    )


async def test_a_phone_whose_server_is_asked(tmp_path: Path) -> None:
    host, caller, callee = own_host(), own_host(), own_host()
    pjsip = PJSIP.format(caller=caller, callee=callee, monitor="native")
    async with server_process(tmp_path / "server", host, EXTENSIONS, pjsip) as server:
        remote = f"{host}:5060"
        await sipp("register", remote, caller, *account("101"), folder=tmp_path / "register")
        one = ("-m", "1")
        asked = await start_sipp(
            queue(tmp_path / "queue"), remote, callee, *one, "-p", "5070", folder=tmp_path / "queue"
        )
        busy = await start_sipp(offering(tmp_path / "b"), remote, callee, *one, "-p", "5060", folder=tmp_path / "b")
        text = (Path(__file__).parent / "scenarios" / "refused.xml").read_text().replace("[expected]", "486")
        (tmp_path / "refused.xml").write_text(text)
        options = (*account("101", "102"), "-key", "payload", "0")
        await sipp(str(tmp_path / "refused"), remote, caller, *options, folder=tmp_path / "refused")
        await finish_sipp(busy, tmp_path / "b", "offering")
        target = await start_sipp("answer", remote, callee, *one, "-p", "5080", folder=tmp_path / "called")
        recalled = await start_sipp("answer", remote, caller, *one, "-p", "5060", folder=tmp_path / "recalled")
        await finish_sipp(asked, tmp_path / "queue", "queue")
        await until(lambda: server.rx("cc report status").stdout.startswith("0 "))
        await asyncio.to_thread(server.rx, "channel request hangup all")
        await finish_sipp(target, tmp_path / "called", "answer")
        await finish_sipp(recalled, tmp_path / "recalled", "answer")
