"""Subscriptions of others, on a virtual clock: each arc of RFC 6665 4.2 as it goes over the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from sip_rig import MODULES, FakeFlow, Rig

from asterism.applications.pubsub.api import MAX_WAITING, BodyGenerator, Delivery, Notifier
from asterism.applications.pubsub.base import Subscription
from asterism.applications.pubsub.module import PubSubModule
from asterism.applications.pubsub.registry import PubSub, pubsub
from asterism.applications.pubsub.stored import AHEAD, SubscriptionPersistence
from asterism.applications.pubsub.subscription import State
from asterism.data.data import DataError
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.rx import Rx
from asterism.stack.message import Request, Response, make_response

CONF = """
[alice]
type=endpoint
context=none
sub_min_expiry=30
outbound_auth=alice-out
[alice-out]
type=auth
username=pbx
password=secret
"""


class Plain(BodyGenerator):
    """Writes texts."""

    content_type: ClassVar[str] = "text/plain"
    states: ClassVar[type[Any]] = str


class Told(Notifier):
    """Does what the test says, and writes down what it hears."""

    event: ClassVar[str] = "thing"
    accept: ClassVar[str] = "text/plain"

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.status: Any = 200
        self.now: Subscription | None = None

    def new_subscribe(self, endpoint: Endpoint, resource: str, rx: Rx) -> int:
        if isinstance(self.status, Exception):
            raise self.status
        return self.status

    def on_subscribe(self, subscription: Subscription) -> None:
        self.now = subscription
        subscription.notify("first")

    def on_renewed(self, subscription: Subscription) -> None:
        self.heard.append("renewed")

    def on_expired(self, subscription: Subscription) -> None:
        self.heard.append("expired")

    def on_terminated(self, subscription: Subscription) -> None:
        self.heard.append("terminated")


class Each(Told):
    """The same, where every state counts."""

    delivery: ClassVar[Delivery] = Delivery.EACH


class Phone:
    """A subscriber."""

    def __init__(self, rig: Rig, flow: FakeFlow | None = None) -> None:
        self.rig = rig
        self.flow = rig.flow if flow is None else flow
        self.cseq = 0
        self.tag = ""
        self.serial = 0

    def subscribe(self, expires: int | None = 600, *more: str, event: str = "thing", cseq: int = 0) -> Response:
        """Send a SUBSCRIBE, in the dialog once there is one; returns the answer. NOTIFYs stay in the flow."""
        self.cseq = cseq or self.cseq + 1
        self.serial += 1
        lines = [
            f"Via: SIP/2.0/{self.flow.transport} 192.0.2.10;branch=z9hG4bKs{self.serial}",
            "From: <sip:alice@pbx.test>;tag=far", f"To: <sip:lamp@pbx.test>{self.tag and f';tag={self.tag}'}",
            "Call-ID: one", f"CSeq: {self.cseq} SUBSCRIBE", "Contact: <sip:alice@192.0.2.10>", *more,
        ]  # fmt: skip
        if event:
            lines.append(f"Event: {event}")
        if expires is not None:
            lines.append(f"Expires: {expires}")
        text = "\r\n".join(("SUBSCRIBE sip:lamp@pbx.test SIP/2.0", *lines, "Content-Length: 0", "", ""))
        self.rig.layer.receive(text.encode(), self.flow, self.rig.now)
        self.rig.commit()
        found = [message for message in self.flow.take() if self._keep(message)]
        assert len(found) == 1, found
        response = found[0]
        assert isinstance(response, Response)
        if response.status < 300:
            self.tag = response.to.tag or ""
        return response

    def _keep(self, message: Request | Response) -> bool:
        if isinstance(message, Request):
            self.flow.sent.append(message.to_bytes())
            return False
        return True

    def notify(self, flow: FakeFlow | None = None) -> Request:
        """The one NOTIFY that came since, retransmissions left out."""
        flow = flow or self.flow
        flow.sent[:] = dict.fromkeys(flow.sent)
        found = flow.take()
        assert len(found) == 1, found
        assert isinstance(found[0], Request)
        assert found[0].method == "NOTIFY"
        return found[0]

    def answer(
        self, notify: Request, status: int = 200, *headers: tuple[str, str], flow: FakeFlow | None = None
    ) -> None:
        response = make_response(notify, status)
        for name, value in headers:
            response.add_header(name, value)
        self.rig.layer.receive(response.to_bytes(), flow or self.flow, self.rig.now)
        self.rig.commit()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    found = Rig(tmp_path / "etc", CONF, modules=(*MODULES, PubSubModule))
    found.data.load()
    return found


@pytest.fixture
def tables(rig: Rig) -> PubSub:
    found = pubsub(rig)
    found.register_body_generator(Plain())
    return found


@pytest.fixture
def told(tables: PubSub) -> Told:
    found = Told()
    tables.register_notifier(found)
    return found


@pytest.fixture
def phone(rig: Rig) -> Phone:
    return Phone(rig)


def begin(phone: Phone, *more: str) -> Request:
    """A subscription whose first NOTIFY is answered."""
    assert phone.subscribe(600, *more).status == 200
    notify = phone.notify()
    phone.answer(notify)
    return notify


def state_of(notify: Request) -> tuple[str, str]:
    return notify.get("Subscription-State") or "", notify.body.decode()


def watchers(flow: FakeFlow) -> list[Any]:
    """Subscriptions that wait for the end of a connection."""
    return [one for one in flow.on_error if isinstance(getattr(one, "__self__", None), Subscription)]


def test_a_life(rig: Rig, tables: PubSub, told: Told, phone: Phone) -> None:
    answer = phone.subscribe()
    assert (answer.status, answer.expires) == (200, 600)
    first = phone.notify()
    assert state_of(first) == ("active;expires=600", "first")
    phone.answer(first)
    rig.advance(100)
    assert told.now is not None
    told.now.notify("second")
    second = phone.notify()
    assert state_of(second) == ("active;expires=500", "second")
    assert second.cseq.number == first.cseq.number + 1
    phone.answer(second)
    assert phone.subscribe(60).expires == 60
    third = phone.notify()
    assert state_of(third) == ("active;expires=60", "second")
    phone.answer(third)
    rig.advance(59.9)
    assert not phone.flow.take()
    rig.advance(0.2)
    assert state_of(phone.notify()) == ("terminated", "second")
    assert told.heard == ["renewed", "expired", "terminated"]
    assert phone.subscribe().status == 481
    assert not len(tables)
    assert not len(rig.sip.dialogs)


def test_deferred_then_taken(tables: PubSub, told: Told, phone: Phone) -> None:
    told.status = 202
    assert phone.subscribe().status == 202
    first = phone.notify()
    assert state_of(first) == ("pending;expires=600", "")
    phone.answer(first)
    assert told.now is not None
    assert told.now.pending
    told.now.notify("secret")
    assert not phone.flow.take()
    phone.subscribe(300)
    again = phone.notify()
    assert state_of(again) == ("pending;expires=300", "")
    phone.answer(again)
    told.now.accept()
    assert state_of(phone.notify()) == ("active;expires=300", "secret")


@pytest.mark.parametrize(
    ("reason", "retry", "value"),
    [("rejected", 0, "terminated;reason=rejected"), ("probation", 9, "terminated;reason=probation;retry-after=9")],
)
def test_deferred_then_refused(tables: PubSub, told: Told, phone: Phone, reason: str, retry: int, value: str) -> None:
    told.status = 202
    phone.subscribe()
    phone.answer(phone.notify())
    assert told.now is not None
    told.now.end(reason, retry)
    assert state_of(phone.notify()) == (value, "")
    assert told.heard == ["terminated"]


def test_pending_expires_and_is_left(rig: Rig, tables: PubSub, told: Told, phone: Phone) -> None:
    told.status = 202
    phone.subscribe(30)
    phone.answer(phone.notify())
    rig.advance(31)
    assert state_of(phone.notify()) == ("terminated", "")
    other = Phone(rig)
    other.serial = 100
    other.subscribe(30)
    other.answer(other.notify())
    assert other.subscribe(0).expires == 0
    assert state_of(other.notify()) == ("terminated", "")


@pytest.mark.parametrize(("status", "answered"), [(403, 403), (404, 404), (ValueError("bug"), 500)])
def test_refused(tables: PubSub, told: Told, phone: Phone, status: Any, answered: int) -> None:
    told.status = status
    assert phone.subscribe().status == answered
    assert not told.heard
    assert not len(tables)


def test_a_fetch(tables: PubSub, told: Told, phone: Phone) -> None:
    answer = phone.subscribe(0)
    assert (answer.status, answer.expires) == (200, 0)
    assert state_of(phone.notify()) == ("terminated", "first")
    assert told.heard == ["terminated"]


def test_a_fetch_that_is_deferred_is_told_nothing(tables: PubSub, told: Told, phone: Phone) -> None:
    told.status = 202
    assert phone.subscribe(0).status == 202
    assert state_of(phone.notify()) == ("terminated", "")


def test_what_a_renewal_may_not_be(rig: Rig, tables: PubSub, told: Told, phone: Phone) -> None:
    begin(phone, "Accept: text/plain")
    brief = phone.subscribe(29)
    assert (brief.status, brief.get("Min-Expires")) == (423, "30")
    assert phone.subscribe(600, event="thing;id=2").status == 481
    assert phone.subscribe(600, event="other").status == 481
    assert phone.subscribe(600, cseq=1).status == 500, "an old number"
    phone.cseq = 10
    phone.tag, tag = "unknown", phone.tag
    assert phone.subscribe().status == 481
    phone.tag = tag
    assert not phone.flow.take()
    assert told.now is not None
    assert told.now.remaining == 600


def test_a_subscriber_that_never_answers_is_forgotten(rig: Rig, tables: PubSub, told: Told, phone: Phone) -> None:
    phone.subscribe()
    rig.advance(31.9)
    assert len(tables) == 1
    rig.advance(0.2)
    assert not len(tables)
    assert told.heard == ["terminated"]
    phone.flow.take()
    rig.advance(3600)
    assert not phone.flow.take()


@pytest.mark.parametrize("status", [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604, 408])
def test_refusals_of_a_notify_that_end_it(tables: PubSub, told: Told, phone: Phone, status: int) -> None:
    phone.subscribe()
    phone.answer(phone.notify(), status)
    assert told.heard == ["terminated"]
    assert not len(tables)


@pytest.mark.parametrize("status", [400, 401, 403, 500, 503, 603])
def test_refusals_of_a_notify_that_do_not(tables: PubSub, told: Told, phone: Phone, status: int) -> None:
    phone.subscribe()
    phone.answer(phone.notify(), status)
    assert told.now is not None
    told.now.notify("second")
    assert state_of(phone.notify())[1] == "second"


def test_the_latest_state_waits_for_the_answer(tables: PubSub, told: Told, phone: Phone) -> None:
    phone.subscribe()
    first = phone.notify()
    assert told.now is not None
    for state in ("a", "b", "c"):
        told.now.notify(state)
    assert not phone.flow.take()
    phone.answer(first)
    assert state_of(phone.notify())[1] == "c"
    assert told.now.version == 1


def test_each_state_has_its_turn_up_to_a_limit(tables: PubSub, phone: Phone) -> None:
    told = Each()
    tables.register_notifier(told)
    phone.subscribe()
    notify = phone.notify()
    assert told.now is not None
    for state in ("a", "b"):
        told.now.notify(state)
    for state in ("a", "b"):
        phone.answer(notify)
        notify = phone.notify()
        assert state_of(notify)[1] == state
    for number in range(MAX_WAITING + 1):
        told.now.notify(str(number))
    assert told.heard == ["terminated"]
    phone.answer(notify)
    assert state_of(phone.notify())[0] == "terminated;reason=giveup"
    assert told.heard == ["terminated"]


def test_a_renewal_is_told_once_the_notify_before_is_answered(tables: PubSub, told: Told, phone: Phone) -> None:
    phone.subscribe()
    first = phone.notify()
    phone.subscribe(300)
    assert not phone.flow.take(), "one NOTIFY at a time"
    phone.answer(first)
    second = phone.notify()
    assert state_of(second) == ("active;expires=300", "first")
    phone.answer(second)
    assert not phone.flow.take()
    assert len(tables) == 1


def test_a_renewal_is_told_though_the_notify_before_was_never_answered(
    rig: Rig, tables: PubSub, told: Told, phone: Phone
) -> None:
    phone.subscribe()
    phone.notify()
    rig.advance(20)
    phone.flow.take()
    phone.subscribe(300)
    phone.flow.take()
    rig.advance(12.1)
    second = phone.flow.take()[-1]
    assert isinstance(second, Request)
    assert state_of(second) == ("active;expires=288", "first")
    assert len(tables) == 1, "who renews it is there"
    rig.advance(32.1)
    assert not len(tables), "but its answer is waited for no longer than any"


def test_a_subscriber_that_moved_is_told_where_it_is_now(rig: Rig, tables: PubSub, told: Told, phone: Phone) -> None:
    phone.subscribe()
    lost = phone.notify()
    phone.flow = FakeFlow(("192.0.2.10", 5062))
    phone.subscribe(300)
    second = phone.notify(rig.transports.flow_for("192.0.2.10", 5060))
    assert state_of(second) == ("active;expires=300", "first")
    assert second.cseq.number > lost.cseq.number
    rig.advance(31)
    phone.answer(second)
    rig.advance(2)
    assert len(tables) == 1, "what was sent to where nobody is any more ends nothing"


@pytest.mark.parametrize(("status", "comes"), [(200, True), (500, True), (481, False), (0, False)])
def test_the_last_notify_waits_for_the_answer_to_the_one_before(
    rig: Rig, tables: PubSub, told: Told, phone: Phone, status: int, comes: bool
) -> None:
    phone.subscribe()
    first = phone.notify()
    assert told.now is not None
    told.now.notify("second")
    told.now.end("deactivated", 5)
    assert not len(tables), "it is over here at once"
    assert told.heard == ["terminated"]
    assert not phone.flow.take()
    if status:
        phone.answer(first, status)
    else:
        rig.advance(32.1)
        phone.flow.sent[:] = [data for data in phone.flow.sent if data != first.to_bytes()]
    if comes:
        last = phone.notify()
        assert state_of(last) == ("terminated;reason=deactivated;retry-after=5", "second")
        assert last.cseq.number == first.cseq.number + 1
        phone.answer(last)
    rig.advance(100)
    assert not phone.flow.take()


def test_through_proxies(rig: Rig, tables: PubSub, told: Told, phone: Phone) -> None:
    routes = ("Record-Route: <sip:198.51.100.2:5070;lr>", "Record-Route: <sip:198.51.100.1;lr>")
    assert phone.subscribe(600, *routes).get_all("Record-Route") == [line.partition(": ")[2] for line in routes]
    assert not phone.flow.take()
    near = rig.transports.flow_for("198.51.100.2", 5070)
    first = phone.notify(near)
    assert [str(route) for route in first.routes] == ["<sip:198.51.100.2:5070;lr>", "<sip:198.51.100.1;lr>"]
    assert str(first.uri) == "sip:alice@192.0.2.10"
    phone.answer(first, flow=near)
    phone.subscribe(300, "Record-Route: <sip:203.0.113.9;lr>")
    assert phone.notify(near).routes, "a renewal changes no routes"


def test_through_a_strict_router(rig: Rig, tables: PubSub, told: Told, phone: Phone) -> None:
    phone.subscribe(600, "Record-Route: <sip:198.51.100.2>", "Record-Route: <sip:198.51.100.1;lr>")
    first = phone.notify(rig.transports.flow_for("198.51.100.2", 5060))
    assert str(first.uri) == "sip:198.51.100.2"
    assert [str(route) for route in first.routes] == ["<sip:198.51.100.1;lr>", "<sip:alice@192.0.2.10>"]


def test_over_the_connection_of_the_subscription(rig: Rig, tables: PubSub, told: Told) -> None:
    phone = Phone(rig, FakeFlow(("192.0.2.10", 40_000), "TCP"))
    begin(phone)
    assert told.now is not None
    told.now.notify("second")
    phone.answer(phone.notify())
    phone.flow.closed = True
    told.now.notify("third")
    assert not phone.flow.take()
    elsewhere = rig.transports.flow_for("192.0.2.10", 5060)
    assert state_of(phone.notify(elsewhere))[1] == "third", "the Contact is tried"


def test_a_browsers_subscription_ends_with_its_connection(rig: Rig, tables: PubSub, told: Told) -> None:
    phone = Phone(rig, FakeFlow(("192.0.2.10", 40_000), "WS"))
    begin(phone)
    phone.flow.closed = True
    for watcher in tuple(phone.flow.on_error):
        watcher(phone.flow, None)
    assert told.heard == ["terminated"]
    assert not watchers(phone.flow)


def test_a_browser_that_came_back_over_another_connection_does_not_lose_it_with_the_old_one(
    rig: Rig, tables: PubSub, told: Told
) -> None:
    phone = Phone(rig, FakeFlow(("192.0.2.10", 40_000), "WS"))
    begin(phone)
    old, phone.flow = phone.flow, FakeFlow(("192.0.2.10", 40_001), "WS")
    assert phone.subscribe().status == 200
    phone.answer(phone.notify())
    assert not watchers(old)
    old.closed = True
    assert told.now is not None
    told.now.notify("second")
    assert state_of(phone.notify())[1] == "second"
    phone.flow.closed = True
    for watcher in tuple(phone.flow.on_error):
        watcher(phone.flow, None)
    assert told.heard == ["renewed", "terminated"]


def test_a_challenged_notify_is_sent_again_and_its_numbers_stay_ahead(
    rig: Rig, tables: PubSub, told: Told, phone: Phone
) -> None:
    begin(phone)
    (row,) = rig.data.all(SubscriptionPersistence)
    assert isinstance(row, SubscriptionPersistence)
    assert told.now is not None
    subscription: Any = told.now
    for _ in range(2):
        # The number that the row waits for is used up by the credentials.
        subscription.dialog.local_seq = subscription.mark - 2
        told.now.notify(Text("new"))
        notify = phone.notify()
        phone.answer(notify, 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"'))
        again = phone.notify()
        assert again.cseq.number == notify.cseq.number + 1
        assert 'username="pbx"' in (again.get("Authorization") or "")
        phone.answer(again)
        told.now.notify(Text("new"))
        phone.answer(phone.notify())
        (now,) = rig.data.all(SubscriptionPersistence)
        assert isinstance(now, SubscriptionPersistence)
        assert now.cseq > subscription.dialog.local_seq
        assert now.cseq - row.cseq >= AHEAD - 2
        row = now


class Text(str):
    """A state that is no other's."""

    __slots__ = ()


