"""Answering the challenges of others: counts of nonces, and numbers of requests in a dialog."""

from __future__ import annotations

from collections.abc import Callable

from sip_rig import FakeFlow, Rig

from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.outbound_authentication import NonceCounts
from asterism.stack.dialog import Dialog
from asterism.stack.digest import Challenge, Credentials
from asterism.stack.message import Request, make_response
from asterism.stack.parser import parse_message

CONF = "[a]\ntype=endpoint\noutbound_auth=a\n[a]\ntype=auth\nusername=me\npassword=pw\n"
CHALLENGE = ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')


def test_nonces_are_counted_by_realm_and_user_and_forgotten_in_time() -> None:
    counts = NonceCounts(limit=3)
    one, two = Challenge("r", "n"), Challenge("s", "n")
    assert [counts.used(one, "u") for _ in range(3)] == [0, 1, 2]
    assert counts.used(two, "u") == 0
    assert counts.used(one, "v") == 0
    for number in range(100):
        counts.used(Challenge("r", f"x{number}" * 1000), "u")
    assert len(counts) == 3
    assert counts.used(one, "u") == 0


class Usage:
    """A dialog's usage that only sends."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def on_request(self, rx: object) -> bool:
        return False

    def on_ack(self, request: Request) -> None:
        pass

    def on_response(self, transaction: object, response: object) -> None:
        self.statuses.append(response.status)  # type: ignore[attr-defined]


def challenged(rig: Rig, request: Request, flow: FakeFlow) -> Request:
    """The request that comes after a 401."""
    response = make_response(request, 401)
    response.add_header(*CHALLENGE)
    rig.layer.receive(response.to_bytes(), flow, rig.now)
    (again,) = [item for item in flow.take() if isinstance(item, Request) and item.method != "ACK"]
    return again


def test_each_request_in_a_dialog_has_a_number_of_its_own(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(CONF)
    endpoint = rig.data.get(Endpoint, "a")
    assert isinstance(endpoint, Endpoint)
    flow = FakeFlow(("198.51.100.1", 5080))
    text = rig.request("INVITE", "sip:1@pbx.test", "x", "Contact: <sip:x@198.51.100.1:5080>").replace("\n", "\r\n")
    invite = parse_message(text.encode())
    assert isinstance(invite, Request)
    dialog, usage = Dialog.uas(invite, "ours", "<sip:pbx@192.0.2.1>"), Usage()
    rig.sip.dialogs.add(dialog, usage, rig.sip.create_work("call"), endpoint)
    sent = []
    for method in ("INFO", "OPTIONS"):
        rig.sip.send(dialog.create_request(method), usage, endpoint, flow)
        (request,) = flow.take()
        assert isinstance(request, Request)
        sent.append(request)
    # Two are on their way, and the first is challenged: its second try must not have the number of the other.
    for request in tuple(sent):
        again = challenged(rig, request, flow)
        assert again.call_id == request.call_id
        sent.append(again)
    rig.sip.send(dialog.create_request("INFO"), usage, endpoint, flow)
    (last,) = flow.take()
    assert isinstance(last, Request)
    numbers = [request.cseq.number for request in (*sent, last)]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    assert [Credentials.parse(item.get("Authorization") or "").count for item in sent[2:]] == [1, 2]
