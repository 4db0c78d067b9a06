"""An INVITE's Contact is looked at before anybody asks who sent it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sip_rig import FakeFlow, Rig

from asterism.sip.caller_contact import CallerContactStep
from asterism.sip.service import Service
from asterism.stack.message import Response

STRANGER = ("203.0.113.9", 5060)


class Calls(Service):
    """Takes every INVITE."""

    name = "calls"
    methods = frozenset({"INVITE"})

    def on_request(self, rx: Any) -> bool:
        rx.respond(486)
        return True


@pytest.fixture
def rig(make_rig: Callable[..., Rig], phones: str) -> Rig:
    rig = make_rig(phones)
    rig.sip.register_step(CallerContactStep())
    rig.sip.register_service(Calls())
    return rig


def invite(rig: Rig, *headers: str, remote: tuple[str, int] = STRANGER) -> int:
    return rig.only(rig.receive(rig.request("INVITE", "sip:1@pbx.test", "nobody", *headers), FakeFlow(remote))).status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 400),
        (("Contact: *",), 400),
        (("Contact: <sip:broken",), 400),
        (("Contact: <tel:+1555>",), 416),
        (("Contact: <urn:service:sos>",), 416),
        (("Contact: <sip:a@203.0.113.9>",), 401),
        (("Contact: <sips:a@203.0.113.9>",), 401),
    ],
)
def test_it_goes_before_identification(rig: Rig, headers: tuple[str, ...], status: int) -> None:
    assert invite(rig, *headers) == status


def test_other_methods_need_none(rig: Rig) -> None:
    assert rig.only(rig.receive(rig.request("OPTIONS", "sip:x", "nobody"), FakeFlow(STRANGER))).status == 401


def test_a_refused_source_hears_nothing_of_it(rig: Rig, make_rig: Callable[..., Rig], phones: str) -> None:
    blocked = make_rig(phones + "[inside]\ntype=acl\ndeny=0.0.0.0/0\npermit=10.0.0.0/8\n")
    blocked.sip.register_step(CallerContactStep())
    answers = blocked.receive(blocked.request("INVITE", "sip:1@pbx.test", "nobody"), FakeFlow(STRANGER))
    assert [item.status for item in answers if isinstance(item, Response)] in ([], [403])


async def test_explain_tells_it(rig: Rig) -> None:
    result = await rig.sip.explain(rig.request("INVITE", "sip:1@pbx.test", "nobody"), FakeFlow(STRANGER))
    assert result.status == 400
    assert "Contact" in str(result)
    other = await rig.sip.explain(rig.request("OPTIONS", "sip:1@pbx.test", "nobody"), FakeFlow(STRANGER))
    assert "contact" not in str(other)
