"""A call that comes back to the server, by way of others or through the dialplan, ends."""

from __future__ import annotations

import pytest
from call_kit import CONFIG, two_phones

from asterism.testing import Phone
from asterism.testing.servers import free_port

# The dialplan at the far end is the same server's.
PJSIP = """
[loop]
type=endpoint
context=far
disallow=all
allow=ulaw
aors=loop
[loop]
type=identify
endpoint=loop
match_header=X-Loop: yes
[loop]
type=aor
contact=sip:127.0.0.1:{port}
[transport-loop]
type=transport
protocol=udp
bind=127.0.0.1:{port}
"""
EXTENSIONS = """
exten => _9X,1,Dial(PJSIP/${EXTEN}@loop,10,b(mark^s^1))
exten => 700,1,Dial(Local/700@phones,10)
exten => 701,1,Dial(PJSIP/600@loop,10,b(mark^s^1))
[mark]
exten => s,1,Set(PJSIP_HEADER(add,X-Loop)=yes)
 same => n,Return()
[far]
exten => _9X,1,Set(GLOBAL(rounds)=$[0${rounds} + 1])
 same => n,Dial(PJSIP/${EXTEN}@loop,10,b(mark^s^1))
exten => 600,1,Answer()
 same => n,Echo()
"""


class Capped(Phone):
    """Its calls may make only a few hops."""

    hops = "5"

    def create_request(self, method: str, *args: object, **more: object):
        request = super().create_request(method, *args, **more)  # type: ignore[arg-type]
        request.set_header("Max-Forwards", self.hops)
        return request


def config(port: int) -> dict[str, str]:
    return {
        "pjsip.conf": CONFIG["pjsip.conf"].replace("[global]", "[global]\nendpoint_identifier_order=header,username")
        + PJSIP.replace("{port}", str(port)),
        "extensions.conf": CONFIG["extensions.conf"] + EXTENSIONS,
    }


@pytest.mark.parametrize(("hops", "rounds"), [("5", "5"), ("1", "1"), ("0", "")])
async def test_a_loop_by_way_of_sip_ends_with_483(hops: str, rounds: str) -> None:
    """The last server refuses; those before it pass that on as they pass on any failure."""
    async with two_phones(config(free_port())) as world, Capped("101", world.server, "ann's secret") as caller:
        caller.hops = hops
        call = await caller.dial("91")
        assert await call.refused() == (483 if hops == "0" else 503)
        assert world.server.pbx.dialplan.globals.get("rounds", "") == rounds


async def test_a_loop_inside_the_dialplan_ends() -> None:
    async with two_phones(config(free_port())) as world:
        assert await (await world.ann.dial("700")).refused() >= 400


async def test_the_last_hop_may_be_answered() -> None:
    async with two_phones(config(free_port())) as world, Capped("101", world.server, "ann's secret") as caller:
        caller.hops = "1"
        call = await caller.dial("701")
        await call.answered()
        await call.hangup()
        # Nothing goes on from here: it needs no hop (RFC 3261 16.3 speaks of proxies).
        caller.hops = "0"
        call = await caller.dial("600")
        await call.answered()
        await call.hangup()
