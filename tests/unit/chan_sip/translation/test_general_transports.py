"""Transports of ``[general]``: where they listen, their certificates, and what peers outside see."""

from __future__ import annotations

import pytest
from general_kit import Written, conf, objects

from asterism.chan_sip.translation.general_transports import binds, method
from asterism.sip.objects.transport import TransportConfig


def bound(text: str) -> dict[str, str]:
    return {name.removeprefix("sip.conf/"): str(item.bind) for name, item in objects(TransportConfig, text).items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"udp": "0.0.0.0:5060"}),
        ("bindaddr=192.0.2.1", {"udp": "192.0.2.1:5060"}),
        ("bindaddr=192.0.2.1:5070", {"udp": "192.0.2.1:5070"}),
        ("bindport=5070", {"udp": "0.0.0.0:5070"}),
        ("bindaddr=192.0.2.1\nbindport=5070", {"udp": "192.0.2.1:5070"}),
        ("bindaddr=192.0.2.1:5062\nbindport=5070", {"udp": "192.0.2.1:5062"}),
        ("bindaddr=192.0.2.1\nudpbindaddr=192.0.2.2:5071", {"udp": "192.0.2.2:5071"}),
        ("udpenable=no", {}),
        ("udpbindaddr=192.0.2.1:5070\ntcpenable=yes", {"udp": "192.0.2.1:5070", "tcp": "192.0.2.1:5070"}),
        ("bindaddr=192.0.2.1:5070\ntcpenable=yes\ntcpbindaddr=192.0.2.9",
         {"udp": "192.0.2.1:5070", "tcp": "192.0.2.9:5060"}),
        ("bindaddr=192.0.2.1:5070\ntlsenable=yes", {"udp": "192.0.2.1:5070", "tls": "192.0.2.1:5061"}),
        ("udpenable=no\nsslenable=yes\nsslbindaddr=192.0.2.1:5999", {"tls": "192.0.2.1:5999"}),
        ("bindaddr=::\nbindport=5070", {"udp": "[::]:5070"}),
        ("bindaddr=2001:db8::1", {"udp": "[2001:db8::1]:5060"}),
    ],
)  # fmt: skip
def test_addresses(text: str, expected: dict[str, str]) -> None:
    assert bound(text) == expected


def test_a_file_for_others_has_a_transport_for_each_family() -> None:
    found = objects(TransportConfig, "bindaddr=::\ntcpenable=yes", Written())
    assert {name: str(item.bind) for name, item in found.items()} == {
        "sip.conf/udp6": "[::]:5060", "sip.conf/udp": "0.0.0.0:5060",
        "sip.conf/tcp6": "[::]:5060", "sip.conf/tcp": "0.0.0.0:5060",
    }  # fmt: skip


def test_options_have_the_place_of_the_line_that_set_them() -> None:
    from asterism.chan_sip.translation.general_transports import transports
    from asterism.chan_sip.translation.names import Names

    read = conf("context=x\nbindaddr=192.0.2.1\ntos_sip=cs3\n")
    (section,) = transports(read, Names(), "transport")
    places = {option.name: option.position.line for option in section.options}
    assert (places["bind"], places["tos"]) == (3, 4)


def test_traffic_class_and_limits() -> None:
    found = objects(TransportConfig, "tcpenable=yes\ntos_sip=cs3\ncos_sip=3\ntcpauthtimeout=7\ntcpauthlimit=8")
    udp, tcp = found["sip.conf/udp"], found["sip.conf/tcp"]
    assert (udp.tos, udp.cos, tcp.tos, tcp.cos) == (0x60, 3, 0x60, 3)
    assert (tcp.auth_timeout, tcp.auth_limit) == (7, 8)
    assert (udp.auth_timeout, udp.auth_limit) == (0, 0)
    plain = objects(TransportConfig, "tcpenable=yes")["sip.conf/tcp"]
    assert (plain.tos, plain.cos, plain.auth_timeout, plain.auth_limit) == (0, 4, 30, 100)


