"""A name server in process, whose zone may be changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """Answers from ``zone``: values by name (with a dot at the end) and kind of record, good for a second.

    Attributes:
        zone: what there is; may be changed.
        asked: the questions so far.
        port: where it listens on 127.0.0.1.
    """

    def __init__(self, zone: Mapping[tuple[str, str], list[str]]) -> None:
        self.zone = dict(zone)
        self.asked: list[tuple[str, str]] = []
        self.port = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, address: Any) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        key = (question.name.to_text().lower(), question.to_text().split()[-1])
        self.asked.append(key)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        if key in self.zone:
            response.answer.append(dns.rrset.from_text(question.name, 1, "IN", key[1], *self.zone[key]))
        elif not any(name == key[0] for name, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(response.to_wire(), address)

    @property
    def config(self) -> dict[str, str]:
        """The configuration of a server that is to ask it."""
        return {"resolver_unbound.conf": f"[general]\nnameserver=127.0.0.1@{self.port}\nhosts=no\n"}


@asynccontextmanager
async def name_server(zone: Mapping[tuple[str, str], list[str]]) -> AsyncIterator[NameServer]:
    """A name server for the time of the block."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(zone), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()
