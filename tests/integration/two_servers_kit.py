"""Two servers that know each other as trunks, each with a phone of its own and one of Xander's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

from asterism.hostport import format_host_port
from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, assert_idle, free_port, running_server

PJSIP = """
[udp]
type=transport
protocol=udp
bind={host}:{port}
[phone](!)
type=endpoint
context=phones
allow=!all,ulaw
direct_media=no
[{one}](phone)
auth={one}
aors={one}
callerid="{one}" <{one}>
[{one}]
type=auth
username={one}
password=secret
[{one}]
type=aor
max_contacts=1
[xander](phone)
auth=xander
aors=xander
[xander]
type=auth
username=xander
password=secret
[xander]
type=aor
max_contacts=1
[other]
type=endpoint
context=trunk
allow=!all,ulaw
direct_media=no
auth=other
outbound_auth=other
from_user=other
aors=other
{options}
[other]
type=auth
username=other
password=trunk secret
[other]
type=aor
contact=sip:{peer}
"""
EXTENSIONS = """
[phones]
exten => {one},1,Dial(PJSIP/{one},20)
exten => xander,1,Dial(PJSIP/xander,20)
{external}
[trunk]
exten => {one},1,Dial(PJSIP/{one},20)
[add]
exten => replaces,1,Set(PJSIP_HEADER(add,Replaces)=${{ARG1}})
 same => n,Set(PJSIP_HEADER(add,Require)=replaces)
 same => n,Return()
"""
BY_URI = "exten => external_replaces,1,Dial(PJSIP/other/${SIPREFERTOHDR},20)"
BY_HEADER = """exten => external_replaces,1,Set(who=${PJSIP_PARSE_URI(${SIPREFERTOHDR},user)})
 same => n,Dial(PJSIP/${who}@other,20,b(add^replaces^1(${SIPREPLACESHDR})))"""


@dataclass
class Half:
    """One server, its phone, and the transferer's phone there."""

    server: Server
    phone: Phone
    xander: Phone


Address = tuple[str, int]


@asynccontextmanager
async def half(one: str, own: Address, peer: Address, external: str, options: str) -> AsyncIterator[Half]:
    text = PJSIP.format(one=one, host=own[0], port=own[1], peer=format_host_port(*peer), options=options)
    config = {"pjsip.conf": text, "extensions.conf": EXTENSIONS.format(one=one, external=external)}
    async with (
        running_server(config) as server,
        Phone(one, server, "secret") as phone,
        Phone("xander", server, "secret") as xander,
    ):
        await phone.register()
        await xander.register()
        yield Half(server, phone, xander)
        await assert_idle(server)


@asynccontextmanager
async def servers(
    external: str = BY_URI, options: str = "", hosts: tuple[str, str] = ("127.0.0.1", "127.0.0.1")
) -> AsyncIterator[tuple[Half, Half]]:
    """Alice's server and Carol's."""
    here, there = [(host, free_port(host)) for host in hosts]
    async with half("alice", here, there, external, "") as one, half("carol", there, here, external, options) as two:
        yield one, two


async def between(place: Half, calls: bool) -> tuple[PhoneCall, PhoneCall]:
    """A call between the transferer, who ``calls`` or is called, and the phone: his leg, the phone's."""
    caller, called = (place.xander, place.phone) if calls else (place.phone, place.xander)
    call = await caller.dial(called.user)
    incoming = await called.incoming()
    incoming.answer()
    await call.answered()
    await incoming.answered()
    return (call, incoming) if calls else (incoming, call)


def refer_to(leg: PhoneCall, user: str, port: int, *, swapped: bool = False) -> str:
    """The Refer-To that names a call of the transferer's at the other server (RFC 5589 7.3)."""
    dialog = leg.dialog
    assert dialog is not None
    ours, theirs = dialog.local_tag, dialog.remote_tag
    if swapped:
        ours, theirs = theirs, ours
    value = f"{dialog.call_id};to-tag={theirs};from-tag={ours}"
    return f"<sip:{user}@127.0.0.1:{port}?Replaces={quote(value, safe='')}>"


def port_of(place: Half) -> int:
    return place.xander.server[1]


def told(call: PhoneCall) -> list[str]:
    """What NOTIFYs have told of a transfer."""
    return [one.body.decode().strip() for one in call.requests if one.method == "NOTIFY"]


async def talk(one: PhoneCall, other: PhoneCall) -> None:
    one.play(440)
    other.play(660)
    await one.hears(660)
    await other.hears(440)
