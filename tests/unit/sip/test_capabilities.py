"""Claims are made of what is registered, and are heard where they belong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sip_rig import MODULES, FakeFlow, Rig

from asterism.applications.options import Options
from asterism.sip.capabilities import Capabilities, capabilities_of
from asterism.sip.service import Service


class Presence(Service):
    """Knows an event package."""

    name = "presence"
    methods = frozenset({"SUBSCRIBE"})
    methods_in_dialogs = frozenset({"NOTIFY"})
    events = frozenset({"presence", "dialog"})
    types = frozenset({"application/pidf+xml"})

    def extensions(self) -> frozenset[str]:
        return frozenset({"eventlist", "timer"})

    def on_request(self, rx: object) -> bool:
        return False


def test_nothing_registered_nothing_claimed() -> None:
    assert capabilities_of(()) == Capabilities()
    assert Capabilities().headers() == (("Accept-Encoding", "identity"), ("Accept-Language", "en"))


def test_claims_follow_the_services(make_rig: Callable[..., Rig], phones: str) -> None:
    rig = make_rig(phones)
    assert rig.sip.state.capabilities.allow == "REGISTER"
    service = Presence()
    rig.sip.register_service(service)
    found = rig.sip.state.capabilities
    assert found.allow == "REGISTER, SUBSCRIBE, NOTIFY"
    assert found.supported == "timer, eventlist, outbound, path"
    assert (found.accept, found.events) == ("application/pidf+xml", "presence, dialog")
    rig.sip.unregister_service(service)
    assert rig.sip.state.capabilities.allow == "REGISTER"


@pytest.mark.parametrize(("known", "listed"), [(True, "presence, dialog"), (False, "")])
@pytest.mark.parametrize("method", ["SUBSCRIBE", "PUBLISH"])
def test_489_says_which_events_there_are(make_rig: Callable[..., Rig], known: bool, listed: str, method: str) -> None:
    rig = make_rig("[open]\ntype=endpoint\n[open]\ntype=identify\nendpoint=open\nmatch=192.0.2.0/24\n")
    if known:
        rig.sip.register_service(Presence())
    answer = rig.only(rig.receive(rig.request(method, "sip:x", "open", "Event: weather"), FakeFlow()))
    assert (answer.status, answer.get("Allow-Events")) == (489, listed)


def test_options_says_what_is_registered(make_rig: Callable[..., Rig], phones: str) -> None:
    rig = make_rig("[open]\ntype=endpoint\n", modules=MODULES)
    rig.sip.register_service(Options(rig.sip, rig.pbx))
    answer = rig.only(rig.receive(rig.request("OPTIONS", "sip:pbx.test", "open")))
    assert answer.status == 200
    assert answer.get("Allow") == "OPTIONS, REGISTER"
    assert answer.get("Supported") == "outbound, path"
    assert answer.get("Accept") is None
