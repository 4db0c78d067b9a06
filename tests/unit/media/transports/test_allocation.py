"""What is sent through a TURN server: channels are bound once, refreshed in time, and nothing piles up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from aioice.stun import TransactionTimeout

from asterism.media.transports import allocation
from asterism.media.transports.allocation import Relay
from asterism.media.transports.ice_services import IceServices
from asterism.media.transports.ice_settings import IceSettings

PEER = ("198.51.100.2", 6000)


class Wire:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.unsent = 0

    def is_closing(self) -> bool:
        return False

    def sendto(self, data: bytes) -> None:
        self.sent.append(data)

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def get_extra_info(self, name: str) -> object:
        return ("203.0.113.1", 3478)

    def get_write_buffer_size(self) -> int:
        return self.unsent


def make(tcp: bool = False) -> tuple[Relay, Any, list[tuple[bytes, Any]]]:
    loop = asyncio.get_running_loop()
    services = IceServices(IceSettings, loop, logging.getLogger("test"))
    client: Any = allocation.guarded_client(("203.0.113.1", 3478), "user", "password", tcp=tcp)
    client.transport = Wire()
    client.relayed_address, client.mapped_address = ("203.0.113.1", 50000), ("192.0.2.5", 40000)
    client.bound = []
    client.answers = asyncio.Event()
    client.answers.set()
    client.refuses = False

    async def bind(channel: int, address: Any) -> None:
        client.bound.append((channel, address))
        await client.answers.wait()
        if client.refuses:
            raise TransactionTimeout

    client.channel_bind = bind
    heard: list[tuple[bytes, Any]] = []
    return Relay(services, 1, client, lambda _base, data, source: heard.append((data, source))), client, heard


def run(test: Callable[[], Any]) -> None:
    asyncio.run(test())


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("tcp", [False, True])
def test_a_channel_is_bound_with_the_first_packet(tcp: bool) -> None:
    async def test() -> None:
        relay, client, heard = make(tcp)
        relay.send(b"one", PEER)
        relay.send(b"two", PEER)
        await turns()
        assert len(client.bound) == 1
        padded = [b"\x40\0\0\3one", b"\x40\0\0\3two"]
        assert client.transport.sent == [one + (b"\0" if tcp else b"") for one in padded]
        relay.send(b"next", PEER)
        assert client.transport.sent[-1] == b"\x40\0\0\4next"
        receive = client.data_received if tcp else lambda data: client.datagram_received(data, client.server)
        receive(b"\x40\0\0\4back")
        receive(b"\x40\7\0\4back")  # a channel that we have not bound
        assert heard == [(b"back", PEER)]

    run(test)


def test_what_waits_for_a_channel_is_bounded() -> None:
    async def test() -> None:
        relay, client, _ = make()
        client.answers.clear()
        for number in range(100):
            relay.send(b"%d" % number, PEER)
        for number in range(200):
            relay.send(b"x", ("198.51.100.3", 1000 + number))
        await turns()
        assert len(client.bound) == 64
        client.answers.set()
        await turns()
        assert sum(data[:2] == b"\x40\0" for data in client.transport.sent) <= 9

    run(test)


def test_a_channel_is_refreshed_before_its_permission_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now)

    async def test() -> None:
        nonlocal now
        relay, client, _ = make()
        relay.send(b"one", PEER)
        await turns()
        now += 200
        relay.send(b"two", PEER)
        await turns()
        assert len(client.bound) == 1
        now += 60
        relay.send(b"three", PEER)
        relay.send(b"four", PEER)
        await turns()
        assert client.bound == [(0x4000, PEER)] * 2
        assert len(client.transport.sent) == 4

    run(test)


def test_a_server_that_refuses_a_channel_is_asked_again_later() -> None:
    async def test() -> None:
        relay, client, _ = make()
        client.refuses = True
        relay.send(b"one", PEER)
        await turns()
        assert not client.transport.sent
        client.refuses = False
        relay.send(b"two", PEER)
        await turns()
        assert client.transport.sent == [b"\x40\0\0\3two"]

    run(test)


def test_over_tcp_nothing_piles_up() -> None:
    async def test() -> None:
        relay, client, _ = make(tcp=True)
        relay.send(b"one", PEER)
        await turns()
        client.transport.unsent = 1 << 20
        relay.send(b"two", PEER)
        assert len(client.transport.sent) == 1

    run(test)


def test_after_the_end_nothing_is_sent_and_the_port_is_given_back() -> None:
    async def test() -> None:
        relay, client, heard = make()
        deleted = []

        async def delete() -> None:
            deleted.append(True)

        client.delete = delete
        relay.send(b"one", PEER)
        await turns()
        relay.close()
        relay.close()
        relay.send(b"two", PEER)
        client.datagram_received(b"\x40\0\0\4back", client.server)
        await turns()
        assert deleted == [True]
        assert len(client.transport.sent) == 1
        assert not heard

    run(test)
