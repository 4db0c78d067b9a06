"""Attended transfers between two servers: the transferred party is called with Replaces (RFC 3891, RFC 5589 7).

Xander has a phone at each server. Each server knows the other as a trunk that authenticates itself.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest
from two_servers_kit import BY_HEADER, BY_URI, between, port_of, refer_to, servers, talk, told

from asterism.pbx.dialplan.applications.userevent import USER_EVENT
from asterism.testing import until

WAYS = [
    pytest.param(here, there, external, marks=[pytest.mark.long] if here is there else [])
    for here in (True, False)
    for there in (True, False)
    for external in (BY_URI, BY_HEADER)
]


@pytest.mark.parametrize(("here_calls", "there_calls", "external"), WAYS)
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
