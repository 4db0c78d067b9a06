"""Sending a NOTIFY by hand: where to, and what is said of a failure."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sip_rig import Rig

from asterism.sip.notify.content import NotifyError, content_of
from asterism.sip.notify.sender import NotifySender
from asterism.stack.message import Request, make_response

CONF = """
[ann]
type=endpoint
aors=ann
from_user=desk
[ann]
type=aor
contact=sip:ann@192.0.2.7:5090
[nobody]
type=endpoint
"""
CONTENT = content_of([("Event", "check-sync"), ("X-A", "1")])


def made(tmp_path: Path) -> tuple[Rig, NotifySender, list[str]]:
    """A sender, and what it says in the log."""
    rig = Rig(tmp_path / "etc", CONF)
    said: list[str] = []

    def note(text: str, *args: object) -> None:
        said.append(text % args)

    log: Any = SimpleNamespace(notice=note, warning=note)
    pbx: Any = SimpleNamespace(channels={})
    return rig, NotifySender(rig.sip, pbx, log), said


async def test_an_endpoint_gets_it_at_its_contact_and_a_refusal_is_told(tmp_path: Path) -> None:
    rig, sender, said = made(tmp_path)
    flow = rig.transports.flow_for("192.0.2.7", 5090)
    await sender.to_endpoint("ann", CONTENT)
    (request,) = flow.take()
    assert isinstance(request, Request)
    assert request.method == "NOTIFY"
    assert (request.get("Subscription-State"), request.get("Event"), request.get("X-A")) == (
        "terminated", "check-sync", "1",
    )  # fmt: skip
    assert request.from_.uri.user == "desk"
    rig.layer.receive(make_response(request, 489, to_tag="x").to_bytes(), flow, rig.now)
    assert said == ["a NOTIFY to sip:ann@192.0.2.7:5090 was answered 489 Bad Event"]


async def test_silence_is_told(tmp_path: Path) -> None:
    rig, sender, said = made(tmp_path)
    await sender.to_endpoint("ann", CONTENT)
    rig.advance(33)
    assert said == ["a NOTIFY to sip:ann@192.0.2.7:5090 was not answered"]


async def test_an_endpoint_without_contact_and_one_that_is_not_there(tmp_path: Path) -> None:
    _rig, sender, said = made(tmp_path)
    await sender.to_endpoint("nobody", CONTENT)
    assert said == ["endpoint 'nobody' has no contact to send a NOTIFY to"]
    with pytest.raises(NotifyError, match="Unable to retrieve endpoint x"):
        await sender.to_endpoint("x", CONTENT)
    with pytest.raises(NotifyError, match="Unable to find channel PJSIP/x"):
        sender.to_channel_named("PJSIP/x", CONTENT)
