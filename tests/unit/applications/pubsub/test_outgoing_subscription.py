"""Subscriptions of ours, on a virtual clock: each arc of RFC 6665 4.1 as it goes over the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from notifier_kit import Notifier, Watcher
from sip_rig import MODULES, Rig

from asterism.applications.pubsub.module import PubSubModule
from asterism.applications.pubsub.outbound.subscription import MAX_FORKS, OutgoingSubscription
from asterism.applications.pubsub.outbound.table import SubscribeError
from asterism.applications.pubsub.registry import PubSub, pubsub
from asterism.applications.pubsub.subscription import State
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import ParseError
from asterism.stack.message import Request

TARGET = "sip:lamp@127.0.0.1:15270"
CONF = """
[provider]
type=endpoint
context=none
outbound_auth=provider-auth
[provider-auth]
type=auth
username=pbx
password=secret
"""


class Forking(Watcher):
    """The same of a package with several notifiers."""

    event: ClassVar[str] = "dialog"
    forks: ClassVar[bool] = True


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "etc", CONF, modules=(*MODULES, PubSubModule))


@pytest.fixture
def tables(rig: Rig) -> PubSub:
    return pubsub(rig)


@pytest.fixture
def far(rig: Rig) -> Notifier:
    return Notifier(rig)


@pytest.fixture
def watcher(tables: PubSub) -> Watcher:
    found = Watcher()
    tables.register_subscriber(found)
    return found


def active(tables: PubSub, watcher: Watcher, far: Notifier, **options: Any) -> tuple[OutgoingSubscription, Request]:
    """A subscription that has begun, and its SUBSCRIBE."""
    made = tables.subscribe(watcher, TARGET, expires=600, **options)
    subscribe = far.subscribe()
    far.answer(subscribe, 200, ("Expires", "600"))
    assert far.notify(subscribe, body="first").status == 200
    assert made.phase is State.ACTIVE
    watcher.heard.clear()
    return made, subscribe


def test_a_subscription_begins_is_renewed_and_ended(rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    made = tables.subscribe(watcher, TARGET, expires=600, event_id="7")
    subscribe = far.subscribe()
    assert (subscribe.get("Event"), subscribe.get("Expires"), subscribe.get("Accept")) == (
        "presence;id=7", "600", "text/plain",
    )  # fmt: skip
    assert made.phase is State.NOTIFY_WAIT
    far.answer(subscribe, 200, ("Expires", "300"))
    assert made.phase is State.NOTIFY_WAIT
    assert far.notify(subscribe, "pending;expires=200").status == 200
    assert (made.phase, made.remaining) == (State.PENDING, 200)
    assert far.notify(subscribe, "active;expires=100", "here").status == 200
    assert (made.phase, made.remaining) == (State.ACTIVE, 100)
    rig.advance(89)
    assert far.silent()
    rig.advance(1.5)
    renewal = far.subscribe()
    assert renewal.to.tag == "far"
    assert str(renewal.uri) == "sip:far@127.0.0.1:15270"
    assert renewal.cseq.number == subscribe.cseq.number + 1
    assert (renewal.get("Event"), renewal.get("Expires"), renewal.get("Accept")) == (
        "presence;id=7", "600", "text/plain",
    )  # fmt: skip
    far.answer(renewal, 200, ("Expires", "600"))
    far.notify(subscribe, "active;expires=600", "here")
    made.end()
    last = far.subscribe()
    assert last.get("Expires") == "0"
    far.answer(last, 200, ("Expires", "0"))
    assert made.phase is State.ENDING
    assert far.notify(subscribe, "terminated;reason=timeout", "gone").status == 200
    assert watcher.heard == [
        ("PENDING", ""), ("ACTIVE", "here"), ("renew", ""), ("ACTIVE", "here"), ("TERMINATED", "gone"),
        ("over", "timeout"),
    ]  # fmt: skip
    assert made.left
    assert not len(tables.outgoing)
    assert not len(rig.sip.dialogs)
    assert far.notify(subscribe).status == 481
    rig.advance(3600)
    assert far.silent()


def test_a_notify_before_the_answer_begins_the_dialog(
    rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier
) -> None:
    made = tables.subscribe(watcher, TARGET, expires=600)
    subscribe = far.subscribe()
    assert far.notify(subscribe, "active;expires=60", "early").status == 200
    assert (made.phase, made.remaining) == (State.ACTIVE, 60)
    far.answer(subscribe, 202, ("Expires", "600"), ("Contact", "<sip:far@127.0.0.1:15270>"))
    assert made.remaining == 60, "the NOTIFY knows better than the answer"
    rig.advance(51)
    assert far.subscribe().cseq.number == subscribe.cseq.number + 1


def test_without_any_notify_it_is_over_after_timer_n(rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    made = tables.subscribe(watcher, TARGET, expires=600)
    far.answer(far.subscribe(), 200, ("Expires", "600"))
    rig.advance(31.9)
    assert not made.over
    rig.advance(0.2)
    assert made.over
    assert watcher.heard == [("over", "")]
    assert made.wait_before_next(60) == 60


def test_without_a_notify_after_its_renewal_too(rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    made, _ = active(tables, watcher, far)
    rig.advance(590)
    far.answer(far.subscribe(), 200, ("Expires", "600"))
    rig.advance(33)
    assert made.over
    assert watcher.heard == [("renew", ""), ("over", "")]


@pytest.mark.parametrize("status", [400, 403, 404, 489, 500, 603])
def test_refused_at_once(tables: PubSub, watcher: Watcher, far: Notifier, status: int) -> None:
    made = tables.subscribe(watcher, TARGET)
    far.answer(far.subscribe(), status, ("Retry-After", "17 (busy)"))
    assert (made.over, made.status, made.wait_before_next(60)) == (True, status, 17)
    assert watcher.heard == [("over", "")]


@pytest.mark.parametrize("status", [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])
def test_a_renewal_refused_for_good_ends_it(
    rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier, status: int
) -> None:
    made, _ = active(tables, watcher, far)
    rig.advance(590)
    far.answer(far.subscribe(), status)
    assert (made.over, made.status) == (True, status)


@pytest.mark.parametrize("status", [401, 500, 503])
def test_a_renewal_refused_otherwise_leaves_it_until_its_time_is_over(
    rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier, status: int
) -> None:
    made, subscribe = active(tables, watcher, far)
    rig.advance(590)
    far.answer(far.subscribe(), status)
    assert made.phase is State.ACTIVE
    assert far.notify(subscribe, "active;expires=10", "still there").status == 200
    rig.advance(5.1)
    far.answer(far.subscribe(), status, ("Retry-After", "60"))
    rig.advance(5)
    assert made.over
    assert watcher.heard[-1] == ("over", "timeout")


def test_what_the_subscriber_does_not_renew_runs_out(rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    made, _ = active(tables, watcher, far)
    watcher.ask = 0
    rig.advance(599)
    assert far.silent()
    assert not made.over
    rig.advance(1.1)
    assert made.over
    assert watcher.heard == [("renew", ""), ("over", "timeout")]


def test_too_brief_is_asked_for_again_with_more(rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    made = tables.subscribe(watcher, TARGET, expires=60)
    first = far.subscribe()
    far.answer(first, 423, ("Min-Expires", "120"))
    second = far.subscribe()
    assert (second.get("Expires"), second.call_id) == ("120", first.call_id)
    assert second.cseq.number == first.cseq.number + 1
    far.answer(second, 200)
    far.notify(second, "active")
    assert made.remaining == 120
    rig.advance(110)
    renewal = far.subscribe()
    assert renewal.get("Expires") == "120"
    far.answer(renewal, 423, ("Min-Expires", "200"))
    again = far.subscribe()
    assert (again.get("Expires"), again.cseq.number) == ("200", renewal.cseq.number + 1)


def test_423_without_end_is_a_refusal(tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    made = tables.subscribe(watcher, TARGET, expires=60)
    for seconds in range(100, 700, 100):
        far.answer(far.subscribe(), 423, ("Min-Expires", str(seconds)))
    assert (made.over, made.status) == (True, 423)


def test_a_challenge_is_answered_and_the_dialog_counts_on(
    rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier
) -> None:
    endpoint = rig.data.get(Endpoint, "provider")
    assert isinstance(endpoint, Endpoint)
    made = tables.subscribe(watcher, TARGET, endpoint, expires=600)
    challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')
    first = far.subscribe()
    far.answer(first, 401, challenge)
    second = far.subscribe()
    assert 'username="pbx"' in (second.get("Authorization") or "")
    assert far.notify(second, body="early").status == 200
    far.answer(second, 200, ("Expires", "600"))
    rig.advance(591)
    renewal = far.subscribe()
    assert renewal.cseq.number == second.cseq.number + 1
    far.answer(renewal, 401, challenge)
    again = far.subscribe()
    assert again.cseq.number == renewal.cseq.number + 1
    far.answer(again, 200, ("Expires", "600"))
    made.end()
    assert far.subscribe().cseq.number == again.cseq.number + 1


def test_a_challenge_without_credentials_is_a_refusal(tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    made = tables.subscribe(watcher, TARGET)
    far.answer(far.subscribe(), 407, ("Proxy-Authenticate", 'Digest realm="r", nonce="n"'))
    assert (made.over, made.status) == (True, 407)


def test_nobody_answers(rig: Rig, tables: PubSub, watcher: Watcher) -> None:
    made = tables.subscribe(watcher, TARGET)
    rig.advance(33)
    assert made.over
    assert watcher.heard == [("over", "")]


@pytest.mark.parametrize(
    ("state", "wait"),
    [
        ("terminated;reason=deactivated", 0),
        ("terminated;reason=timeout", 0),
        ("terminated;reason=probation", 60),
        ("terminated;reason=probation;retry-after=9", 9),
        ("terminated;reason=giveup;retry-after=5", 5),
        ("terminated;reason=giveup", 60),
        ("terminated;reason=rejected", None),
        ("terminated;reason=noresource", None),
        ("terminated;reason=invariant", None),
        ("terminated;reason=something", 60),
        ("terminated", 60),
    ],
)
def test_the_last_notify_says_when_to_try_anew(
    tables: PubSub, watcher: Watcher, far: Notifier, state: str, wait: float | None
) -> None:
    made, subscribe = active(tables, watcher, far)
    assert far.notify(subscribe, state).status == 200
    assert made.over
    assert not made.left
    assert made.wait_before_next(60) == wait


def test_ended_before_the_first_notify(tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    made = tables.subscribe(watcher, TARGET)
    subscribe = far.subscribe()
    made.end()
    assert far.silent()
    assert far.notify(subscribe, body="early").status == 200
    assert far.silent(), "the first SUBSCRIBE is not answered yet"
    far.answer(subscribe, 200)
    last = far.subscribe()
    assert (last.get("Expires"), last.to.tag) == ("0", "far")
    far.answer(last, 200)
    far.notify(subscribe, "terminated")
    assert watcher.heard == [("TERMINATED", ""), ("over", "")]


@pytest.mark.parametrize("answer", [481, 500, None])
def test_ended_and_not_answered_as_it_should(
    rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier, answer: int | None
) -> None:
    made, _ = active(tables, watcher, far)
    made.end()
    last = far.subscribe()
    if answer is not None:
        far.answer(last, answer)
    else:
        far.answer(last, 200)
        rig.advance(33)
    assert watcher.heard == [("over", "")]
    assert made.over


def test_a_notifier_that_goes_on_telling_does_not_put_off_the_end(
    rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier
) -> None:
    made, subscribe = active(tables, watcher, far)
    made.end()
    far.answer(far.subscribe(), 200)
    for _ in range(4):
        rig.advance(10)
        if not made.over:
            assert far.notify(subscribe, body="still here").status == 200
    assert made.over
    assert watcher.heard == [("over", "")]


@pytest.mark.parametrize("asked", ["soon", -1])
def test_a_subscriber_that_cannot_count_lets_it_run_out(
    rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier, asked: Any
) -> None:
    made, _ = active(tables, watcher, far)
    watcher.ask = asked
    rig.advance(601)
    assert far.silent()
    assert made.over


def test_a_fetch_hears_once(rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    made = tables.subscribe(watcher, TARGET, expires=0)
    subscribe = far.subscribe()
    assert subscribe.get("Expires") == "0"
    far.answer(subscribe, 200, ("Expires", "0"))
    far.notify(subscribe, "terminated;reason=timeout", "as it is")
    assert watcher.heard == [("TERMINATED", "as it is"), ("over", "timeout")]
    other = tables.subscribe(watcher, TARGET, expires=0)
    subscribe = far.subscribe()
    far.answer(subscribe, 200)
    far.notify(subscribe, "active;expires=0", "as it is")
    rig.advance(0.1)
    assert made.over
    assert other.over


def test_notifies_out_of_order_are_refused_and_not_told(tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    _, subscribe = active(tables, watcher, far)
    far.notify(subscribe, body="new")
    far.cseq -= 2
    assert far.notify(subscribe, body="old").status == 500
    assert watcher.heard == [("ACTIVE", "new")]


@pytest.mark.parametrize("event", ["dialog", "presence;id=1", "", "presence.winfo"])
def test_a_notify_of_something_else_is_nobodys(tables: PubSub, watcher: Watcher, far: Notifier, event: str) -> None:
    _, subscribe = active(tables, watcher, far)
    assert far.notify(subscribe, Event=event).status == 481
    made = tables.subscribe(watcher, TARGET)
    assert far.notify(far.subscribe(), Event=event).status == 481
    assert made.phase is State.NOTIFY_WAIT
    assert not watcher.heard


def test_what_a_notify_must_have(tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    made, subscribe = active(tables, watcher, far)
    assert far.notify(subscribe, Subscription_State="").status == 400
    refused = far.notify(subscribe, body="<x/>", Content_Type="text/xml")
    assert (refused.status, refused.get("Accept")) == (415, "text/plain")
    assert far.notify(subscribe, body="x" * 1001).status == 413
    assert far.notify(subscribe, Contact="").status == 200, "only the first needs it"
    assert not made.over
    assert watcher.heard == [("ACTIVE", "")]


@pytest.mark.parametrize(
    ("answer", "status"), [(488, 488), (ParseError("no"), 400), (ValueError("bug"), 500), ("yes", 500), (None, 200)]
)
def test_what_the_subscriber_says_of_a_notify(
    tables: PubSub, watcher: Watcher, far: Notifier, answer: Any, status: int
) -> None:
    made, subscribe = active(tables, watcher, far)
    watcher.answer = answer
    assert far.notify(subscribe, body="a").status == status
    assert not made.over
    assert far.notify(subscribe, "terminated").status == status
    assert watcher.heard[-1] == ("over", "")


def test_a_forked_subscribe_is_several_where_the_package_has_that(rig: Rig, tables: PubSub, far: Notifier) -> None:
    watcher = Forking()
    made = tables.subscribe(watcher, TARGET, expires=600, data={"of": "all"})
    subscribe = far.subscribe()
    assert far.notify(subscribe, tag="b", body="b").status == 200
    far.answer(subscribe, 200, ("Expires", "600"), ("Contact", "<sip:elsewhere@127.0.0.1:9>"), tag="a")
    assert far.notify(subscribe, tag="a", body="a").status == 200
    first, second = tables.outgoing
    assert (first, second.origin, second.data) == (made, made, {"of": "all"})
    assert first.dialog is not None
    assert second.dialog is not None
    assert (first.dialog.remote_tag, second.dialog.remote_tag) == ("b", "a")
    assert str(first.dialog.remote_target) == "sip:b@127.0.0.1:15270", "the 200 is of another dialog"
    rig.advance(590)
    renewals = [message for message in far.flow.take() if isinstance(message, Request)]
    assert {message.to.tag for message in renewals} == {"a", "b"}
    for renewal in renewals:
        far.answer(renewal, 200, ("Expires", "600"))
        far.notify(subscribe, tag=renewal.to.tag or "")
    far.notify(subscribe, "terminated", tag="b")
    assert (first.over, second.over) == (True, False)
    assert far.notify(subscribe, tag="a", body="a").status == 200


def test_forks_are_bounded_in_number_and_time(rig: Rig, tables: PubSub, far: Notifier) -> None:
    tables.subscribe(Forking(), TARGET)
    subscribe = far.subscribe()
    far.answer(subscribe, 200)
    statuses = [far.notify(subscribe, tag=f"t{number}").status for number in range(MAX_FORKS + 2)]
    assert statuses == [200] * MAX_FORKS + [481] * 2
    for found in tables.outgoing:
        found.drop()
    tables.subscribe(Forking(), TARGET)
    subscribe = far.subscribe()
    far.answer(subscribe, 200)
    far.notify(subscribe)
    rig.advance(33)
    assert far.notify(subscribe, tag="late").status == 481


def test_one_notifier_is_enough_for_other_packages(tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    _, subscribe = active(tables, watcher, far)
    assert far.notify(subscribe, tag="other").status == 481
    assert len(tables.outgoing) == 1


def test_a_notifier_that_gives_no_time_is_not_asked_in_a_loop(
    rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier
) -> None:
    _, subscribe = active(tables, watcher, far)
    asked = 0
    for _ in range(5):
        far.notify(subscribe, "active;expires=0")
        for message in far.flow.take():
            if isinstance(message, Request):
                asked += 1
                far.answer(message, 200, ("Expires", "0"))
    assert asked == 0
    rig.advance(1)
    far.answer(far.subscribe(), 200)


def test_where_it_is_from_and_to(tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    tables.subscribe(
        watcher, TARGET, from_uri="sip:us@example.test", to_uri="sip:them@example.test", contact_user="me",
        headers=(("X-More", "yes"),),
    )  # fmt: skip
    subscribe = far.subscribe()
    assert str(subscribe.from_.uri) == "sip:us@example.test"
    assert subscribe.from_.tag
    assert str(subscribe.to) == "<sip:them@example.test>"
    assert str(subscribe.contacts[0].uri).startswith("sip:me@192.0.2.1")
    assert subscribe.get("X-More") == "yes"
    with pytest.raises(SubscribeError):
        tables.subscribe(watcher, TARGET, from_uri="no uri>")


def test_what_is_unregistered_unsubscribes(rig: Rig, tables: PubSub, watcher: Watcher, far: Notifier) -> None:
    made, subscribe = active(tables, watcher, far)
    rig.owner.release()
    far.answer(far.subscribe(), 200)
    far.notify(subscribe, "terminated")
    assert made.over
    assert not tables.subscribers
