"""Where a peer behind a NAT is reached later: its own address, or that of the proxy next to us."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from session_bench import Bench, on_bench, sdp
from sip_rig import FakeFlow

from asterism.applications.session.supplements.nat import first_route, rewrite_contact
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.dialog import Dialog
from asterism.stack.message import Message, Request, Response
from asterism.stack.parser import parse_message

SOURCE = ("203.0.113.9", 40000)
INVITE = (
    "INVITE sip:1@pbx.test SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\nFrom: <sip:a@x>;tag=1\n"
    "To: <sip:1@pbx.test>\nCall-ID: c\nCSeq: 1 INVITE\nContact: <sip:a@10.0.0.5:5062;ob>\n{routes}"
    "Content-Length: 0\n\n"
)
OK = INVITE.replace("INVITE sip:1@pbx.test SIP/2.0", "SIP/2.0 200 OK").replace("<sip:1@pbx.test>", "<sip:1@x>;tag=2")
TWO = "Record-Route: <sip:10.0.0.1;lr>, <sip:10.0.0.2:5070;lr;x=1>\n"


def message(text: str, routes: str = "", source: tuple[str, int] = SOURCE) -> Message:
    made = parse_message(text.replace("{routes}", routes).replace("\n", "\r\n").encode())
    made.flow = FakeFlow(source)
    return made


@pytest.mark.parametrize("text", [INVITE, OK])
def test_without_proxies_it_is_the_contact(text: str) -> None:
    made = message(text)
    rewrite_contact(made)
    assert made.get("Contact") == "<sip:a@203.0.113.9:40000;ob>"


def test_the_first_route_of_a_call_that_comes_in() -> None:
    invite = message(INVITE, TWO)
    assert isinstance(invite, Request)
    dialog = Dialog.uas(invite, "ours", "<sip:pbx@192.0.2.1>")
    rewrite_contact(invite)
    first_route(dialog, invite)
    assert [str(route) for route in dialog.route_set] == ["<sip:203.0.113.9:40000;lr>", "<sip:10.0.0.2:5070;lr;x=1>"]
    bye = dialog.create_request("BYE")
    assert bye.get_all("Route")[0].startswith("<sip:203.0.113.9:40000;lr>")
    # The Contact is the proxies' affair, and what goes back in our responses is theirs.
    assert str(bye.uri) == "sip:a@10.0.0.5:5062;ob"
    assert [str(route) for route in invite.record_routes] == ["<sip:10.0.0.1;lr>", "<sip:10.0.0.2:5070;lr;x=1>"]


def test_the_last_route_of_an_answer() -> None:
    answer = message(OK, TWO)
    rewrite_contact(answer)
    invite = message(INVITE)
    assert isinstance(answer, Response)
    assert isinstance(invite, Request)
    dialog = Dialog.uac(invite, answer)
    assert [str(route) for route in dialog.route_set] == ["<sip:203.0.113.9:40000;lr;x=1>", "<sip:10.0.0.1;lr>"]
    assert str(dialog.remote_target) == "sip:a@10.0.0.5:5062;ob"


def test_a_proxy_that_is_where_it_says_stays() -> None:
    answer = message(OK, "Record-Route: <sip:10.0.0.1;lr>\nRecord-Route: <sip:203.0.113.9;lr>\n", ("203.0.113.9", 5060))
    before = answer.to_bytes()
    rewrite_contact(answer)
    assert answer.to_bytes() == before


@pytest.mark.parametrize("routes", ["Record-Route: <broken\n", "Record-Route: <tel:1>\n"])
def test_what_cannot_be_read_stays(routes: str) -> None:
    answer = message(OK, routes)
    rewrite_contact(answer)
    assert answer.get("Contact") == "<sip:a@10.0.0.5:5062;ob>"


HIDDEN = "sip:phone@10.0.0.5:5062"
"""What a phone behind a NAT takes its address to be."""


def behind_nat(bench: Bench, phone: Any, name: str, rewrite: bool) -> None:
    """Have a phone write its private address into its Contact."""
    bench.server.data.get(Endpoint, name).rewrite_contact = rewrite
    receive = phone.receive

    def hidden(text: str) -> None:
        receive(re.sub("Contact: <[^>]*>", f"Contact: <{HIDDEN}>", text))

    phone.receive = hidden


@pytest.mark.parametrize(("rewrite", "target"), [(True, "sip:phone@127.0.0.1:5071"), (False, HIDDEN)])
def test_requests_to_a_caller_go_where_its_invite_came_from(tmp_path: Path, rewrite: bool, target: str) -> None:
    @on_bench
    async def call(bench: Bench) -> None:
        alice = bench.phone(5071)
        behind_nat(bench, alice, "alice", rewrite)

        @bench.server.pbx.extension("internal", "770")
        async def answer(channel: Any) -> None:
            await channel.answer()
            await channel.hangup()

        alice.call("770")
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        # A target elsewhere is not on this phone's flow.
        port = 5071 if rewrite else 5062
        flow = bench.transports.flow_for("127.0.0.1" if rewrite else "10.0.0.5", port)
        await bench.until(lambda: any(data.startswith(b"BYE ") for data in flow.sent))
        bye = parse_message(next(data for data in flow.sent if data.startswith(b"BYE ")))
        assert str(bye.uri) == target
        alice.respond(bye, 200)  # type: ignore[arg-type]

    call(tmp_path)


@pytest.mark.parametrize(("rewrite", "target"), [(True, "sip:phone@127.0.0.1:5072"), (False, HIDDEN)])
def test_requests_to_a_callee_go_where_its_answer_came_from(tmp_path: Path, rewrite: bool, target: str) -> None:
    @on_bench
    async def call(bench: Bench) -> None:
        alice, bob = bench.phone(5071), bench.phone(5072)
        behind_nat(bench, bob, "bob", rewrite)

        @bench.server.pbx.extension("internal", "6002")
        async def dial(channel: Any) -> None:
            await channel.dial("PJSIP/bob", 20)

        alice.call("6002")
        invite = await bob.next("INVITE")
        bob.respond(invite, 200, body=sdp())
        flow = bench.transports.flow_for("127.0.0.1" if rewrite else "10.0.0.5", 5072 if rewrite else 5062)
        await bench.until(lambda: any(data.startswith(b"ACK ") for data in flow.sent))
        ack = parse_message(next(data for data in flow.sent if data.startswith(b"ACK ")))
        assert str(ack.uri) == target
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("BYE", ok, 2)
        await bench.until(lambda: any(data.startswith(b"BYE ") for data in flow.sent))
        bye = parse_message(next(data for data in flow.sent if data.startswith(b"BYE ")))
        assert str(bye.uri) == target
        bob.respond(bye, 200)  # type: ignore[arg-type]

    call(tmp_path)


@on_bench
async def test_the_proxy_next_to_us_is_where_an_answer_came_from(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5072)
    bench.server.data.get(Endpoint, "bob").rewrite_contact = True

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice.call("6002")
    invite = await bob.next("INVITE")
    bob.respond(invite, 200, body=sdp(), extra="Record-Route: <sip:10.0.0.1:5080;lr>\r\n")
    ack = await bob.next("ACK")
    assert ack.get("Route") == "<sip:127.0.0.1:5072;lr>"
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 2)
    bye = await bob.next("BYE")
    assert bye.get("Route") == "<sip:127.0.0.1:5072;lr>"
    bob.respond(bye, 200)
