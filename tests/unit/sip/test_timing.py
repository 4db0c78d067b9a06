"""Timers of requests to an endpoint that has its own, and T1 as it is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sip_rig import Rig

from asterism.sip.contacts import ContactStatus
from asterism.sip.objects import Endpoint
from asterism.sip.objects.habits import PJSIP, Timing

CONF = "[p]\ntype=endpoint\naors=p\n[p]\ntype=aor\ncontact=sip:198.51.100.1\n"


class Outcome:
    def __init__(self) -> None:
        self.timeouts = 0

    def on_response(self, transaction: Any, response: Any) -> None:
        raise AssertionError("nobody answers")

    def on_timeout(self, transaction: Any) -> None:
        self.timeouts += 1

    def on_transport_error(self, transaction: Any) -> None:
        raise AssertionError("the flow works")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "etc", CONF)
    yield made
    made.store.close()


def copies(rig: Rig, timing: Timing | None, method: str, seconds: float) -> tuple[int, int]:
    """How many copies of a request go out within so many seconds, and how many time-outs are told."""
    endpoint = rig.data.get(Endpoint, "p")
    assert isinstance(endpoint, Endpoint)
    endpoint.habits = replace(PJSIP, timing=timing)
    outcome = Outcome()
    request = rig.sip.create_request(method, endpoint)
    rig.sip.send(request, outcome, endpoint)
    rig.advance(seconds)
    sent = rig.transports.flows["198.51.100.1", 5060].take()
    return sum(each.call_id == request.call_id for each in sent), outcome.timeouts


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_an_endpoint_has_timers_of_its_own(rig: Rig, method: str) -> None:
    # At 0, 500 and 1500 ms by default; here at 0, 100, 300, 700 and 1500 ms, and then it is over.
    assert copies(rig, None, method, 1.6) == (3, 0)
    assert copies(rig, Timing(0.1, 1.55), method, 1.6) == (5, 1)


def test_t1_is_the_last_round_trip_where_that_is_asked_for(rig: Rig) -> None:
    (contact,) = rig.sip.location.contacts("p")
    measuring = Timing(0.5, 32.0, 0.1)
    assert copies(rig, measuring, "OPTIONS", 0.45) == (1, 0)
    rig.sip.location.set_reachability(contact, ContactStatus.REACHABLE, 0.2)
    assert copies(rig, measuring, "OPTIONS", 0.45) == (2, 0)
    rig.sip.location.set_reachability(contact, ContactStatus.REACHABLE, 0.001)
    assert copies(rig, measuring, "OPTIONS", 0.45) == (3, 0)
