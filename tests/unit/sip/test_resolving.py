"""The way to a next hop, without the network."""

import asyncio

import pytest

from asterism.core.errors import AsterismError
from asterism.sip.resolver_unbound import read_settings
from asterism.sip.resolving import ResolveError, Way, flow_key, protocol_of, way_to
from asterism.stack.resolver import FailedTargets, Target
from asterism.stack.uri import Uri
from asterism.transport.errors import NoTransportError


class FakeFlow:
    def __init__(self, name):
        self.name = name
        self.closed = False


class FakeTransports:
    def __init__(self, *protocols):
        self.protocols = protocols
        self.transports = {}
        self.bound = {}
        self.failed = FailedTargets(lambda: 0.0)
        self.asked = []

    def flow_for(self, host, port, protocol, name="", server_name=""):
        if protocol not in self.protocols:
            raise NoTransportError(f"no {protocol}")
        self.asked.append((host, port, protocol, server_name))
        return FakeFlow(f"{protocol}:{host}:{port}")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:a@192.0.2.1", ("192.0.2.1", 5060, "udp")),
        ("sip:a@192.0.2.1:99;transport=TCP", ("192.0.2.1", 99, "tcp")),
        ("sips:a@192.0.2.1", ("192.0.2.1", 5061, "tls")),
        ("sip:a@example.com;maddr=192.0.2.9", ("192.0.2.9", 5060, "udp")),
        ("sip:a@[2001:db8::1]", ("2001:db8::1", 5060, "udp")),
    ],
)
def test_addresses_are_settled_at_once(uri, expected):
    transports = FakeTransports("udp", "tcp", "tls")
    way = way_to(transports, Uri.parse(uri))  # type: ignore[arg-type]
    assert isinstance(way, Way)
    assert transports.asked[0][:3] == expected
    assert not way.left
    assert way.next() is None


@pytest.mark.parametrize("uri", ["sip:a@192.0.2.1;transport=tcp", "sip:a@192.0.2.1;transport=ws", "tel:+1", "urn:x"])
def test_what_leads_nowhere_is_one_kind_of_error(uri):
    with pytest.raises(ResolveError):
        way_to(FakeTransports("udp"), Uri.parse(uri))  # type: ignore[arg-type]
    assert issubclass(ResolveError, AsterismError)


def test_a_bound_contact_is_reached_over_its_connection_until_that_closes():
    transports = FakeTransports("udp")
    uri = Uri.parse("sip:x@abc.invalid;transport=ws")
    flow = transports.bound[flow_key(uri)] = FakeFlow("ws")
    assert way_to(transports, uri).flow is flow  # type: ignore[arg-type]
    # The host is the client's own, whoever is asked for there.
    assert way_to(transports, Uri.parse("sip:y@abc.invalid;ob")).flow is flow  # type: ignore[arg-type]
    flow.closed = True
    with pytest.raises(ResolveError, match="no connection"):
        asyncio.run(way_to(transports, uri))  # type: ignore[arg-type]


def test_targets_one_after_the_other_skipping_those_without_transport():
    transports = FakeTransports("udp", "tls")
    targets = [
        Target("TCP", "192.0.2.1", 1, "x"),
        Target("TLS", "192.0.2.2", 2, "x"),
        Target("UDP", "192.0.2.3", 3, "x"),
    ]
    way = Way(transports, None, targets, "", "example.com")  # type: ignore[arg-type]
    assert way.flow.name == "tls:192.0.2.2:2"
    assert transports.asked[-1][3] == "example.com"
    assert way.left
    assert way.next(10).name == "udp:192.0.2.3:3"
    assert transports.failed.last(targets)[-1] == targets[1]
    assert way.next() is None
    with pytest.raises(ResolveError):
        Way(transports, None, targets[:1])  # type: ignore[arg-type]


def test_protocols():
    texts = ("sip:x", "sip:x;transport=WS", "sips:x", "sips:x;transport=ws", "sips:x;transport=tcp")
    assert [protocol_of(Uri.parse(text)) for text in texts] == ["udp", "ws", "tls", "wss", "tls"]


def test_resolver_unbound_conf(tmp_path):
    (tmp_path / "resolv.conf").write_text("search x\nnameserver 192.0.2.3\nnameserver ::1\n")
    path = tmp_path / "resolver_unbound.conf"
    assert read_settings(path).nameservers == []
    path.write_text(
        "[general]\nnameserver=192.0.2.1\nnameserver=192.0.2.2@5353\nresolv=resolv.conf\nhosts=system\ndebug=3\n"
    )
    settings = read_settings(path)
    assert settings.nameservers == [("192.0.2.1", 53), ("192.0.2.2", 5353), ("192.0.2.3", 53), ("::1", 53)]
    assert settings.hosts == "/etc/hosts"
    assert not settings.errors
    path.write_text("[general]\nnameserver=x\nnameserver=1.2.3.4@0\nresolv=absent\ncolour=red\nnameserver=192.0.2.1\n")
    settings = read_settings(path)
    assert settings.nameservers == [("192.0.2.1", 53)]
    assert len(settings.errors) == 4


@pytest.mark.parametrize(
    ("uri", "records", "asked"),
    [
        ("sip:example.test", True, "sip:example.test"),
        ("sip:example.test", False, "sip:example.test:5060"),
        ("sips:example.test", False, "sips:example.test:5061"),
        ("sip:example.test:5070", False, "sip:example.test:5070"),
    ],
)
async def test_without_records_only_addresses_are_looked_up(uri, records, asked):
    seen = []

    class Resolver:
        async def resolve(self, uri, **options):
            seen.append(str(uri))
            return [Target("UDP", "192.0.2.1", uri.port or 5060, "example.test")]

    transports = FakeTransports("udp", "tls")
    transports.resolver = Resolver()  # type: ignore[attr-defined]
    way = way_to(transports, Uri.parse(uri), records=records)  # type: ignore[arg-type]
    assert isinstance(await way, Way)  # type: ignore[misc]
    assert seen == [asked]
