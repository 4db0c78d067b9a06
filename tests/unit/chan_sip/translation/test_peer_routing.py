"""Options of peers that say where they are, as AORs and options of endpoints."""

from __future__ import annotations

import pytest
from general_kit import objects
from peer_kit import peer

from asterism.chan_sip.translation.peer_routing import proxy_uri
from asterism.sip.objects.aor import Aor


def contact(lines: str, general: str = "") -> tuple[str, ...]:
    found = peer(lines, general)
    assert found.aor is not None
    return found.aor.contact


def test_a_phone_that_registers() -> None:
    found = peer("host=dynamic")
    assert found.aor is not None
    assert (found.aor.max_contacts, found.aor.remove_existing, found.aor.contact) == (1, True, ())
    assert found.endpoint.aors == ("x",)


@pytest.mark.parametrize(
    ("lines", "uri"),
    [
        ("host=192.0.2.1", "sip:192.0.2.1"),
        ("host=192.0.2.1\nport=5070\ndefaultuser=me", "sip:me@192.0.2.1:5070"),
        ("host=sip.example:5070", "sip:sip.example:5070"),
        ("host=2001:db8::1\nport=5070", "sip:[2001:db8::1]:5070"),
        ("host=sip.example\ntransport=tls,udp", "sip:sip.example;transport=tls"),
    ],
)
def test_a_peer_at_an_address(lines: str, uri: str) -> None:
    assert contact(lines) == (uri,)


def test_a_peer_without_a_place_is_nowhere() -> None:
    (aor,) = objects(Aor, "[x]\ntype=peer\nhost=\n").values()
    assert (aor.max_contacts, aor.contact) == (0, ())


def test_where_a_phone_is_until_it_registers() -> None:
    found = peer("defaultip=192.0.2.1\nport=5062\ndefaultuser=me")
    assert found.aor is not None
    assert (found.aor.contact, found.aor.contact_until_registered) == (("sip:me@192.0.2.1:5062",), True)


def test_a_user_cannot_be_called() -> None:
    found = peer("host=192.0.2.1\nqualify=yes\nsecret=s", kind="user")
    assert found.aor is None
    assert found.endpoint.aors == found.endpoint.outbound_auth == ()


def test_qualify() -> None:
    for general, lines, frequency, timeout in (
        ("", "qualify=yes", 60, 4.0),
        ("qualifyfreq=30", "qualify=500", 30, 1.0),
        ("", "qualify=yes\nqualifyfreq=20", 20, 4.0),
        ("qualify=yes", "qualify=no", 0, 3.0),
        ("qualify=1000", "", 60, 2.0),
    ):
        aor = peer(lines, general).aor
        assert aor is not None
        assert (aor.qualify_frequency, aor.qualify_timeout) == (frequency, timeout)


def test_the_transport_of_requests() -> None:
    assert peer().endpoint.transport == "sip.conf/udp"
    assert peer("transport=tcp", "tcpenable=yes").endpoint.transport == "sip.conf/tcp"
    assert peer("", "tcpenable=yes\ntransport=tcp").endpoint.transport == "sip.conf/tcp"
    # Of several it is the one of the Contact or URI, and one that is switched off is none.
    assert peer("transport=udp,tcp", "tcpenable=yes").endpoint.transport == ""
    assert peer("transport=tcp").endpoint.transport == ""


def test_proxies() -> None:
    found = peer("outboundproxy=tcp://proxy.example:5070,force")
    assert found.aor is not None
    assert found.endpoint.outbound_proxy == found.aor.outbound_proxy == "sip:proxy.example:5070;transport=tcp;lr"
    assert peer("", "outboundproxy=proxy").endpoint.outbound_proxy == "sip:proxy;lr"
    assert proxy_uri("sip:proxy") == "sip:proxy;lr"
    assert proxy_uri(",force") == proxy_uri("") == ""


def test_contact_rules() -> None:
    endpoint = peer("contactdeny=0.0.0.0/0\ncontactpermit=10.0.0.0/8\ncontactacl=office").endpoint
    assert [endpoint.contact_rules.allows(host) for host in ("192.0.2.1", "10.2.0.1")] == [False, True]
    assert endpoint.contact_acl == ("office",)


def test_path() -> None:
    for found in (peer("supportpath=yes"), peer("", "supportpath=yes")):
        assert found.aor is not None
        assert found.aor.support_path


@pytest.mark.parametrize(
    ("nat", "rport", "media", "detected"),
    [
        ("no", False, False, ()),
        ("force_rport", True, False, ()),
        ("comedia", False, True, ()),
        ("yes", True, True, ()),
        ("auto_force_rport", True, False, ("signalling",)),
        ("auto_force_rport,auto_comedia", True, True, ("signalling", "media")),
        ("force_rport,auto_comedia", True, True, ("media",)),
    ],
)
def test_nat(nat: str, rport: bool, media: bool, detected: tuple[str, ...]) -> None:
    for found in (peer(f"nat={nat}"), peer("", f"nat={nat}")):
        endpoint = found.endpoint
        assert (endpoint.force_rport, endpoint.rewrite_contact, endpoint.rtp_symmetric) == (rport, rport, media)
        assert endpoint.detect_nat == detected


def test_keep_alives_and_hops() -> None:
    found = peer("keepalive=yes\nmaxforwards=20")
    assert found.aor is not None
    assert (found.aor.keep_alive_interval, found.endpoint.max_forwards) == (60, 20)
    found = peer("", "keepalive=15\nmaxforwards=30")
    assert found.aor is not None
    assert (found.aor.keep_alive_interval, found.endpoint.max_forwards) == (15, 30)
