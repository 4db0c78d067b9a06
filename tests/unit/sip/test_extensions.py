"""``Require`` (RFC 3261 8.2.2.3), and the option that turns the check off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sip_rig import FakeFlow, Rig

from asterism.sip.extensions import ExtensionStep
from asterism.sip.rx import Rx
from asterism.sip.service import Service
from asterism.stack.dialog import Dialog
from asterism.stack.message import Request, Response
from asterism.stack.parser import parse_message

CONTACT = "Contact: <sip:alice@192.0.2.10>"
CASES = [("", 420), ("[global]\ntype=global\nignore_unknown_require=yes\n", 200)]


class Knowing(Service):
    """Takes MESSAGE and knows one extension."""

    name = "knowing"
    methods = frozenset({"MESSAGE"})

    def extensions(self) -> frozenset[str]:
        return frozenset({"known"})

    def on_request(self, rx: Rx) -> bool:
        rx.respond(202)
        return True


class Usage:
    """A dialog's usage that answers all."""

    def on_request(self, rx: Rx) -> bool:
        rx.respond(200)
        return True

    def on_ack(self, request: Any) -> None:
        pass


@pytest.fixture
def make(make_rig: Callable[..., Rig], phones: str) -> Callable[[str], Rig]:
    def build(head: str) -> Rig:
        rig = make_rig(head + phones)
        rig.sip.register_step(ExtensionStep(rig.sip))
        rig.sip.register_service(Knowing())
        return rig

    return build


def outcome(response: Response) -> tuple[int, str | None]:
    return response.status, response.get("Unsupported")


def message(rig: Rig, require: str, method: str = "MESSAGE", **more: Any) -> tuple[int, str | None]:
    flow = FakeFlow(("198.51.100.7", 5060))
    return outcome(rig.ask(method, f"Require: {require}", user="trunk", flow=flow, **more))


@pytest.mark.parametrize(("head", "status"), CASES)
def test_register_of_an_authenticated_sender(make: Callable[[str], Rig], head: str, status: int) -> None:
    """200 is what Asterisk answers; 420 is the RFC."""
    rig = make(head)
    first = rig.only(rig.receive(rig.request("REGISTER", "sip:pbx.test", "alice", CONTACT, "Require: bogus-ext")))
    assert first.status == 401
    response = rig.ask("REGISTER", CONTACT, "Require: bogus-ext, path, other")
    assert outcome(response) == (status, "bogus-ext, other" if status == 420 else None)
    assert len(rig.sip.location.contacts("alice")) == (status == 200)


def test_known_extensions_pass_in_any_case(make: Callable[[str], Rig]) -> None:
    rig = make("")
    assert message(rig, "KNOWN, path") == (202, None)
    assert message(rig, "known, \tunknown , Strange") == (420, "unknown, Strange")


def test_an_unknown_method_is_refused_before_its_extensions(make: Callable[[str], Rig]) -> None:
    assert message(make(""), "unknown", "NEWMETHOD")[0] == 501


@pytest.mark.parametrize(("head", "status"), CASES)
def test_inside_a_dialog(make: Callable[[str], Rig], head: str, status: int) -> None:
    rig = make(head)
    flow = FakeFlow(("198.51.100.7", 5060))
    invite = parse_message(rig.request("INVITE", user="trunk", call_id="d", cseq=5).replace("\n", "\r\n").encode())
    assert isinstance(invite, Request)
    invite.add_header("Contact", "<sip:trunk@198.51.100.7>")
    dialog = Dialog.uas(invite, "ours", "<sip:pbx@192.0.2.1>")
    rig.sip.dialogs.add(dialog, Usage(), rig.sip.create_work("dialog"))
    text = rig.request("INFO", "sip:pbx.test", "trunk", "Require: known, bogus-ext", call_id="d", cseq=6)
    text = text.replace("To: <sip:trunk@pbx.test>", "To: <sip:trunk@pbx.test>;tag=ours")
    text = text.replace(f";tag=f{rig._serial}", f";tag={invite.from_.tag}")
    answers = rig.receive(text, flow)
    assert outcome(rig.only(answers)) == (status, "bogus-ext" if status == 420 else None)
