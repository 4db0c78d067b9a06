"""Dial strings of the technology ``PJSIP``."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.applications.session.technology import PjsipTechnology
from asterism.pbx.dialplan.language.foreign import foreign, joined
from asterism.pbx.vocabulary.errors import RequestError
from asterism.sip.contacts import Contact, Reachability
from asterism.sip.objects import Endpoint, Habits


def technology(*endpoints: Endpoint) -> PjsipTechnology:
    known = {endpoint.id: endpoint for endpoint in endpoints}
    contact = Contact("c", uri="sip:phone@192.0.2.7")
    location = SimpleNamespace(contacts=lambda aor: [contact] if aor in known else [], state=lambda _: Reachability())
    core: Any = SimpleNamespace(
        data=SimpleNamespace(get=lambda cls, name: known.get(name)),
        location=location,
        state=SimpleNamespace(maintenance=frozenset()),
    )
    return PjsipTechnology(core, None, None)


def test_a_number_is_called_through_an_endpoint() -> None:
    found = technology(Endpoint("trunk", aors=("trunk",))).find("555@trunk")
    assert (found.endpoint.id, str(found.uri)) == ("trunk", "sip:555@192.0.2.7")


def test_text_from_outside_chooses_no_other_endpoint() -> None:
    dialled = joined((foreign("555@other"), "@trunk"))
    found = technology(Endpoint("trunk", aors=("trunk",)), Endpoint("other", aors=("other",))).find(dialled)
    assert (found.endpoint.id, found.uri.user) == ("trunk", "555@other")


def test_an_endpoint_of_another_technology_is_not_called() -> None:
    old = Endpoint("bob", aors=("bob",))
    old.habits = Habits(technology="SIP")
    with pytest.raises(RequestError, match="no endpoint 'bob'"):
        technology(old).find("bob")
