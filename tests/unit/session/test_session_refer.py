"""REFER within a call, on a virtual clock: what is said in which order, against what was recorded of Asterisk 22.10."""

from __future__ import annotations

import gc
import re
from pathlib import Path
from typing import Any

import pytest
from call_steps import answered
from session_bench import Bench, Phone, on_bench, sdp, set_options

from asterism.applications.pubsub.module import PubSubModule
from asterism.applications.pubsub.packages.refer import ReferModule as PackageModule
from asterism.applications.pubsub.packages.refer import ReferSubscription
from asterism.applications.session.refer import GRACE
from asterism.applications.session.supplements.refer import ReferModule
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.message import Request, Response
from asterism.stack.parser import parse_message

RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "sip_wire_refer.txt"
OWN = frozenset(("Via", "Call-ID", "From", "To", "CSeq", "Contact", "Server", "User-Agent", "Content-Length", "Allow"))
"""Headers whose values are of one call or one server: only their places are compared."""
OF_ALL = frozenset(("Allow-Events", "Supported"))
"""Headers that name what is loaded."""
TO_CAROL = "Refer-To: <sip:6003@127.0.0.1:5060>\r\n"


class PubSubAlone(PubSubModule):
    """Without the steps that a request outside of a dialog meets first."""

    requires = ()  # type: ignore[assignment]


def recorded(title: str, start: str, number: int = 0) -> Request | Response:
    """A message of the record: the ``number``-th that begins with ``start`` in the section ``title``."""
    parts = re.split(r"\n#{10,}\n# (.*)\n#{10,}\n", RECORD.read_text())
    body = next(body for found, body in zip(parts[1::2], parts[2::2], strict=False) if title in found)
    messages = re.split(r"(?m)^---- \[\w+\] .*----\n", body)[1:]
    found = [one for one in messages if one.startswith(start)]
    head, _, rest = found[number].partition("\n\n")
    content = f"{rest.rstrip()}\r\n" if rest else ""
    lines = [line for line in head.rstrip().split("\n") if not line.startswith("Content-Length")]
    text = "\r\n".join([*lines, f"Content-Length: {len(content)}", "", content])
    return parse_message(text.encode())


def alike(ours: Request | Response, theirs: Request | Response) -> None:
    """The same headers in the same order, with the same values but for those of one call; the same body.

    What identifies a message comes first, in an order of the stack's own.
    """
    mine, recorded = (one.headers[5 if isinstance(one, Response) else 6 :] for one in (ours, theirs))
    assert {name for name, _ in ours.headers} == {name for name, _ in theirs.headers}
    assert [name for name, _ in mine] == [name for name, _ in recorded]
    for (name, value), (_, other) in zip(mine, recorded, strict=True):
        if name not in OWN and name not in OF_ALL:
            assert value == other, name
    assert ours.body == theirs.body
    if isinstance(ours, Response) and isinstance(theirs, Response):
        assert (ours.status, ours.reason) == (theirs.status, theirs.reason)


async def begin(bench: Bench) -> tuple[Response, Request, Phone, Phone, Phone]:
    """Alice and Bob talk, and REFERs are served; Carol's phone is at 6003."""
    for module in (ReferModule, PubSubAlone, PackageModule):
        bench.server.modules.add(module)
        await bench.server.modules.load(module.name)
    ok, invite, alice, bob = await answered(bench)

    @bench.server.pbx.extension("internal", "6003")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/anon", 20)

    return ok, invite, alice, bob, bench.phone(5074)


async def ends(bench: Bench, *phones: tuple[Phone, str]) -> None:
    for phone, tag in phones:
        phone.respond(await phone.next("BYE"), 200, tag=tag)
    await bench.until(lambda: bench.idle)


def acknowledge(phone: Phone, notify: Request) -> None:
    phone.receive(
        f"SIP/2.0 200 OK\r\nVia: {notify.get('Via')}\r\nFrom: {notify.get('From')}\r\nTo: {notify.get('To')}\r\n"
        f"Call-ID: {notify.call_id}\r\nCSeq: {notify.get('CSeq')}\r\nContent-Length: 0\r\n\r\n"
    )


async def told(phone: Phone) -> Request:
    notify = await phone.next("NOTIFY")
    acknowledge(phone, notify)
    return notify


BLIND = "blind transfer by REFER from the caller"
REFUSED = "REFER to nonexistent extension"


