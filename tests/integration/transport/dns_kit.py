"""A real DNS server (dnsmasq) on loopback, and SIP peers that do as they are told."""

from __future__ import annotations

import asyncio
import shutil
import socket
from contextlib import asynccontextmanager

from asterism.stack import make_response, parse_message
from asterism.testing import free_port


@asynccontextmanager
async def dns_server(*records: str, ttl: int = 60):
    """Run dnsmasq with these options, each a record; yields an object with ``port`` and ``asked``."""
    program = shutil.which("dnsmasq") or "/usr/sbin/dnsmasq"
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        program, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=",
        "--user=", "--listen-address=127.0.0.1", "--bind-interfaces", f"--port={port}", "--local=/test/",
        f"--local-ttl={ttl}", "--log-queries", "--log-facility=-", *(f"--{record}" for record in records),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    server = DnsServer(process, port)
    try:
        await server.ready()
        yield server
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        server.reader.cancel()


class DnsServer:
    """A running dnsmasq."""

    def __init__(self, process, port):
        self.process = process
        self.port = port
        self.log = []
        self.reader = asyncio.create_task(self._read())

    async def _read(self):
        while line := await self.process.stderr.readline():
            self.log.append(line.decode())

    @property
    def asked(self):
        """The questions so far: ``query[A] main.example.test``."""
        return [line.split(": ", 1)[1].split(" from")[0] for line in self.log if "query[" in line]

    async def ready(self):
        """Wait until it answers."""
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.setblocking(False)
        loop = asyncio.get_running_loop()
        question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05ready\x04test\x00\x00\x01\x00\x01"
        try:
            for _ in range(100):
                assert self.process.returncode is None, f"dnsmasq ended: {self.log}"
                await loop.sock_sendto(probe, question, ("127.0.0.1", self.port))
                try:
                    await asyncio.wait_for(loop.sock_recv(probe, 512), 0.1)
                except (TimeoutError, ConnectionError):
                    continue
                return
            raise AssertionError(f"dnsmasq does not answer: {self.log}")
        finally:
            probe.close()


class Peer(asyncio.DatagramProtocol):
    """A UDP peer that answers every request with ``status``; 0 is silence."""

    def __init__(self, status, headers=()):
        self.status = status
        self.headers = headers
        self.requests = []

    @classmethod
    async def open(cls, status, headers=()):
        """Open it on a free port."""
        transport, peer = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: cls(status, headers), local_addr=("127.0.0.1", 0)
        )
        peer.port = transport.get_extra_info("sockname")[1]  # type: ignore[attr-defined]
        return peer

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        message = parse_message(data)
        self.requests.append(message)
        if self.status and message.method != "ACK":
            response = make_response(message, self.status, to_tag="peer")  # type: ignore[arg-type]
            for name, value in self.headers:
                response.add_header(name, value)
            self.transport.sendto(response.to_bytes(), address)

    def close(self):
        """Close the socket."""
        self.transport.close()
