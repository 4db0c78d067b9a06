"""Whom dial strings of ``SIP`` name, and what is said of devices, without a server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.technology import GUEST, ChanSipTechnology, SipTechnology
from asterism.pbx.dialplan.language.foreign import foreign, joined, shadow
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import RequestError
from asterism.server.discovery import builtin_modules
from asterism.sip.contacts import Contact, ContactStatus, Reachability
from asterism.sip.objects import Endpoint, Habits
from asterism.stack.uri import Uri

SIP = Habits(technology="SIP")


class Rig:
    """A technology among objects that a test sets."""

    def __init__(self, *peers: SipPeer, **general: Any) -> None:
        self.objects: dict[tuple[type, str], Any] = {(SipGeneral, "general"): SipGeneral("general", **general)}
        self.contacts: dict[str, list[Contact]] = {}
        self.states: dict[str, Reachability] = {}
        for peer in peers:
            self.objects[SipPeer, peer.id] = peer
            self._endpoint(peer.id)
        self._endpoint(GUEST)
        location = SimpleNamespace(
            contacts=lambda aor: self.contacts.get(aor, []), state=lambda one: self.states.get(one.id, Reachability())
        )
        core: Any = SimpleNamespace(
            data=SimpleNamespace(get=lambda cls, name: self.objects.get((cls, name))),
            location=location,
            state=SimpleNamespace(maintenance=frozenset()),
        )
        pbx: Any = SimpleNamespace(
            channels=SimpleNamespace(of_device=lambda _: ()), loop=SimpleNamespace(time=lambda: 100.0)
        )
        registry: Any = None
        self.technology = SipTechnology(core, pbx, registry)

    def _endpoint(self, name: str) -> None:
        endpoint = self.objects[Endpoint, name] = Endpoint(name, aors=(name,))
        endpoint.habits = SIP

    def register(self, name: str, uri: str, status: ContactStatus, rtt: float | None = None) -> None:
        contact = Contact(name, uri=uri, aor=name)
        self.contacts[name] = [contact]
        self.states[contact.id] = Reachability(status, rtt)


def refused(rig: Rig, dialled: str) -> str:
    with pytest.raises(RequestError) as raised:
        rig.technology.find(dialled)
    assert raised.value.cause == Cause.SUBSCRIBER_ABSENT
    return str(raised.value)


def test_the_module_is_found() -> None:
    assert ChanSipTechnology in set(builtin_modules())


def test_a_registered_peer_is_called_where_it_is() -> None:
    rig = Rig(SipPeer("alice"))
    assert "cannot be reached" in refused(rig, "alice")
    rig.register("alice", "sip:alice@192.0.2.7:5070;transport=tcp", ContactStatus.NON_QUALIFIED)
    assert str(rig.technology.find("alice").uri) == "sip:alice@192.0.2.7:5070;transport=tcp"
    assert str(rig.technology.find("200@alice").uri) == "sip:200@192.0.2.7:5070;transport=tcp"


def test_a_peer_is_called_where_it_has_registered_last() -> None:
    """A ``defaultip`` is a contact that is always there, before that of a registration."""
    rig = Rig(SipPeer("alice"))
    rig.contacts["alice"] = [Contact("d", uri="sip:al@192.0.2.8:5062;transport=tls", aor="alice")]
    assert str(rig.technology.find("alice").uri) == "sip:al@192.0.2.8:5062;transport=tls"
    rig.contacts["alice"].append(Contact("r", uri="sip:alice@192.0.2.7", aor="alice"))
    assert str(rig.technology.find("alice").uri) == "sip:alice@192.0.2.7"
    rig.states["r"] = Reachability(ContactStatus.UNREACHABLE)
    refused(rig, "alice")


@pytest.mark.parametrize(
    ("status", "rtt", "state"),
    [
        (ContactStatus.NON_QUALIFIED, None, DeviceState.NOT_INUSE),
        (ContactStatus.UNKNOWN, None, DeviceState.NOT_INUSE),
        (ContactStatus.REACHABLE, 0.5, DeviceState.NOT_INUSE),
        (ContactStatus.REACHABLE, 2.5, DeviceState.UNAVAILABLE),
        (ContactStatus.UNREACHABLE, None, DeviceState.UNAVAILABLE),
    ],
)
def test_a_peer_that_does_not_answer_in_time_is_not_called(
    status: ContactStatus, rtt: float | None, state: DeviceState
) -> None:
    rig = Rig(SipPeer("alice", qualify=2000))
    assert rig.technology.device_state("alice") is DeviceState.UNAVAILABLE
    rig.register("alice", "sip:alice@192.0.2.7", status, rtt)
    assert rig.technology.device_state("alice") is state
    if state is DeviceState.UNAVAILABLE:
        refused(rig, "alice")
    else:
        rig.technology.find("alice")


def test_users_are_not_called() -> None:
    user = SipPeer("web")
    user.kind = "user"
    rig = Rig(user)
    assert rig.technology.find("web").device == "SIP/web"  # a host of that name
    assert rig.technology.device_state("web") is DeviceState.INVALID


def test_hosts_are_called_by_the_settings_of_general() -> None:
    found = Rig(transport=("tcp",)).technology.find("200@Example.COM:5080")
    assert (found.endpoint.id, str(found.uri), found.device) == (
        GUEST, "sip:200@example.com:5080;transport=tcp", "SIP/example.com",
    )  # fmt: skip
    udp = Rig(transport=("tcp",)).technology.find("200::::udp@example.com")
    assert str(udp.uri) == "sip:200@example.com"


def test_what_is_no_host_is_nobody() -> None:
    rig = Rig()
    assert "is no host" in refused(rig, "200@exa mple")
    assert "is no port" in refused(rig, "200@example.com:port")
    for next_hop in ("a b", "x://y", "1:99999"):
        assert "is no host" in refused(rig, f"200@example.com//{next_hop}")


def test_without_guest_only_peers_are_called() -> None:
    rig = Rig()
    del rig.objects[Endpoint, GUEST]
    assert refused(rig, "example.com") == "no peer 'example.com'"


def test_credentials_are_those_of_the_dial_string() -> None:
    rig = Rig(SipPeer("trunk", host="192.0.2.9"))
    rig.register("trunk", "sip:192.0.2.9", ContactStatus.NON_QUALIFIED)
    (auth,) = rig.technology.find("bob:pw@trunk").auths
    assert (auth.username, auth.password, auth.realm) == ("bob", "pw", "*")
    (auth,) = rig.technology.find("bob::0123456789ABCDEF0123456789abcdef:login@trunk").auths
    assert (auth.username, auth.md5_cred) == ("login", "0123456789abcdef0123456789abcdef")
    assert rig.technology.find("bob@trunk").auths == ()


@pytest.mark.parametrize(
    ("proxy", "hop", "keeps"),
    [
        ("proxy.example", "sip:proxy.example", False),
        ("proxy.example:5070,force", "sip:proxy.example:5070", True),
        ("tcp://[2001:db8::1]:5070", "sip:[2001:db8::1]:5070;transport=tcp", False),
    ],
)
def test_an_outbound_proxy_is_where_requests_go(proxy: str, hop: str, keeps: bool) -> None:
    rig = Rig(SipPeer("trunk", host="192.0.2.9", outboundproxy=proxy))
    rig.register("trunk", "sip:192.0.2.9", ContactStatus.NON_QUALIFIED)
    found = rig.technology.find("200@trunk")
    assert (str(found.uri), str(found.hop), found.keeps_way, found.path) == ("sip:200@192.0.2.9", hop, keeps, [])
    assert str(rig.technology.find("trunk/200/192.0.2.30").hop) == "sip:192.0.2.30"


def test_a_redirection_goes_to_any_host_and_is_no_syntax() -> None:
    rig = Rig()
    text = rig.technology.forwarded(Endpoint("alice"), Uri.parse("sip:a%40b@example.com:5070;transport=tcp"))
    assert text == "SIP/a@b::::tcp@example.com:5070"
    found = rig.technology.find(text.partition("/")[2])
    assert str(found.uri) == "sip:a%40b@example.com:5070;transport=tcp"
    assert rig.technology.forwarded(Endpoint("alice"), Uri.parse("sip:example.com")) == "SIP/example.com"


@pytest.mark.parametrize("resource", ["alice", "200@alice", "alice/200", "alice:5070"])
def test_a_device_is_the_peer(resource: str) -> None:
    rig = Rig(SipPeer("alice"))
    rig.register("alice", "sip:alice@192.0.2.7", ContactStatus.NON_QUALIFIED)
    assert rig.technology.device_state(resource) is DeviceState.NOT_INUSE
    assert rig.technology.device_state("nobody") is DeviceState.INVALID


def test_what_came_from_outside_stays_so_in_a_redirection() -> None:
    text = Rig().technology.forwarded(Endpoint("alice"), Uri.parse("sip:1;x=2@example.com"))
    assert "1" not in shadow(text)[4:]
    assert joined(("", text)) == text
    assert foreign("1") == "1"


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60) | st.text("abc@:/!.[]019 ", max_size=40))
def test_any_text_is_somebody_or_nobody(text: str) -> None:
    rig = Rig(SipPeer("alice", defaultip="192.0.2.8"))
    rig.register("alice", "sip:alice@192.0.2.7", ContactStatus.NON_QUALIFIED)
    try:
        found = rig.technology.find(text)
    except RequestError:
        pass
    else:
        assert Uri.parse(str(found.uri)).host == found.uri.host
        assert found.endpoint.id in ("alice", GUEST)
        assert all(part.isprintable() for part in found.parties or ())
    assert rig.technology.device_state(text) in DeviceState


@pytest.mark.parametrize("parties", ["200@a b", "200@x>;evil", "!me@x>;evil", "!me@a,b", "!@[::1"])
def test_domains_of_to_and_from_are_domains(parties: str) -> None:
    assert "a domain of To or From is none" in refused(Rig(), f"200@example.com!{parties}")


def test_parties_are_those_of_the_dial_string() -> None:
    find = Rig().technology.find
    assert find("200@example.com").parties is None
    assert find("200@example.com!300").parties == ("sip:300@example.com", "", "")
    assert find("200@example.com!@there.example!a b@here.example").parties == (
        "sip:200@there.example", "a b", "here.example",
    )  # fmt: skip
