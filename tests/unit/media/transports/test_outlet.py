"""Where octets leave: addresses, paths of ICE, relays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.media.transports.outlet import RTCP, RTP, Outlet

PEER, OTHER = ("192.0.2.1", 4000), ("192.0.2.2", 5000)


class Sock:
    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []
        self.peer: Any = None

    def send(self, data: bytes) -> None:
        self.sent.append((bytes(data), self.peer))

    def sendto(self, data: bytes, target: Any) -> None:
        self.sent.append((bytes(data), target))

    def connect(self, address: Any) -> None:
        self.peer = address

    def disconnect(self) -> None:
        self.peer = None


class Base:
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.sent: list[tuple[bytes, Any]] = []

    def send(self, data: bytes, address: Any) -> None:
        self.sent.append((data, address))


@pytest.fixture
def pair() -> Any:
    return SimpleNamespace(first=Sock(), second=Sock())


def test_to_the_address_that_is_told(pair: Any) -> None:
    outlet = Outlet(pair)
    outlet.emit(b"a", PEER)
    outlet.emit(b"b", OTHER, RTCP)
    outlet.send_from(RTP, b"c", OTHER)
    outlet.send_from(RTCP, b"d", PEER)
    assert pair.first.sent == [(b"a", PEER), (b"c", OTHER)]
    assert pair.second.sent == [(b"b", OTHER), (b"d", PEER)]
    with pytest.raises(BlockingIOError):
        outlet.emit(b"x", None)


def test_a_connected_socket_still_reaches_others(pair: Any) -> None:
    outlet = Outlet(pair)
    outlet.connect(PEER)
    outlet.emit(b"a", PEER)
    outlet.emit(b"b", OTHER)
    assert pair.first.sent == [(b"a", PEER), (b"b", OTHER)]
    outlet.disconnect()
    assert outlet.connected is pair.first.peer is None


def test_where_ice_finds_the_peer_nothing_else_counts(pair: Any) -> None:
    outlet, host, relay = Outlet(pair), Base("host"), Base("relay")
    outlet.finds_peer = True
    with pytest.raises(BlockingIOError):
        outlet.emit(b"x", PEER)
    outlet.select(RTP, host, OTHER)  # type: ignore[arg-type]
    outlet.emit(b"a", PEER)
    with pytest.raises(BlockingIOError):
        outlet.emit(b"x", PEER, RTCP)
    assert pair.first.sent == [(b"a", OTHER)]
    outlet.select(RTP, relay, PEER)  # type: ignore[arg-type]
    assert outlet.by_relay()
    assert not outlet.by_relay(RTCP)
    outlet.emit(memoryview(b"b"), OTHER)
    assert relay.sent == [(b"b", PEER)]
    assert outlet.path() == PEER
    outlet.forget(RTP, RTCP)
    assert outlet.path() is None
    with pytest.raises(BlockingIOError):
        outlet.emit(b"x", PEER)


def test_closed(pair: Any) -> None:
    outlet = Outlet(pair)
    outlet.closed = True
    with pytest.raises(BlockingIOError):
        outlet.emit(b"x", PEER)
    outlet.send_from(RTP, b"x", PEER)
    assert pair.first.sent == pair.second.sent == []
