"""Domains of this server: domain lines, and its own names with autodomain."""

from __future__ import annotations

import socket

import pytest

from asterism.chan_sip.domains import Domain, domains, is_local
from asterism.chan_sip.objects import SipGeneral
from asterism.data.network import SocketAddress


def _general(*lines: str) -> SipGeneral:
    general = SipGeneral("general")
    general.domain = lines
    return general


def test_the_lines_name_domains_and_their_contexts() -> None:
    general = _general("pbx.example.test,internal", "example.org", "EXAMPLE.ORG,other", " ,x", "127.0.0.1")
    assert domains(general) == [Domain("pbx.example.test", "internal"), Domain("example.org"), Domain("127.0.0.1")]


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("pbx.example.test", True),
        ("PBX.Example.TEST", True),
        ("127.0.0.1", True),
        ("other.example", False),
        ("", False),
    ],
)
def test_case_means_nothing(name: str, local: bool) -> None:
    assert is_local(_general("pbx.example.test,internal", "127.0.0.1"), name) is local


def test_without_the_file_there_is_none() -> None:
    assert domains(None) == []
    assert not is_local(None, "example.org")


def test_with_autodomain_the_servers_own_count() -> None:
    general = _general("example.org")
    general.udpbindaddr = SocketAddress("192.0.2.1", 5060)
    general.bindaddr = SocketAddress("0.0.0.0", 5060)
    general.externaddr = "203.0.113.1:5070"
    assert domains(general) == [Domain("example.org")]
    general.autodomain = True
    own = [one.name for one in domains(general) if not one.configured]
    assert own == ["192.0.2.1", "203.0.113.1", socket.gethostname()]