def test_a_renewal_that_cannot_be_kept_changes_nothing(
    rig: Rig, tables: PubSub, told: Told, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(phone)
    rig.advance(100)

    def full(_row: object) -> None:
        raise DataError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(rig.data, "put_now", full)
        assert phone.subscribe(3600).status == 500
    assert told.now is not None
    assert told.now.remaining == 500
    assert not phone.flow.take()
    told.now.notify("second")
    phone.answer(phone.notify())
    rig.advance(501)
    assert state_of(phone.notify()) == ("terminated", "second")
    assert told.heard == ["renewed", "expired", "terminated"]


def test_a_subscription_that_cannot_be_kept_is_refused(
    rig: Rig, tables: PubSub, told: Told, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_row: object) -> None:
        raise DataError("no room")

    monkeypatch.setattr(rig.data, "put_now", full)
    assert phone.subscribe().status == 500
    assert told.heard == ["terminated"]
    assert not len(tables)
    assert not phone.flow.take()


def test_a_repeated_subscribe_is_answered_alike_and_begins_nothing(
    rig: Rig, tables: PubSub, told: Told, phone: Phone
) -> None:
    first = phone.subscribe()
    phone.answer(phone.notify())
    phone.tag, phone.cseq, phone.serial = "", 0, 0
    assert phone.subscribe().to.tag == first.to.tag
    assert not phone.flow.take()
    assert len(tables) == 1
    assert told.now is not None
    assert told.now.phase is State.ACTIVE


class Several(Each):
    """Tells more than one state before the SUBSCRIBE is answered."""

    def on_subscribe(self, subscription: Subscription) -> None:
        for state in ("first", "second", "third"):
            subscription.notify(state)


def test_every_state_that_is_told_before_the_answer_goes_out_in_its_turn(tables: PubSub, phone: Phone) -> None:
    tables.register_notifier(Several())
    assert phone.subscribe(600).status == 200
    for state in ("first", "second", "third"):
        notify = phone.notify()
        assert state_of(notify)[1] == state
        phone.answer(notify)
    assert not phone.flow.take()
