"""Subscriptions that a REFER makes (RFC 3515), on a virtual clock, as they go over the wire."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from sip_rig import MODULES, Rig

from asterism.applications.pubsub.listings import Listings, Row
from asterism.applications.pubsub.module import PubSubModule
from asterism.applications.pubsub.packages.refer import ReferModule
from asterism.applications.pubsub.registry import pubsub
from asterism.core.errors import DuplicateError
from asterism.sip.implicit import ImplicitSubscription
from asterism.sip.rx import Rx
from asterism.sip.service import Service
from asterism.stack.dialog import Dialog
from asterism.stack.message import Request, Response, make_response

CONF = """
[alice]
type=endpoint
context=none
sub_min_expiry=30
"""


class Takes(Service):
    """Takes a REFER, without a call."""

    name: ClassVar[str] = "takes"
    methods: ClassVar[frozenset[str]] = frozenset(("REFER",))

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.ended: list[float] = []
        self.subscription: ImplicitSubscription | None = None

    def on_request(self, rx: Rx) -> bool:
        rx.transaction_for()
        dialog = Dialog.uas(rx.request, "near", "<sip:pbx.test>")
        dialog.confirm()
        keeper = rx.core.implicit.get("refer")
        assert keeper is not None
        rx.send(rx.make_response(202, headers=(("Expires", str(keeper.expires)),), to_tag="near"))
        self.subscription = keeper.open(rx, dialog, "6003", lambda: self.ended.append(self.rig.now))
        return True


class Phone:
    """Sends a REFER and answers the NOTIFYs."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.service = Takes(rig)
        rig.sip.register_service(self.service)
        self.seen: set[str] = set()
        self.ask("REFER", 41, "")
        assert self.service.subscription is not None
        self.told = self.service.subscription

    def ask(self, method: str, cseq: int, tag: str = ";tag=near", *more: str) -> Response:
        lines = [
            f"{method} sip:pbx.test SIP/2.0", f"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKs{cseq}",
            "From: <sip:alice@pbx.test>;tag=far", f"To: <sip:pbx.test>{tag}", "Call-ID: one", f"CSeq: {cseq} {method}",
            "Contact: <sip:alice@192.0.2.10>", *more, "Content-Length: 0", "", "",
        ]  # fmt: skip
        self.rig.layer.receive("\r\n".join(lines).encode(), self.rig.flow, self.rig.now)
        self.rig.commit()
        (response,) = self._take(Response)
        assert isinstance(response, Response)
        return response

    def _take(self, kind: type[Request | Response]) -> list[Request | Response]:
        """What came of one kind; the others stay."""
        found = self.rig.flow.take()
        self.rig.flow.sent.extend(one.to_bytes() for one in found if not isinstance(one, kind))
        return [one for one in found if isinstance(one, kind)]

    def notifies(self) -> list[Request]:
        """The NOTIFYs that came since, retransmissions left out."""
        fresh = []
        for one in self._take(Request):
            assert isinstance(one, Request)
            assert one.method == "NOTIFY"
            if one.via.branch not in self.seen:
                self.seen.add(one.via.branch or "")
                fresh.append(one)
        return fresh

    def heard(self) -> list[tuple[str, str, str]]:
        """What they say, in order, each being answered before the next."""
        said = []
        while found := self.notifies():
            (notify,) = found
            assert notify.get("Content-Type") == "message/sipfrag;version=2.0"
            state = notify.get("Subscription-State") or ""
            said.append((notify.get("Event") or "", state, notify.body.decode()))
            self.answer(notify)
        return said

    def answer(self, notify: Request, status: int = 200) -> None:
        self.rig.layer.receive(make_response(notify, status).to_bytes(), self.rig.flow, self.rig.now)
        self.rig.commit()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    found = Rig(tmp_path / "etc", CONF, modules=(*MODULES, PubSubModule, ReferModule))
    found.data.load()
    return found


TRYING, RINGING, OK = "SIP/2.0 100 Trying\r\n", "SIP/2.0 180 Ringing\r\n", "SIP/2.0 200 OK\r\n"
BUSY = "SIP/2.0 486 Busy Here\r\n"


def test_every_state_is_told_in_order_and_one_at_a_time(rig: Rig) -> None:
    phone = Phone(rig)
    for text in (TRYING, RINGING):
        phone.told.notify(text)
    phone.told.close(BUSY)
    phone.told.notify(OK)  # after the end nothing more
    assert [row.expiry for row in _rows(rig)] == [599]
    assert phone.heard() == [
        ("refer", "active;expires=599", TRYING),
        ("refer", "active;expires=599", RINGING),
        ("refer", "terminated;reason=noresource", BUSY),
    ]
    assert phone.service.ended == [rig.now]
    assert not _rows(rig)
    assert not len(rig.sip.dialogs)


