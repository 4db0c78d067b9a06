"""What the transports are told of the options of ``transport`` objects."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest

from asterism.config import ConfigFile
from asterism.config.errors import ConfigErrors
from asterism.core.registry import Owner
from asterism.data import Data
from asterism.sip.lifecycle import settings_of
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.transport import TransportConfig
from asterism.transport.base import mark_traffic
from asterism.transport.settings import TransportSettings


def data() -> Data:
    """A configuration in ``/etc/asterism`` without any object."""
    empty = Data(Owner("test"), logging.getLogger(__name__), Path("/etc/asterism"))
    empty.register_type(TransportConfig)
    return empty


def made(options: str) -> TransportSettings:
    section = ConfigFile.parse(f"[t]\nbind=127.0.0.1\n{options}\n", "f").section("t")
    assert section is not None
    return settings_of(TransportConfig.from_options("t", section, section.position), data())


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("cert_file=/c", "cert_file", "/c"),
        ("cert_file=keys/c", "cert_file", "/etc/asterism/keys/c"),
        ("priv_key_file=/k", "priv_key_file", "/k"),
        ("priv_key_file=k", "priv_key_file", "/etc/asterism/k"),
        ("sni_cert=a", "sni_certs", (("/etc/asterism/a", ""),)),
        ("ca_list_file=f", "ca_list_file", "/etc/asterism/f"),
        ("ca_list_path=p", "ca_list_path", "/etc/asterism/p"),
        ("password=p", "password", "p"),
        ("sni_cert=/a,/b", "sni_certs", (("/a", "/b"),)),
        ("ca_list_file=/f", "ca_list_file", "/f"),
        ("ca_list_path=/d", "ca_list_path", "/d"),
        ("verify_server=yes", "verify_server", True),
        ("verify_client=yes", "verify_client", True),
        ("require_client_cert=yes", "require_client_cert", True),
        ("allow_wildcard_certs=yes", "allow_wildcards", True),
        ("cipher=A,B", "cipher", "A:B"),
        ("method=tlsv1_3", "method", "tlsv1_3"),
    ],
)
def test_tls(line: str, name: str, value: object) -> None:
    with_it, without = made(f"protocol=tls\n{line}").tls, made("protocol=tls").tls
    assert getattr(with_it, name) == value
    assert getattr(without, name) != value
    assert made(f"protocol=tcp\n{line}").tls is None


def test_keep_alives_of_tcp() -> None:
    options = "protocol=tcp\ntcp_keepalive_enable=yes\ntcp_keepalive_idle_time=41\n"
    settings = made(f"{options}tcp_keepalive_interval_time=7\ntcp_keepalive_probe_count=3")
    with socket.socket() as sock:
        mark_traffic(sock, settings)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert [sock.getsockopt(socket.IPPROTO_TCP, name) for name in names] == [41, 7, 3]
    with socket.socket() as sock:
        mark_traffic(sock, made("protocol=tcp\ntcp_keepalive_idle_time=41"))
        assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.parametrize(
    ("options", "host", "port"),
    [
        ("external_signaling_address=203.0.113.1", "203.0.113.1", 0),
        ("external_signaling_address=203.0.113.1:5070", "203.0.113.1", 5070),
        ("external_signaling_address=203.0.113.1:5070\nexternal_signaling_port=5080", "203.0.113.1", 5070),
        ("external_signaling_address=203.0.113.1\nexternal_signaling_port=5080", "203.0.113.1", 5080),
        ("external_signaling_address=[2001:db8::1]:5070", "2001:db8::1", 5070),
        ("external_signaling_address=[2001:db8::1]", "2001:db8::1", 0),
        ("external_signaling_address=2001:db8::1", "2001:db8::1", 0),
        ("external_signaling_address=pbx.test:5070", "pbx.test", 5070),
        ("", "", 0),
    ],
)
def test_the_external_address_may_have_a_port(options: str, host: str, port: int) -> None:
    settings = made(options)
    assert (settings.external_host, settings.external_port) == (host, port)


@pytest.mark.parametrize(
    ("text", "kept"), [("[::1]", "::1"), ("::1", "::1"), ("192.0.2.1", "192.0.2.1"), ("pbx.test", "pbx.test"), ("", "")]
)
def test_addresses_for_sdp_have_no_brackets(text: str, kept: str) -> None:
    """In a c= line an IPv6 address stands without (RFC 4566 5.7)."""
    section = ConfigFile.parse(f"[a]\nmedia_address={text}\n", "f").section("a")
    assert section is not None
    assert Endpoint.from_options("a", section, section.position).media_address == kept
    section = ConfigFile.parse(f"[t]\nbind=127.0.0.1\nexternal_media_address={text}\n", "f").section("t")
    assert section is not None
    assert settings_of(TransportConfig.from_options("t", section, section.position), data()).external_media_host == kept


@pytest.mark.parametrize("text", ["192.0.2.1:5004", "[::1]:5004", "[::1", "192.0.2.1:"])
def test_addresses_for_sdp_have_no_port(text: str) -> None:
    section = ConfigFile.parse(f"[a]\nmedia_address={text}\n", "f").section("a")
    assert section is not None
    with pytest.raises(ConfigErrors):
        Endpoint.from_options("a", section, section.position)


@pytest.mark.parametrize(
    ("line", "own", "told"),
    [
        ("", "127.0.0.1", True),
        ("match_local_net=yes", "127.0.0.1", False),
        ("match_local_net=yes", "10.1.2.3", True),
    ],
)
def test_outside_addresses_may_depend_on_our_own(line: str, own: str, told: bool) -> None:
    outside = "external_signaling_address=203.0.113.1\nexternal_media_address=203.0.113.2\nlocal_net=10.0.0.0/8\n"
    settings = made(outside + line)
    assert settings.is_outside("192.0.2.1", own) is told
    assert settings.media_host_for("192.0.2.1", own) == ("203.0.113.2" if told else "")
    assert not settings.is_outside("10.9.9.9", own)
