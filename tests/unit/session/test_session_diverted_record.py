"""What phones get when they are sent elsewhere, and when the other party changes, against what was recorded."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from call_steps import dialing, refused
from session_bench import Bench, Phone, on_bench, sdp
from test_session_diverted import with_local_channels
from test_session_endpoint_options import change

from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PartyId
from asterism.stack.message import Message

RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "sip_wire_diverted.txt"
_OWN = frozenset(("Via", "Call-ID", "CSeq", "Server", "User-Agent", "Content-Length", "Min-SE", "Session-Expires"))
"""Headers that differ from call to call and server to server, or are a supplement's that another test compares."""
_LISTS = frozenset(("Allow", "Supported", "Allow-Events"))
"""Headers whose values name what modules are loaded."""


def recorded(title: str, start: str, number: int = 0) -> list[tuple[str, str]]:
    """The headers of a recorded message, as :func:`headers_of` gives ours."""
    text = RECORD.read_text()
    section = next(part for part in re.split(r"\n#{10,}\n# ", text) if title in part.partition("\n")[0])
    messages = [one for one in re.split(r"---- \[RECV\] .*----\n", section)[1:] if one.startswith(start)]
    lines = messages[number].partition("\n\n")[0].splitlines()[1:]
    return _plain([(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)])


def headers_of(message: Message) -> list[tuple[str, str]]:
    """The headers that are the same wherever the call is, sorted."""
    return _plain(list(message.headers))


def _plain(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    found = []
    for name, value in headers:
        if name not in _OWN:
            value = re.sub(r";tag=[\w.-]+|(?<=127\.0\.0\.1):\d+|;transport=TCP", "", value)
            found.append((name, "" if name in _LISTS else value))
    return sorted(found)


def without(headers: list[tuple[str, str]], *names: str) -> list[tuple[str, str]]:
    return [one for one in headers if one[0] not in names]


def test_the_comparison_sees_a_difference() -> None:
    refer = recorded("Transfer()", "REFER")
    assert ("Refer-To", "sip:6001@127.0.0.1") in refer
    assert len(refer) > 8


@on_bench
async def test_a_transfer_after_the_answer(bench: Bench) -> None:
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "790")
    async def transfer(channel: Any) -> None:
        await channel.answer()
        await channel.transfer("PJSIP/sip:6001@127.0.0.1:15281")

    alice.call("790")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    refer = await alice.next("REFER")
    # Which packages there are depends on the modules.
    assert without(headers_of(refer), "Allow-Events") == without(recorded("Transfer()", "REFER"), "Allow-Events")
    alice.respond(refer, 202)
    await bench.turn()
    alice.in_dialog("BYE", ok, 2)


@on_bench
async def test_a_transfer_before_the_answer(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "791")
    async def transfer(channel: Any) -> None:
        await channel.transfer("PJSIP/sip:6001@127.0.0.1:15281")

    response = await refused(bench, "791")
    assert headers_of(response) == recorded("Transfer()", "SIP/2.0 302")


@on_bench
async def test_a_302_that_is_followed(bench: Bench) -> None:
    """The caller's 181, 180 and 200, and the INVITE to whom the call is diverted."""
    with_local_channels(bench)
    change(bench, "bob", redirect_method="user")
    carol = bench.phone(5083)

    @bench.server.pbx.extension("internal", "6003")
    async def forwarded(channel: Any) -> None:
        await channel.dial("PJSIP/lonely/sip:carol@127.0.0.1:5083", 20)

    title = "callee answers 302 Contact 6003"
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 302, contact=False, extra="Contact: <sip:6003@127.0.0.1:15160>\r\n")
    await bob.next("ACK")

    def compare(ours: Message, start: str, number: int = 0) -> None:
        theirs = [(name, value.replace("sip:6002@", "sip:900@") if name == "To" else value)
                  for name, value in recorded(title, start, number)]  # fmt: skip
        assert headers_of(ours) == sorted(theirs)

    compare(await alice.next(181), "SIP/2.0 181")
    again = await carol.next("INVITE")
    # Each leg of ours has a hop less than the one before it.
    assert without(headers_of(again), "Max-Forwards") == without(recorded(title, "INVITE"), "Max-Forwards")
    carol.respond(again, 180)
    compare(await alice.next(180), "SIP/2.0 180")
    carol.respond(again, 200, body=sdp())
    await carol.next("ACK")
    ok = await alice.next(200)
    compare(ok, "SIP/2.0 200")
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 9)
    carol.respond(await carol.next("BYE"), 200)


async def changing(bench: Bench, **options: Any) -> tuple[Phone, Any]:
    change(bench, "alice", send_pai=True, send_rpid=True, **options)
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "790")
    async def run(channel: Any) -> None:
        await channel.answer()
        await channel.wait(0.01)
        channel.set_connected(PartyId("5559", "New Name"))
        await channel.wait(60)

    alice.call("790")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    return alice, ok


def told(title: str, start: str) -> list[tuple[str, str]]:
    """Recorded of another endpoint."""
    return [(name, value.replace("clinv@", "alice@").replace("clupd@", "alice@").replace("climm@", "alice@"))
            for name, value in recorded(title, start)]  # fmt: skip


async def until_sent(bench: Bench, phone: Phone, method: str) -> Any:
    """The request of that method, which a timer of the loop causes."""
    for _ in range(200):
        if any(getattr(one, "method", "") == method for one in phone.messages()):
            break
        await asyncio.sleep(0.005)
    return await phone.next(method)


@on_bench
async def test_a_changedby_re_invite(bench: Bench) -> None:
    alice, ok = await changing(bench)
    changed = await until_sent(bench, alice, "INVITE")
    assert headers_of(changed) == told("clinv calls 790", "INVITE")
    assert changed.body
    alice.respond(changed, 200, body=sdp())
    alice.in_dialog("BYE", ok, 2)


@on_bench
async def test_a_changedby_update(bench: Bench) -> None:
    """Ours names the methods as well (Allow, RFC 3311 4)."""
    alice, ok = await changing(bench, connected_line_method="update")
    changed = await until_sent(bench, alice, "UPDATE")
    assert without(headers_of(changed), "Allow") == told("clupd calls 790", "UPDATE")
    assert not changed.body
    alice.respond(changed, 200)
    alice.in_dialog("BYE", ok, 2)


@on_bench
async def test_a_changedwhile_it_rings_that_is_told_at_once(bench: Bench) -> None:
    change(bench, "alice", send_pai=True, send_rpid=True, rpid_immediate=True)
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "791")
    async def run(channel: Any) -> None:
        channel.indicate(Control.RINGING)
        channel.set_connected(PartyId("5559", "New Name"))
        await channel.answer()
        await channel.wait(60)

    alice.call("791")
    title = "climm calls 791"
    assert [name for name, _ in headers_of(await alice.next(180))] == [name for name, _ in told(title, "SIP/2.0 180")]
    second = await alice.next(180)
    expected = [(n, v.replace("climm@", "alice@")) for n, v in recorded(title, "SIP/2.0 180", 1)]
    assert headers_of(second) == expected
    ok = await alice.next(200)
    assert headers_of(ok) == told(title, "SIP/2.0 200")
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 2)
