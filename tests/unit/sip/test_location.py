"""Contacts by AOR: which endpoints they make available, without walking all of them."""

from __future__ import annotations

from pathlib import Path

from sip_rig import Rig

from asterism.sip.contacts import ContactStatus
from asterism.sip.objects.contact import Contact, contact_id
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.habits import Habits


def bound(rig: Rig, name: str, expires: float = 100) -> Contact:
    uri = f"sip:{name}@192.0.2.10"
    contact = Contact(contact_id("alice", uri), uri=uri, expiration_time=int(rig.wall + expires), endpoint="alice")
    rig.data.put_now(contact)
    rig.commit()
    return contact


def available(rig: Rig) -> bool:
    return rig.sip.location.endpoint_available(rig.data.objects(Endpoint)["alice"])


def test_an_endpoint_is_available_while_one_contact_can_be_called(rig: Rig) -> None:
    assert not available(rig)
    one, two = bound(rig, "a"), bound(rig, "b", expires=200)
    location = rig.sip.location
    for contact, status, expected in (
        (one, ContactStatus.UNREACHABLE, True),
        (two, ContactStatus.UNREACHABLE, False),
        (one, ContactStatus.UNKNOWN, True),
        (one, ContactStatus.UNREACHABLE, False),
        (two, ContactStatus.REACHABLE, True),
    ):
        location.set_reachability(contact, status)
        assert available(rig) is expected
    rig.wall += 150
    assert available(rig)
    rig.wall += 100
    assert not available(rig)


def test_the_first_contact_that_can_be_called_is_enough(rig: Rig) -> None:
    for number in range(50):
        bound(rig, f"n{number}")
    location = rig.sip.location
    looked: list[str] = []

    class States(dict):
        def __contains__(self, key: object) -> bool:
            looked.append(str(key))
            return super().__contains__(key)

    location._states = States(location._states)
    assert available(rig)
    assert len(looked) == 1


def test_a_permanent_contact_is_the_one_that_the_aor_names_now(rig: Rig) -> None:
    location = rig.sip.location
    (contact,) = location.permanent("trunk")
    assert location.is_permanent(contact)
    assert not location.is_permanent(contact.replace())
    assert not location.is_permanent(bound(rig, "a"))


def test_endpoints_that_share_an_aor_are_kept_in_order(rig: Rig) -> None:
    location = rig.sip.location
    assert list(location.endpoints_of("alice")) == ["alice"]
    more = [Endpoint(f"e{number}", aors=("alice",)) for number in range(3)]
    table = rig.data._tables[Endpoint]
    for endpoint in more:
        table.apply(endpoint.id, endpoint, None)
    assert list(location.endpoints_of("alice")) == ["alice", "e0", "e1", "e2"]
    table.apply("e1", None, None)
    assert list(location.endpoints_of("alice")) == ["alice", "e0", "e2"]
    for name in ("alice", "e0", "e2"):
        table.apply(name, None, None)
    assert list(location.endpoints_of("alice")) == []
    assert "alice" not in location._endpoints_of


def test_an_endpoint_with_events_of_its_own_raises_none_here(rig: Rig) -> None:
    location, endpoint = rig.sip.location, rig.data.objects(Endpoint)["alice"]
    told = rig.record()
    turned: list[str] = []
    location.on_available.append(lambda each: turned.append(each.id))
    endpoint.habits = Habits(status_events=False)
    location.index()
    contact = bound(rig, "a")
    location.set_reachability(contact, ContactStatus.UNREACHABLE)
    rig.data.delete_now(contact)
    rig.commit()
    assert [name for name, _ in told if name in ("PeerStatus", "ContactStatus")] == []
    assert turned == ["alice", "alice"], "what follows its state is told all the same"
    rig.data._tables[Endpoint].apply("alice", endpoint.replace(habits=Habits()), None)
    bound(rig, "a")
    assert [name for name, _ in told if name in ("PeerStatus", "ContactStatus")] == ["ContactStatus", "PeerStatus"]


def test_a_contact_that_counts_until_somebody_has_registered(tmp_path: Path) -> None:
    conf = "[alice]\ntype=aor\ncontact=sip:192.0.2.77\nmax_contacts=1\n"
    for option, there in (("", 2), ("contact_until_registered=yes\n", 1)):
        folder = tmp_path / str(there)
        made = Rig(folder, conf + option)
        assert [contact.uri for contact in made.sip.location.contacts("alice")] == ["sip:192.0.2.77"]
        bound(made, "a")
        assert len(made.sip.location.contacts("alice")) == there
        made.wall += 200
        assert [contact.uri for contact in made.sip.location.contacts("alice")] == ["sip:192.0.2.77"]
        made.store.close()