OUTSIDE = "tcpenable=yes\ntlsenable=yes\nlocalnet=10.0.0.0/8\nlocalnet=192.168.0.0/255.255.0.0\n"


@pytest.mark.parametrize(
    ("text", "udp", "tcp", "tls"),
    [
        ("externaddr=203.0.113.1", ("203.0.113.1", 0), ("203.0.113.1", 0), ("203.0.113.1", 5061)),
        ("externip=203.0.113.1:5080", ("203.0.113.1", 5080), ("203.0.113.1", 5080), ("203.0.113.1", 5061)),
        ("externhost=pbx.example.org", ("pbx.example.org", 0), ("pbx.example.org", 0), ("pbx.example.org", 5061)),
        (
            "externaddr=203.0.113.1:5080\nexterntcpport=5081\nexterntlsport=5082",
            ("203.0.113.1", 5080), ("203.0.113.1", 5081), ("203.0.113.1", 5082),
        ),
    ],
)  # fmt: skip
def test_what_peers_outside_see(text: str, udp: tuple[str, int], tcp: tuple[str, int], tls: tuple[str, int]) -> None:
    found = objects(TransportConfig, OUTSIDE + text)
    for protocol, expected in (("udp", udp), ("tcp", tcp), ("tls", tls)):
        item = found[f"sip.conf/{protocol}"]
        assert (item.external_signaling_address, item.external_signaling_port) == expected
        assert item.external_media_address == expected[0]
        assert [str(net) for net in item.local_net] == ["10.0.0.0/8", "192.168.0.0/16"]


def test_without_localnet_peers_see_the_address_as_it_is() -> None:
    (item,) = objects(TransportConfig, "externaddr=203.0.113.1").values()
    assert (item.external_signaling_address, item.external_media_address) == ("", "")


def test_the_own_address_must_be_inside_too_where_that_is_asked_for() -> None:
    text = "externaddr=203.0.113.1\nlocalnet=10.0.0.0/8\nmatchexterniplocally=yes"
    (item,) = objects(TransportConfig, text).values()
    assert item.match_local_net


def test_certificates() -> None:
    text = (
        "tlsenable=yes\ntlscertfile=/k/a.pem\ntlsprivatekey=/k/a.key\ntlscafile=/k/ca.pem\ntlscapath=/k/ca\n"
        "tlsdontverifyserver=yes\ntlsverifyclient=yes\ntlscipher=ECDHE:!ADH\n"
    )
    tls = objects(TransportConfig, text)["sip.conf/tls"]
    assert (tls.cert_file, tls.priv_key_file, tls.ca_list_file, tls.ca_list_path) == (
        "/k/a.pem", "/k/a.key", "/k/ca.pem", "/k/ca",
    )  # fmt: skip
    assert (tls.verify_server, tls.verify_client, tls.require_client_cert) == (False, True, True)
    assert tls.cipher == ("ECDHE:!ADH",)
    plain = objects(TransportConfig, "sslenable=yes\nsslcert=x.pem\nsslcipher=ALL")["sip.conf/tls"]
    assert (plain.cert_file, plain.verify_server, plain.verify_client, plain.cipher) == ("x.pem", True, False, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "unspecified"),
        ("tlsdisablev1=yes", "unspecified"),
        ("tlsdisablev1=yes\ntlsdisablev11=yes", "tlsv1_2"),
        ("tlsdisablev1=yes\ntlsdisablev11=yes\ntlsdisablev12=yes", "tlsv1_3"),
        ("tlsclientmethod=tlsv1", "tlsv1"),
        ("tlsclientmethod=tlsv1\ntlsdisablev1=yes", "tlsv1_1"),
        ("tlsclientmethod=sslv23", "unspecified"),
    ],
)
def test_the_oldest_tls(text: str, expected: str) -> None:
    assert method(conf(text).general) == expected


def test_every_address_has_a_port() -> None:
    assert all(bind.port for bind in binds(conf("tcpenable=yes\ntlsenable=yes").general).values())
