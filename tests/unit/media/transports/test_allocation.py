"""What is sent through a TURN server: channels are bound once, refreshed in time, and nothing piles up."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aioice.stun import Class, Message, Method, TransactionTimeout, parse_message

from asterism.media.transports import allocation
from asterism.media.transports.allocation import Relay
from asterism.media.transports.ice_services import IceServices
from asterism.media.transports.ice_settings import IceSettings, TurnServer

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


def test_a_channel_that_is_not_refreshed_is_not_asked_for_with_every_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now)

    async def test() -> None:
        nonlocal now
        relay, client, _ = make()
        relay.send(b"one", PEER)
        await turns()
        client.refuses = True
        now += 250
        for _ in range(20):
            relay.send(b"more", PEER)
            await turns()
        assert len(client.bound) == 2
        now += 31
        relay.send(b"more", PEER)
        await turns()
        assert len(client.bound) == 3

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


class BadServer(asyncio.DatagramProtocol):
    """A TURN server on the loopback interface that answers as it likes."""

    def __init__(self, *, lifetime: int = 600, relayed: Any = ("127.0.0.1", 50000)) -> None:
        self.lifetime, self.relayed = lifetime, relayed
        self.asked: list[Message] = []
        self.silent: set[Method] = set()
        self.wire: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        message = parse_message(data)
        self.asked.append(message)
        if message.message_method in self.silent:
            return
        answer = Message(message.message_method, Class.RESPONSE, message.transaction_id)
        if message.message_method is Method.ALLOCATE:
            answer.attributes["XOR-RELAYED-ADDRESS"] = self.relayed
            answer.attributes["XOR-MAPPED-ADDRESS"] = address
        answer.attributes["LIFETIME"] = self.lifetime
        self.wire.sendto(bytes(answer), address)


@asynccontextmanager
async def bad_server(**how: Any) -> AsyncIterator[tuple[BadServer, IceServices]]:
    """The server and what agents share; afterwards neither a task nor a socket is left."""
    loop = asyncio.get_running_loop()
    files, tasks = open_sockets(), asyncio.all_tasks()
    wire, server = await loop.create_datagram_endpoint(lambda: BadServer(**how), local_addr=("127.0.0.1", 0))
    settings = IceSettings(turn=TurnServer("127.0.0.1", wire.get_extra_info("sockname")[1], "u", "p"), loopback=True)
    yield server, IceServices(lambda: settings, loop, logging.getLogger("test"))
    async with asyncio.timeout(3):
        while asyncio.all_tasks() - tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    wire.close()
    await turns()
    assert not open_sockets() - files


def open_sockets() -> set[str]:
    """Those of this process; of a test before this one some may go meanwhile."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    return {name for name in found if name.startswith("socket:")}


async def allocate(services: IceServices) -> Relay | None:
    return await Relay.allocate(services, 1, lambda _base, _data, _source: None)


@pytest.mark.parametrize(
    "how",
    [
        {"lifetime": 0},
        {"lifetime": 59},
        {"relayed": ("0.0.0.0", 50000)},
        {"relayed": ("224.0.0.1", 50000)},
        {"relayed": ("127.0.0.1", 0)},
    ],
    ids=str,
)
def test_a_server_that_answers_what_is_of_no_use_gives_no_port(how: Any) -> None:
    async def test() -> None:
        async with bad_server(**how) as (server, services):
            assert await allocate(services) is None
            await asyncio.sleep(0.1)
            assert len(server.asked) <= 2

    run(test)


def test_a_port_that_the_server_lets_be_kept_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr("aioice.turn.asyncio.sleep", lambda seconds: sleep(seconds / 1000))

    async def test() -> None:
        async with bad_server() as (server, services):
            relay = await allocate(services)
            assert relay is not None
            assert relay.usable
            server.lifetime = 0
            async with asyncio.timeout(3):
                while relay.usable:
                    await sleep(0.01)
            relay.send(b"lost", PEER)
            assert {one.message_method for one in server.asked} == {Method.ALLOCATE, Method.REFRESH}
            relay.close()

    run(test)


def test_a_port_is_given_back_in_time_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while a channel is being bound: the call has ended, and so does what was done for it."""
    monkeypatch.setattr(allocation, "_GIVING_BACK", 0.2)

    async def test() -> None:
        async with bad_server() as (server, services):
            relay = await allocate(services)
            assert relay is not None
            server.silent = {Method.CHANNEL_BIND, Method.REFRESH}
            relay.send(b"one", PEER)
            await turns()
            relay.close()

    run(test)


def test_a_nonce_that_fits_into_no_request() -> None:
    async def test() -> None:
        _, client, _ = make(tcp=True)
        client.nonce, client.realm, client.integrity_key = b"n" * 65500, "example.com", b"k" * 16
        request = Message(Method.REFRESH, Class.REQUEST)
        with pytest.raises(ConnectionError, match="of no use"):
            await client.request_with_retry(request)

    run(test)
