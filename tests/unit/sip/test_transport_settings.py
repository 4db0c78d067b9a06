"""What the transports are told of the options of ``transport`` objects."""

from __future__ import annotations

import socket

import pytest

from asterism.config import ConfigFile
from asterism.sip.lifecycle import settings_of
from asterism.sip.objects.transport import TransportConfig
from asterism.transport.base import mark_traffic
from asterism.transport.settings import TransportSettings


def made(options: str) -> TransportSettings:
    section = ConfigFile.parse(f"[t]\nbind=127.0.0.1\n{options}\n", "f").section("t")
    assert section is not None
    return settings_of(TransportConfig.from_options("t", section, section.position))


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("cert_file=/c", "cert_file", "/c"),
        ("priv_key_file=/k", "priv_key_file", "/k"),
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