def test_a_blind_transfer_as_recorded(tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        ok, _, alice, bob, carol = await begin(bench)
        more = TO_CAROL + "Referred-By: <sip:alice@127.0.0.1:15160>\r\n"
        alice.in_dialog("REFER", ok, 41, extra=more)
        alike(await alice.next(202), recorded(BLIND, "SIP/2.0 202"))
        alike(await told(alice), recorded(BLIND, "NOTIFY", 0))
        invite = await carol.next("INVITE")
        names = [name for name, _ in invite.headers]
        theirs = [name for name, _ in recorded(BLIND, "INVITE").headers]
        at, there = names.index("Referred-By"), theirs.index("Referred-By")
        assert names[at : at + 2] == theirs[there : there + 2]
        assert invite.get("Referred-By") == "<sip:alice@127.0.0.1:15160>"
        carol.respond(invite, 180)
        alike(await told(alice), recorded(BLIND, "NOTIFY", 1))
        carol.respond(invite, 200, body=sdp())
        await carol.next("ACK")
        alike(await told(alice), recorded(BLIND, "NOTIFY", 2))
        alice.in_dialog("BYE", ok, 42)
        await alice.next(200)
        bob.request("BYE", "sip:127.0.0.1:5060", "bob", "<sip:6001@127.0.0.1>")
        await bench.turn()
        await hang_up(bench, bob)
        await ends(bench, (carol, "b1"))

    test(tmp_path)


async def hang_up(bench: Bench, bob: Phone) -> None:
    """End Bob's channel from the server."""
    for channel in list(bench.server.pbx.channels):
        if channel.name.startswith("PJSIP/bob"):
            channel.soft_hangup()
    bob.respond(await bob.next("BYE"), 200)


def test_refusals_as_recorded(tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        ok, _, alice, bob, _ = await begin(bench)
        alice.in_dialog("REFER", ok, 26, extra="Refer-To: <sip:nope@127.0.0.1>\r\n")
        alike(await alice.next(202), recorded(REFUSED, "SIP/2.0 202"))
        alike(await told(alice), recorded(REFUSED, "NOTIFY", 0))
        alike(await told(alice), recorded(REFUSED, "NOTIFY", 1))
        alice.in_dialog("REFER", ok, 27)
        alike(await alice.next(400), recorded(REFUSED, "SIP/2.0 400", 0))
        alice.in_dialog("REFER", ok, 28, extra="Refer-To: <tel:+123>\r\n")
        alike(await alice.next(400), recorded(REFUSED, "SIP/2.0 400", 1))
        unknown = "Refer-To: <sip:6003@127.0.0.1?Replaces=nosuch%3Bto-tag%3Da%3Bfrom-tag%3Db>\r\n"
        alice.in_dialog("REFER", ok, 29, extra=unknown)
        alike(await alice.next(202), recorded(REFUSED, "SIP/2.0 202", 1))
        alike(await told(alice), recorded(REFUSED, "NOTIFY", 2))
        alike(await told(alice), recorded(REFUSED, "NOTIFY", 3))
        set_options(bench.server.data.get(Endpoint, "alice"), allow_transfer=False)
        alice.in_dialog("REFER", ok, 30, extra=TO_CAROL)
        await alice.next(603)
        alice.in_dialog("BYE", ok, 31)
        await alice.next(200)
        await ends(bench, (bob, "b1"))

    test(tmp_path)


@pytest.mark.parametrize("answers", [True, False])
def test_our_bye_comes_when_the_phone_knows_and_has_had_its_time(answers: bool, tmp_path: Path) -> None:
    """A phone that does not answer the NOTIFYs is waited for no longer than a transaction lasts."""

    @on_bench
    async def test(bench: Bench) -> None:
        ok, _, alice, bob, carol = await begin(bench)
        alice.in_dialog("REFER", ok, 41, extra=TO_CAROL)
        await alice.next(202)
        invite = await carol.next("INVITE")
        carol.respond(invite, 200, body=sdp())
        await carol.next("ACK")
        if answers:
            while (await told(alice)).body != b"SIP/2.0 200 OK\r\n":
                pass
            await bench.turn()
            bench.advance(GRACE - 0.1)
            await bench.turn()
            assert not any(isinstance(one, Request) and one.method == "BYE" for one in alice.messages())
            bench.advance(0.2)
        else:
            await bench.turn()
            bench.advance(32.1)
            await bench.turn()
            bench.advance(GRACE)
        alice.respond(await alice.next("BYE"), 200)
        await hang_up(bench, bob)
        await ends(bench, (carol, "b1"))

    test(tmp_path)


def test_a_phone_that_refuses_to_be_told_keeps_nothing_from_ending(tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        ok, _, alice, bob, carol = await begin(bench)
        alice.in_dialog("REFER", ok, 41, extra=TO_CAROL)
        await alice.next(202)
        alice.respond(await alice.next("NOTIFY"), 481)
        invite = await carol.next("INVITE")
        carol.respond(invite, 486)
        await carol.next("ACK")
        await bench.turn()
        # The call is given back, and nobody is told.
        assert not any(isinstance(one, Request) and one.method == "NOTIFY" for one in alice.messages())
        alice.in_dialog("BYE", ok, 42)
        await alice.next(200)
        await ends(bench, (bob, "b1"))

    test(tmp_path)


def test_unloading_the_session_module_waits_for_nobody(tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        ok, _, alice, bob, carol = await begin(bench)
        alice.in_dialog("REFER", ok, 41, extra=TO_CAROL)
        await alice.next(202)
        invite = await carol.next("INVITE")
        carol.respond(invite, 200, body=sdp())
        await carol.next("ACK")
        await bench.turn()
        for session in list(bench.sessions.live):
            session.fail(0)
        for session in list(bench.sessions.live):
            session.hang_up(0)
        assert not bench.sessions.live
        await alice.next("BYE")
        await bob.next("BYE")

    test(tmp_path)


@pytest.mark.parametrize("ours", [True, False])
def test_a_refer_while_a_reinvite_is_not_through(ours: bool, tmp_path: Path) -> None:
    """Glare: our re-INVITE waits for its answer, or the phone's for its ACK; the transfer goes on."""

    @on_bench
    async def test(bench: Bench) -> None:
        ok, _, alice, bob, carol = await begin(bench)
        session = next(one for one in bench.sessions.live if one.endpoint.id == "alice")
        if ours:
            session.refresh("INVITE")
            again = await alice.next("INVITE")
        else:
            alice.in_dialog("INVITE", ok, 40, sdp(direction="sendonly", version=2))
            held = await alice.next(200)
        alice.in_dialog("REFER", ok, 41, extra=TO_CAROL)
        await alice.next(202)
        assert (await told(alice)).body == b"SIP/2.0 100 Trying\r\n"
        invite = await carol.next("INVITE")
        if ours:
            alice.respond(again, 200, body=sdp(), tag="t1")
            await alice.next("ACK")
        else:
            alice.in_dialog("ACK", held, 40)
        carol.respond(invite, 200, body=sdp())
        await carol.next("ACK")
        while (await told(alice)).body != b"SIP/2.0 200 OK\r\n":
            pass
        alice.in_dialog("BYE", ok, 42)
        await alice.next(200)
        await hang_up(bench, bob)
        await ends(bench, (carol, "b1"))

    test(tmp_path)


def test_what_is_over_is_freed_at_once(tmp_path: Path) -> None:
    """The subscription, and whoever has it told, hold each other only while there is something to say."""

    @on_bench
    async def test(bench: Bench) -> None:
        ok, _, alice, bob, carol = await begin(bench)
        alice.in_dialog("REFER", ok, 41, extra=TO_CAROL)
        await alice.next(202)
        assert len(there()) == 1
        invite = await carol.next("INVITE")
        carol.respond(invite, 200, body=sdp())
        await carol.next("ACK")
        while (await told(alice)).body != b"SIP/2.0 200 OK\r\n":
            pass
        alice.in_dialog("BYE", ok, 42)
        await alice.next(200)
        await hang_up(bench, bob)
        await ends(bench, (carol, "b1"))
        bench.advance(70)
        await bench.turn()
        assert there() == []

    def there() -> list[object]:
        return [one for one in gc.get_objects() if type(one) is ReferSubscription]

    gc.collect()
    gc.disable()
    try:
        test(tmp_path)
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("options", "extra", "expected"),
    [
        ({}, TO_CAROL, "take 202: blind transfer of the call to 6003 [endpoint alice]"),
        (
            {},
            "Refer-To: <sip:6003@x?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\n",
            "attended transfer of the call to 6003",
        ),
        ({"allow_transfer": False}, TO_CAROL, "reject 603: the endpoint may not transfer (allow_transfer)"),
        ({}, "", "reject 400: no Refer-To"),
        ({}, "Refer-To: <sip:[>\r\n", "reject 400"),
        ({}, TO_CAROL + "Require: magic\r\n", "magic is not understood: 420"),
    ],
)
def test_what_would_become_of_a_refer(options: dict[str, Any], extra: str, expected: str, tmp_path: Path) -> None:
    """``sip explain`` says it as it is then answered, and changes nothing."""

    @on_bench
    async def test(bench: Bench) -> None:
        if options:
            set_options(bench.server.data.get(Endpoint, "alice"), **options)
        ok, _, alice, bob, _ = await begin(bench)
        text = (
            "REFER sip:127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bKe\r\n"
            f"Max-Forwards: 70\r\nFrom: {ok.get('From')}\r\nTo: {ok.get('To')}\r\nCall-ID: {ok.call_id}\r\n"
            f"CSeq: 41 REFER\r\nContact: <sip:alice@127.0.0.1:5071>\r\n{extra}Content-Length: 0\r\n\r\n"
        )
        found = await bench.server.sip.explain(text)
        assert "goes to the usage of dialog" in str(found)
        assert expected in str(found)
        assert not alice.messages()
        assert len(bench.server.pbx.channels) == 2
        if found.status != 202:
            alice.in_dialog("REFER", ok, 41, extra=extra)
            await alice.next(found.status)
        alice.in_dialog("BYE", ok, 42)
        await ends(bench, (bob, "b1"))

    test(tmp_path)
