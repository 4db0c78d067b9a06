"""A name server on the loopback interface, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import dns.message
import dns.rcode
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """Answers from a zone; names that begin with ``silent`` get no answer, others outside of it NXDOMAIN."""

    def __init__(self, zone: Mapping[tuple[str, str], Sequence[str]]) -> None:
        self.zone = zone
        self.asked: list[tuple[str, str]] = []
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        key = question.name.to_text(), question.to_text().split()[-1]
        self.asked.append(key)
        if key[0].startswith("silent"):
            return
        response = dns.message.make_response(query)
        if key in self.zone:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", key[1], *self.zone[key]))
        elif key[0].startswith("broken"):
            response.set_rcode(dns.rcode.SERVFAIL)
        elif not any(name == key[0] for name, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(), address)  # type: ignore[attr-defined]


@asynccontextmanager
async def name_server(zone: Mapping[tuple[str, str], Sequence[str]]) -> AsyncIterator[NameServer]:
    """A server of ``{("name.", "SRV"): ["1 2 3 host."]}``."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(zone), local_addr=("127.0.0.1", 0)
    )
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
