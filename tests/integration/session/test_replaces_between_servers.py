"""Attended transfers between two servers: the transferred party is called with Replaces (RFC 3891, RFC 5589 7).

Xander has a phone at each server. Each server knows the other as a trunk that authenticates itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from asterism.pbx.dialplan.applications.userevent import USER_EVENT
from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, assert_idle, free_port, running_server, until

PJSIP = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
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
contact=sip:127.0.0.1:{peer}
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


@asynccontextmanager
async def half(one: str, port: int, peer: int, external: str, options: str) -> AsyncIterator[Half]:
    config = {
        "pjsip.conf": PJSIP.format(one=one, port=port, peer=peer, options=options),
        "extensions.conf": EXTENSIONS.format(one=one, external=external),
    }
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
async def servers(external: str = BY_URI, options: str = "") -> AsyncIterator[tuple[Half, Half]]:
    """Alice's server and Carol's."""
    here, there = free_port(), free_port()
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


@pytest.mark.parametrize("external", [BY_URI, BY_HEADER])
@pytest.mark.parametrize("there_calls", [True, False])
@pytest.mark.parametrize("here_calls", [True, False])
async def test_two_parties_of_two_servers_are_connected(here_calls: bool, there_calls: bool, external: str) -> None:
    async with servers(external) as (here, there):
        leg, alice = await between(here, here_calls)
        other_leg, carol = await between(there, there_calls)
        await talk(leg, alice)
        await talk(other_leg, carol)
        assert (await leg.refer(refer_to(other_leg, "carol", port_of(there)))).status == 202
        assert await other_leg.ended() == "BYE received"
        assert other_leg.requests[-1].get("Reason") == "Q.850;cause=16"
        await until(lambda: told(leg)[-1:] == ["SIP/2.0 200 OK"], 5, lambda: f"told {told(leg)}")
        assert await leg.ended() == "BYE received"
        await talk(alice, carol)
        await (alice if here_calls else carol).hangup()
        await (carol if here_calls else alice).ended()


async def test_the_other_way_round() -> None:
    """Carol's server is asked, Alice's has the call to be replaced."""
    async with servers() as (here, there):
        leg, alice = await between(here, True)
        other_leg, carol = await between(there, True)
        assert (await other_leg.refer(refer_to(leg, "alice", port_of(here)))).status == 202
        assert await leg.ended() == "BYE received"
        assert await other_leg.ended() == "BYE received"
        await talk(alice, carol)
        await carol.hangup()
        await alice.ended()


async def test_a_phone_that_rings_at_the_other_server() -> None:
    """The consultation is not answered yet (RFC 5589 7.6 has no Replaces then): 481, and the first call goes on."""
    async with servers() as (here, there):
        leg, alice = await between(here, True)
        call = await there.xander.dial("carol")
        incoming = await there.phone.incoming()
        incoming.ring()
        response = await call.ringing()
        value = f"{response.call_id};to-tag={response.to.tag};from-tag={response.from_.tag}"
        target = f"<sip:carol@127.0.0.1:{port_of(there)}?Replaces={quote(value, safe='')}>"
        assert (await leg.refer(target)).status == 202
        await until(lambda: told(leg) and told(leg)[-1].split()[1] >= "400", 5, lambda: f"told {told(leg)}")
        await talk(leg, alice)
        incoming.answer()
        await call.answered()
        await call.hangup()
        await leg.hangup()
        await alice.ended()


@pytest.mark.parametrize(
    ("what", "status"), [("swapped", "503"), ("over", "503"), ("no permission", "503"), ("nowhere", "404")]
)
async def test_a_transfer_that_fails_leaves_the_first_call_as_it_was(what: str, status: str) -> None:
    """What is told follows from DIALSTATUS: the other server's 481 and 603 are a congestion to Dial."""
    options = "allow_transfer=no" if what == "no permission" else ""
    async with servers("" if what == "nowhere" else BY_URI, options) as (here, there):
        leg, alice = await between(here, True)
        other_leg, carol = await between(there, True)
        target = refer_to(other_leg, "carol", port_of(there), swapped=what == "swapped")
        if what == "over":
            await other_leg.hangup()
            await carol.ended()
        assert (await leg.refer(target)).status == 202
        await until(lambda: told(leg) and told(leg)[-1].split()[1] >= "400", 5, lambda: f"told {told(leg)}")
        assert told(leg)[-1].split()[1] == status
        await talk(leg, alice)
        if what != "over":
            await talk(other_leg, carol)
            await other_leg.hangup()
        await leg.hangup()
        await alice.ended()


async def test_what_the_dialplan_is_told() -> None:
    external = "exten => external_replaces,1,UserEvent(Asked,Replaces: ${SIPREPLACESHDR},To: ${SIPREFERTOHDR})"
    async with servers(external) as (here, _there):
        seen: list[dict[str, object]] = []
        here.server.subscribe(USER_EVENT, lambda _type, told: seen.append(dict(USER_EVENT.render(*told))))
        leg, alice = await between(here, True)
        await leg.refer(f"<sip:carol@127.0.0.1:9?Replaces={quote('a@b;to-tag=1;from-tag=2', safe='')}>")
        await until(lambda: seen, 5, "no event")
        assert seen[0]["Replaces"] == "a@b;to-tag=1;from-tag=2"
        assert str(seen[0]["To"]).startswith("sip:carol@127.0.0.1:9")
        # The dialplan has called nobody: Xander has Alice back.
        await until(lambda: told(leg) and told(leg)[-1].split()[1] >= "400", 5, lambda: f"told {told(leg)}")
        await talk(leg, alice)
        await leg.hangup()
        await alice.ended()
