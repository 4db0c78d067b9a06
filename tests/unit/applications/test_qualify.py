"""Qualify on a virtual clock: what is known of a contact before it is asked, what is told when it does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sip_rig import MODULES, FakeFlow, Rig

from asterism.applications.qualify import QualifyModule
from asterism.sip.contacts import ContactStatus
from asterism.sip.objects.aor import Aor
from asterism.stack.message import Request, make_response

CONF = """
[alice]
type=endpoint
auth=alice
aors=alice
context=internal
[alice]
type=auth
username=alice
password=alicepw
[alice]
type=aor
max_contacts=2
qualify_frequency=30
qualify_timeout=2
{aor}
[trunk]
type=endpoint
aors=trunk
[trunk]
type=aor
contact=sip:198.51.100.1
qualify_frequency=30
qualify_timeout=2
"""
CONTACT = "Contact: <sip:alice@192.0.2.10>"

Make = Callable[..., tuple[Rig, QualifyModule]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    started: list[tuple[Rig, QualifyModule]] = []

    def make(aor: str = "") -> tuple[Rig, QualifyModule]:
        rig = Rig(tmp_path / "etc", CONF.format(aor=aor), modules=MODULES)
        module = QualifyModule()
        module.load(rig)  # type: ignore[arg-type]
        module.start()
        started.append((rig, module))
        return rig, module

    yield make
    for rig, module in started:
        module.unload()
        rig.store.close()


def asked(rig: Rig, host: str) -> list[Request]:
    """The OPTIONS that went to a host and are not retransmissions."""
    flow = rig.transports.flows.get((host, 5060))
    found = {} if flow is None else {each.call_id: each for each in flow.take() if isinstance(each, Request)}
    return [each for each in found.values() if each.method == "OPTIONS"]


def answer(rig: Rig, request: Request, status: int = 200) -> None:
    flow = rig.transports.flows[request.uri.host, 5060]
    rig.receive(make_response(request, status, to_tag="p").to_bytes(), flow)


def told(rig: Rig) -> list[str]:
    """The ContactStatus and PeerStatus events of alice since the last look, in two words."""
    found = [dict(fields) for _, fields in rig.events]
    rig.events.clear()
    words = []
    for each in found:
        if each.get("Peer") == "PJSIP/alice":
            words.append(f"peer {each['PeerStatus']}")
        elif each.get("AOR") == "alice":
            words.append(f"contact {each['ContactStatus']}")
    return words


def status(rig: Rig, aor: str) -> list[str]:
    location = rig.sip.location
    return [location.state(contact).status.value for contact in location.contacts(aor)]


def test_a_contact_that_was_not_asked_yet_can_be_called(make: Make) -> None:
    rig, _ = make()
    assert status(rig, "trunk") == ["Unknown"]
    trunk = rig.sip.location.contacts("trunk")[0]
    assert rig.sip.location.state(trunk).available
    rig.record()
    assert rig.ask("REGISTER", CONTACT).status == 200
    assert status(rig, "alice") == ["Unknown"]
    assert told(rig) == ["contact NonQualified", "peer Reachable"]


def test_the_first_check_without_an_answer_tells_unreachable(make: Make) -> None:
    rig, _ = make()
    rig.record()
    rig.ask("REGISTER", CONTACT)
    told(rig)
    rig.advance(0.1)
    assert len(asked(rig, "192.0.2.10")) == 1
    rig.advance(1.8)
    assert told(rig) == []
    rig.advance(0.2)
    assert told(rig) == ["peer Unreachable", "contact Unreachable"]
    assert status(rig, "alice") == ["Unavail"]
    # Once: further checks without an answer tell nothing new.
    rig.advance(29)
    assert told(rig) == []
    again = asked(rig, "192.0.2.10")[-1]  # behind repetitions of the first
    answer(rig, again)
    assert told(rig) == ["peer Reachable", "contact Reachable"]
    assert status(rig, "alice") == ["Avail"]


def test_a_first_check_that_is_answered_tells_reachable(make: Make) -> None:
    rig, _ = make()
    rig.record()
    rig.ask("REGISTER", CONTACT)
    rig.advance(0.1)
    told(rig)
    answer(rig, asked(rig, "192.0.2.10")[0])
    assert told(rig) == ["contact Reachable"]


def test_a_contact_not_asked_yet_is_not_dropped_as_unavailable(make: Make) -> None:
    rig, _ = make("remove_unavailable=yes")
    for name in ("a", "b"):
        assert rig.ask("REGISTER", f"Contact: <sip:{name}@192.0.2.10>").status == 200
    assert rig.ask("REGISTER", "Contact: <sip:c@192.0.2.10>").status == 403
    contacts = rig.sip.location.contacts("alice")
    rig.sip.location.set_reachability(contacts[0], ContactStatus.UNREACHABLE)
    assert rig.ask("REGISTER", "Contact: <sip:c@192.0.2.10>").status == 200
    assert [contact.uri[4] for contact in rig.sip.location.contacts("alice")] == ["b", "c"]


def test_what_is_registered_again_after_it_expired_is_asked_at_once(make: Make) -> None:
    rig, module = make("minimum_expiration=10\nmaximum_expiration=10")
    rig.sip.location.check_every(1000)
    assert rig.ask("REGISTER", CONTACT).status == 200
    rig.advance(0.1)
    answer(rig, asked(rig, "192.0.2.10")[0])
    rig.advance(12)
    assert not rig.sip.location.contacts("alice")
    assert rig.ask("REGISTER", CONTACT).status == 200
    assert status(rig, "alice") == ["Unknown"]
    rig.advance(0.1)
    assert len(asked(rig, "192.0.2.10")) == 1
    assert len(module.qualifier) == 2


def test_a_contact_that_nobody_asks_any_more_is_not_qualified(make: Make) -> None:
    rig, module = make()
    flow = FakeFlow()
    assert rig.ask("REGISTER", CONTACT, flow=flow).status == 200
    rig.advance(4)
    assert status(rig, "alice") == ["Unavail"]
    aor = rig.data.objects(Aor)["alice"]
    aor.qualify_frequency = 0
    module.qualifier.synchronize(aor)
    assert status(rig, "alice") == ["NonQual"]
    aor.qualify_frequency = 30
    module.qualifier.synchronize(aor)
    assert status(rig, "alice") == ["Unknown"]


def test_paced_contacts_are_asked_in_groups(tmp_path: Path) -> None:
    peers = "".join(
        f"[p{n}]\ntype=endpoint\naors=p{n}\n[p{n}]\ntype=aor\ncontact=sip:198.51.100.{n}\nqualify_frequency=60\n"
        for n in range(1, 6)
    )
    rig = Rig(tmp_path / "etc", peers, modules=MODULES)
    for aor in rig.data.all(Aor):
        aor.pace = (1.0, 2)
    module = QualifyModule()
    module.load(rig)  # type: ignore[arg-type]
    module.start()

    known: set[int] = set()

    def seen() -> list[int]:
        found = [n for n in range(1, 6) if asked(rig, f"198.51.100.{n}") and n not in known]
        known.update(found)
        return found

    try:
        rig.advance(0.1)
        assert seen() == [1, 2]
        rig.advance(0.7)
        assert seen() == []
        rig.advance(0.3)
        assert seen() == [3, 4]
        rig.advance(1)
        assert seen() == [5]
    finally:
        module.unload()
        rig.store.close()


def test_who_does_not_answer_is_asked_more_often(make: Make) -> None:
    for retry, expected in ((0, 0), (10, 1)):
        rig, _ = make(f"qualify_retry_frequency={retry}")
        rig.ask("REGISTER", CONTACT)
        rig.advance(0.1)
        asked(rig, "192.0.2.10")
        rig.advance(2.5)  # it does not answer
        first = {each.call_id for each in asked(rig, "192.0.2.10")}
        rig.advance(10)
        assert len({each.call_id for each in asked(rig, "192.0.2.10")} - first) in (expected, expected + 1)
        assert status(rig, "alice") == ["Unavail"]
