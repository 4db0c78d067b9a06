"""For tests of subscriptions of ours: a subscriber that writes down what it hears, a notifier that is played."""

from __future__ import annotations

from typing import Any, ClassVar

from sip_rig import FakeFlow, Rig

from asterism.applications.pubsub.api import Subscriber
from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
from asterism.stack.message import Request, Response, make_response
from asterism.stack.parser import parse_message

NOTIFIER = ("127.0.0.1", 15270)


class Watcher(Subscriber):
    """Writes down what it hears."""

    event: ClassVar[str] = "presence"
    accept: ClassVar[tuple[str, ...]] = ("text/plain",)
    max_body: ClassVar[int] = 1000

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.ask: int | None = None
        self.answer: Any = None

    def on_notify(self, subscription: OutgoingSubscription, notify: Request) -> int | None:
        self.heard.append((subscription.phase.name, notify.body.decode()))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def on_renew(self, subscription: OutgoingSubscription) -> int:
        self.heard.append(("renew", ""))
        return subscription.seconds if self.ask is None else self.ask

    def on_terminated(self, subscription: OutgoingSubscription) -> None:
        self.heard.append(("over", subscription.machine.reason))


class Notifier:
    """The other side, at one fake address."""

    def __init__(self, rig: Rig, address: tuple[str, int] = NOTIFIER) -> None:
        self.rig = rig
        self.flow: FakeFlow = rig.transports.flow_for(*address)
        self.cseq = 100
        self.sent = 0

    def subscribe(self) -> Request:
        """The one SUBSCRIBE that came since, retransmissions of it left out."""
        self.flow.sent[:] = dict.fromkeys(self.flow.sent)
        found = self.flow.take()
        assert len(found) == 1, found
        assert isinstance(found[0], Request)
        assert found[0].method == "SUBSCRIBE"
        return found[0]

    def silent(self) -> bool:
        return not self.flow.take()

    def answer(self, request: Request, status: int = 202, *headers: tuple[str, str], tag: str = "far") -> None:
        response = make_response(request, status, to_tag=tag)
        for name, value in headers:
            response.add_header(name, value)
        self.rig.layer.receive(response.to_bytes(), self.flow, self.rig.now)

    def notify(
        self, subscribe: Request, state: str = "active;expires=600", body: str = "", *, tag: str = "far", **headers: str
    ) -> Response:
        """Send a NOTIFY in the dialog of a SUBSCRIBE; returns its answer."""
        self.cseq += 1
        self.sent += 1
        request = Request("NOTIFY", subscribe.contacts[0].uri)
        for name, value in {
            "Via": f"SIP/2.0/UDP 127.0.0.1:15270;branch=z9hG4bK{self.sent}",
            "From": str(subscribe.to.with_tag(tag)),
            "To": str(subscribe.from_),
            "Call-ID": subscribe.call_id,
            "CSeq": f"{self.cseq} NOTIFY",
            "Contact": f"<sip:{tag}@127.0.0.1:15270>",
            "Event": subscribe.get("Event") or "",
            "Subscription-State": state,
            "Max-Forwards": "70",
        }.items():
            request.add_header(name, value)
        for name, value in headers.items():
            name = name.replace("_", "-")
            request.remove_header(name)
            if value:
                request.add_header(name, value)
        if body:
            request.set_body(body, headers.get("Content_Type", "text/plain"))
        self.rig.layer.receive(request.to_bytes(), self.flow, self.rig.now)
        found = next(data for data in self.flow.sent if data.startswith(b"SIP/2.0"))
        self.flow.sent.remove(found)
        response = parse_message(found)
        assert isinstance(response, Response)
        return response
