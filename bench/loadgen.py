"""A load of OPTIONS over UDP, TCP, TLS or WebSocket at a fixed rate, from a process of its own.

``python -m bench.loadgen tls 127.0.0.1 5071 2000 12000`` prints how many were answered with 200. SIPp cannot be
used here: it would spend more on TLS than the server.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl
import sys
import time
from collections.abc import Callable

CONNECTIONS = 20
STARTED = time.time_ns()
PATIENCE = 5.0
"""Seconds to wait for the last answers."""


_UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)


def text_frame(data: bytes) -> bytes:
    """A client's WebSocket frame of 126 to 65,535 bytes, its mask all zeros (RFC 6455 section 5.2)."""
    return b"\x81\xfe" + len(data).to_bytes(2, "big") + bytes(4) + data


class Peer(asyncio.Protocol, asyncio.DatagramProtocol):
    """One connection (or socket); counts answers, which have no body."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._rest = b""
        self.upgraded = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Count the complete answers in the stream."""
        *answers, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for answer in answers:
            if answer.startswith(b"HTTP/1.1 101 "):
                self.upgraded.set()
            elif answer:  # else the server's keep-alive (RFC 5626)
                # A WebSocket message has two to four bytes of its own before it.
                self._generator.answered(answer[max(answer.find(b"SIP/2.0 ", 0, 16), 0) :])

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Count one answer."""
        self._generator.answered(data)


class Generator:
    """Sends ``count`` requests, ``rate`` a second, over several connections in turn."""

    def __init__(self, protocol: str, host: str, port: int, rate: int, count: int) -> None:
        self._protocol = protocol
        self._host = host
        self._port = port
        self._rate = rate
        self._count = count
        self._done = asyncio.Event()
        self.good = 0
        self.bad = 0

    def answered(self, data: bytes) -> None:
        """Take one answer."""
        if data.startswith(b"SIP/2.0 200 "):
            self.good += 1
        else:
            self.bad += 1
        if self.good + self.bad >= self._count:
            self._done.set()

    async def run(self) -> None:
        """Send everything and wait for the answers."""
        lines = [await self._connect() for _ in range(CONNECTIONS)]
        started = time.monotonic()
        for number in range(self._count):
            wait = started + number / self._rate - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            elif number % 64 == 0:
                await asyncio.sleep(0)
            transport, send = lines[number % CONNECTIONS]
            send(self._request(number, transport))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), PATIENCE)
        for transport, _ in lines:
            transport.close()

    async def _connect(self) -> tuple[asyncio.BaseTransport, Callable[[bytes], None]]:
        loop = asyncio.get_running_loop()
        peer = Peer(self)
        if self._protocol == "udp":
            datagrams, _ = await loop.create_datagram_endpoint(lambda: peer, remote_addr=(self._host, self._port))
            return datagrams, datagrams.sendto
        context = None
        if self._protocol in ("tls", "wss"):
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        stream, _ = await loop.create_connection(lambda: peer, self._host, self._port, ssl=context)
        if self._protocol in ("tcp", "tls"):
            return stream, stream.write
        stream.write(_UPGRADE)
        await asyncio.wait_for(peer.upgraded.wait(), PATIENCE)
        return stream, lambda data: stream.write(text_frame(data))

    def _request(self, number: int, transport: asyncio.BaseTransport) -> bytes:
        host, port = transport.get_extra_info("sockname")[:2]
        return (
            f"OPTIONS sip:ping@{self._host}:{self._port} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self._protocol.upper()} {host}:{port};branch=z9hG4bK{time.monotonic_ns():x}{number:x}\r\n"
            f"From: <sip:load@{host}:{port}>;tag=l{number}\r\nTo: <sip:ping@{self._host}>\r\n"
            f"Call-ID: {number}-{STARTED}@{host}\r\nCSeq: 1 OPTIONS\r\nContact: <sip:load@{host}:{port}>\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()


def main() -> int:
    """Run from the command line; returns 1 when an answer is missing or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol", choices=("udp", "tcp", "tls", "ws", "wss"))
    parser.add_argument("host")
    for name in ("port", "rate", "count"):
        parser.add_argument(name, type=int)
    given = parser.parse_args()

    async def run() -> Generator:
        generator = Generator(given.protocol, given.host, given.port, given.rate, given.count)
        await generator.run()
        return generator

    found = asyncio.run(run())
    print(f"{found.good} good, {found.bad} bad of {given.count}")
    return 0 if found.good == given.count else 1


if __name__ == "__main__":
    sys.exit(main())