def _rows(rig: Rig) -> list[Row]:
    return Listings(pubsub(rig)).inbound()


def test_a_subscribe_renews_it_and_one_without_time_ends_it(rig: Rig) -> None:
    phone = Phone(rig)
    phone.told.notify(TRYING)
    assert phone.heard()
    rig.advance(100)
    assert phone.ask("SUBSCRIBE", 42, ";tag=near", "Event: refer;id=41", "Expires: 1000").status == 200
    assert phone.heard() == [("refer;id=41", "active;expires=1000", TRYING)]
    assert phone.ask("SUBSCRIBE", 43, ";tag=near", "Event: refer;id=40", "Expires: 1000").status == 481
    assert phone.ask("SUBSCRIBE", 44, ";tag=near", "Event: refer", "Expires: 10").status == 423
    rig.advance(999)
    assert phone.heard() == []
    assert phone.ask("SUBSCRIBE", 45, ";tag=near", "Event: refer", "Expires: 0").status == 200
    assert phone.heard() == [("refer", "terminated", TRYING)]
    assert phone.service.ended == [rig.now]
    assert phone.ask("SUBSCRIBE", 46, ";tag=near", "Event: refer", "Expires: 60").status == 481


def test_what_waits_when_it_is_ended_from_the_other_side_is_told_last(rig: Rig) -> None:
    phone = Phone(rig)
    phone.told.notify(TRYING)
    (first,) = phone.notifies()
    assert phone.ask("SUBSCRIBE", 42, ";tag=near", "Event: refer", "Expires: 0").status == 200
    assert not phone.notifies()  # one at a time
    phone.answer(first)
    assert [state for _, state, _ in phone.heard()] == ["terminated"]
    assert phone.service.ended == [rig.now]


def test_it_expires(rig: Rig) -> None:
    phone = Phone(rig)
    phone.told.notify(TRYING)
    assert phone.heard()
    rig.advance(600)
    assert phone.heard() == [("refer", "terminated;reason=timeout", TRYING)]
    phone.told.notify(RINGING)
    phone.told.close(OK)
    assert phone.heard() == []
    assert len(phone.service.ended) == 1


@pytest.mark.parametrize("status", [481, 489])
def test_a_notify_that_is_refused_ends_it(rig: Rig, status: int) -> None:
    phone = Phone(rig)
    phone.told.notify(TRYING)
    (notify,) = phone.notifies()
    phone.answer(notify, status)
    phone.told.close(OK)
    assert phone.heard() == []
    assert phone.service.ended == [rig.now]
    assert not _rows(rig)


def test_a_phone_that_answers_nothing_is_waited_for_no_longer_than_a_transaction(rig: Rig) -> None:
    phone = Phone(rig)
    phone.told.notify(TRYING)
    phone.told.close(OK)
    rig.advance(33)
    assert len(phone.service.ended) == 1
    assert not _rows(rig)
    assert not len(rig.sip.dialogs)


def test_the_answer_to_the_last_one_may_be_missing(rig: Rig) -> None:
    phone = Phone(rig)
    phone.told.close(OK)
    assert not phone.service.ended
    rig.advance(33)
    assert len(phone.service.ended) == 1


def test_nobody_can_ask_for_it_without_a_refer(rig: Rig) -> None:
    phone = Phone(rig)
    assert phone.ask("SUBSCRIBE", 50, "", "Event: refer", "Expires: 60").status == 403
    assert "refer" in rig.sip.state.capabilities.events


def test_it_is_bounded(rig: Rig) -> None:
    phone = Phone(rig)
    for number in range(200):
        phone.told.notify(f"SIP/2.0 {100 + number % 99} x\r\n")
    said = phone.heard()
    assert len(said) < 110
    assert said[-1][1] == "terminated;reason=giveup"


def test_two_cannot_keep_them_and_none_is_kept_without_the_module(rig: Rig, tmp_path: Path) -> None:
    keeper = rig.sip.implicit.get("refer")
    assert keeper is not None
    with pytest.raises(DuplicateError):
        rig.sip.implicit.register(rig.owner, "refer", keeper)
    bare = Rig(tmp_path / "bare", CONF, modules=(*MODULES, PubSubModule))
    assert bare.sip.implicit.get("refer") is None
    assert "refer" not in bare.sip.state.capabilities.events
