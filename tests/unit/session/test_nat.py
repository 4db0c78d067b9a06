"""Where a peer behind a NAT is reached later: its own address, or that of the proxy next to us."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "sip"))

from sip_rig import FakeFlow

from asterism.applications.session.supplements.nat import first_route, rewrite_contact
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
