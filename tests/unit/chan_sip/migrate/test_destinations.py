"""Dial strings: every form of chan_sip's."""

from __future__ import annotations

import pytest

from asterism.chan_sip.migrate.destinations import Account, Destinations, Peer, outside_name
from asterism.chan_sip.migrate.report import Outcome

T, C, U = Outcome.TRANSLATED, Outcome.CHANGED, Outcome.UNTRANSLATED


def destinations() -> Destinations:
    return Destinations(
        {"phone": Peer("phone"), "trunk": Peer("trunk", "192.0.2.1", 5080), "anton": Peer("anton-peer")}
    )


@pytest.mark.parametrize(
    ("resource", "expected", "outcome"),
    [
        ("phone", "PJSIP/phone", T),
        ("PHONE", "PJSIP/phone", T),
        ("anton", "PJSIP/anton-peer", T),
        ("${X}", "PJSIP/${X}", T),
        ("nobody", "PJSIP/nobody", C),
        ("phone/", "PJSIP/phone", T),
        ("trunk/123", "PJSIP/123@trunk", T),
        ("123@trunk", "PJSIP/123@trunk", T),
        ("123@${X}", "PJSIP/123@${X}", T),
        ("${A:1:2}@trunk", "PJSIP/${A:1:2}@trunk", T),
        ("trunk/bob@example.org", "PJSIP/trunk/sip:bob@example.org", T),
        ("bob@example.org", "PJSIP/outside/sip:bob@example.org", C),
        ("bob@192.0.2.7:5070", "PJSIP/outside/sip:bob@192.0.2.7:5070", C),
        ("example.org", "PJSIP/outside/sip:example.org", C),
        ("trunk:5090", "PJSIP/trunk/sip:192.0.2.1:5090", T),
        ("9@trunk:5090", "PJSIP/trunk/sip:9@192.0.2.1:5090", T),
        ("phone:5090", "PJSIP/phone", U),
        ("trunk/123/192.0.2.9", "PJSIP/trunk/sip:123@192.0.2.9", C),
        ("bob@example.org//192.0.2.9", "PJSIP/outside/sip:bob@example.org", U),
        ("123@trunk!sip:x@y!z", "PJSIP/123@trunk", U),
        ("bob:pw@example.org", "PJSIP/bob-example.org/sip:bob@example.org", C),
        ("bob:pw/d@example.org", "PJSIP/bob-example.org/sip:bob@example.org", C),
        ("bob:pw@example.org/9", "PJSIP/9-example.org/sip:9@example.org", C),
        ("bob@trunk/9", "PJSIP/9@trunk", T),
        ("bob:${PW}@example.org", "PJSIP/bob@example.org", U),
    ],
)
def test_a_form(resource: str, expected: str, outcome: Outcome) -> None:
    found = destinations().translate(resource)
    assert (found.text, found.outcome) == (expected, outcome)
    assert bool(found.why) == (outcome is not T)


def test_an_account_is_made_once() -> None:
    made = destinations()
    first = made.translate("bob:pw::auth:tcp@trunk")
    assert made.translate("bob:pw::auth:tcp@trunk") == first
    assert first.text == "PJSIP/bob-192.0.2.1-5080/sip:bob@192.0.2.1:5080"
    made.translate("bob:other@trunk")
    assert list(made.accounts.values()) == [
        Account("bob-192.0.2.1-5080", "bob", "pw", "", "auth", "tcp"),
        Account("bob-192.0.2.1-5080-2", "bob", "other", "", "bob", ""),
    ]


def test_the_outside_is_needed_when_it_is_called() -> None:
    made = destinations()
    made.translate("phone")
    assert not made.needs_outside
    made.translate("bob@example.org")
    assert made.needs_outside
    assert outside_name(["Outside", "outside-2"]) == "outside-3"


def test_with_realtime_any_name_may_be_a_peer() -> None:
    assert Destinations({}, realtime=True).translate("122").outcome is T
