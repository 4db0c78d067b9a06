"""The live view of peers: their order, their addresses, the words for their states."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.peers import Peers, listing_key
from asterism.sip.contacts import Contact, ContactStatus, Reachability


class Core:
    """Stands for data and location."""

    def __init__(self, *peers: SipPeer) -> None:
        self.peers = {peer.id: peer for peer in peers}
        self.found: dict[str, Contact] = {}
        self.states: dict[str, Reachability] = {}
        self.data: Any = SimpleNamespace(
            get=lambda _cls, name: self.peers.get(name), all=lambda _cls: list(self.peers.values())
        )
        self.location: Any = SimpleNamespace(
            contacts=lambda aor: [self.found[aor]] if aor in self.found else [],
            state=lambda contact: self.states.get(contact.id, Reachability()),
            wall_clock=lambda: 1000.0,
        )


def test_listings_that_are_not_by_name_have_the_recorded_order() -> None:
    names = ["erin", "webuser", "carol", "deadpeer", "bob", "dave", "trunk2", "trunk1", "alice"]
    assert sorted(sorted(names), key=listing_key) == names


def test_users_and_peers_of_one_name_are_told_apart() -> None:
    core = Core(SipPeer("both", kind="peer"), SipPeer("both/user", kind="user"), SipPeer("anna", kind="friend"))
    peers = Peers(core)  # type: ignore[arg-type]
    assert [one.name for one in peers.all()] == ["anna", "both"]
    assert {one.id for one in peers.users()} == {"anna", "both/user"}
    user, peer = peers.user("both"), peers.get("both")
    assert user is not None
    assert user.id == "both/user"
    assert peer is not None
    assert peer.id == "both"
    assert peers.get("both/user") is None


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("sip:a@192.0.2.1:5070", ("192.0.2.1", 5070)),
        ("sip:a@192.0.2.1", ("192.0.2.1", 5060)),
        ("sip:a@192.0.2.1;transport=tls", ("192.0.2.1", 5061)),
        ("sips:a@[2001:db8::1]", ("2001:db8::1", 5061)),
        ("nonsense", None),
    ],
)
def test_the_address_is_that_of_the_contact(uri: str, address: tuple[str, int] | None) -> None:
    peer = SipPeer("a")
    core = Core(peer)
    peers = Peers(core)  # type: ignore[arg-type]
    assert peers.address(peer) is None
    core.found["a"] = Contact("a;@1", uri=uri, expiration_time=1600, user_agent="Phone/1")
    assert peers.address(peer) == address
    assert (peers.expires(peer), peers.useragent(peer), peers.registered_uri(peer)) == (600, "Phone/1", uri)


def test_states_have_the_words_of_chan_sip() -> None:
    peer = SipPeer("a", qualify=2000)
    core = Core(peer, SipPeer("b"))
    peers = Peers(core)  # type: ignore[arg-type]
    assert peers.status(peer) == "UNKNOWN"
    assert peers.status(core.peers["b"]) == "Unmonitored"
    contact = core.found["a"] = Contact("a;@1", uri="sip:ann@192.0.2.1", expiration_time=1600)
    for status, rtt, word, online in (
        (ContactStatus.UNKNOWN, None, "UNKNOWN", False),
        (ContactStatus.REACHABLE, 0.0001, "OK (1 ms)", True),
        (ContactStatus.REACHABLE, 0.0059, "OK (5 ms)", True),
        (ContactStatus.REACHABLE, 2.3, "LAGGED (2300 ms)", True),
        (ContactStatus.UNREACHABLE, None, "UNREACHABLE", False),
    ):
        core.states[contact.id] = Reachability(status, rtt)
        assert (peers.status(peer), peers.online(peer)) == (word, online)


def test_after_a_registration_its_user_and_state_stay_as_they_were() -> None:
    peer = SipPeer("a", qualify=2000)
    core = Core(peer)
    peers = Peers(core)  # type: ignore[arg-type]
    contact = Contact("a;@1", uri="sip:ann@192.0.2.1", expiration_time=1600)
    peers.heard(contact, ContactStatus.REACHABLE, 3000)
    peers.heard(contact, ContactStatus.REMOVED, 0)
    assert (peers.username(peer), peers.status(peer), peers.expires(peer)) == ("ann", "OK (3 ms)", -1)
    core.peers.clear()
    peers.forget_gone()
    assert peers.username(peer) == ""
