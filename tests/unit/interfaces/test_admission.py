"""Connections that have proved nothing are limited, and no source keeps the others out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from asterism.interfaces.admission import TlsListener, WaitingRoom
from asterism.testing import until


def test_an_ipv6_network_is_one_source() -> None:
    room = WaitingRoom(lambda: 2)
    assert room.enter("2001:db8:0:1::5", lambda: None) is not None
    assert room.enter("2001:db8:0:1:ffff::9", lambda: None) is not None
    assert room.enter("2001:db8:0:1:aaaa::1", lambda: None) is None
    assert room.enter("2001:db8:0:2::1", lambda: None) is not None


def test_one_source_takes_the_room_and_gives_it_up_again() -> None:
    room, gone = WaitingRoom(lambda: 4), []
    tickets = [room.enter("192.0.2.1", lambda number=number: gone.append(number)) for number in range(4)]  # type: ignore[misc]
    assert room.enter("192.0.2.1", lambda: None) is None
    other = room.enter("192.0.2.2", lambda: None)
    assert other is not None
    assert gone == [0]
    assert len(room.tickets) == 4
    assert tickets[1] is not None
    tickets[1].leave()
    tickets[1].leave()
    assert len(room.tickets) == 3
    assert room.enter("192.0.2.1", lambda: None) is not None


def test_many_sources_fill_the_room_and_each_keeps_its_place() -> None:
    room = WaitingRoom(lambda: 3)
    for number in range(3):
        assert room.enter(f"192.0.2.{number}", lambda: None) is not None
    assert room.enter("192.0.2.9", lambda: None) is None
    assert WaitingRoom(lambda: 0).enter("192.0.2.1", lambda: None) is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
            "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=test",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


async def test_half_open_tls_connections_are_few_and_do_not_keep_out_the_others(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    made: list[asyncio.BaseTransport] = []

    class Served(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.append(transport)

    room = WaitingRoom(lambda: 5)
    sock = socket.create_server(("127.0.0.1", 0))
    listener = TlsListener(sock, context, Served, room)
    address = sock.getsockname()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(listener.close)
        readers = []
        for _ in range(20):
            reader, writer = await asyncio.open_connection(*address)
            stack.callback(writer.close)
            writer.write(b"\x16\x03\x01")
            readers.append(reader)
        for reader in readers[5:]:
            assert await asyncio.wait_for(reader.read(), 5) == b""
        assert len(room.tickets) == 5
        client = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
        client.check_hostname = False
        # From another address of this machine, while 127.0.0.1 holds everything.
        _, writer = await asyncio.open_connection(*address, ssl=client, local_addr=("127.0.0.2", 0))
        stack.callback(writer.close)
        await until(lambda: len(made) == 1)
        await until(lambda: len(room.tickets) == 4)
        made[0].abort()  # type: ignore[attr-defined]
    await until(lambda: not room.tickets)
