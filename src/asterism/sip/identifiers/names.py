"""Addresses of the host names in ``identify`` rules."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, NamedTuple

from asterism.stack.resolver import Question

if TYPE_CHECKING:
    from asterism.data.network import Network
    from asterism.sip.core import SipCore

_SERVICES = ("_sip._udp", "_sip._tcp", "_sips._tcp")


class NamedRule(NamedTuple):
    """A rule whose ``match`` is a host name."""

    host: str
    port: int
    endpoint: str
    srv: bool
    """Whether SRV records are looked up as well (``srv_lookups``)."""
    transport: str = ""
    """The transport that requests must have come over; empty: any."""


async def addresses_of(core: SipCore, rule: NamedRule) -> list[Network]:
    """The addresses of a rule's host, and of the hosts that its SRV records name; empty when there are none."""
    hosts = [rule.host]
    if rule.srv and core.started:
        asked = (core.transports.resolver.ask(Question("SRV", f"{service}.{rule.host}")) for service in _SERVICES)
        for records in await asyncio.gather(*asked):
            hosts += [record.target for record in records if record.target not in hosts]
    found: dict[Network, None] = {}
    for addresses in await asyncio.gather(*(_addresses(core, host) for host in hosts)):
        found.update(dict.fromkeys(addresses))
    return list(found)


async def _addresses(core: SipCore, host: str) -> list[Network]:
    """The addresses of one name: from the system's files and name servers, or from those of ``core``."""
    if core.started:
        answers = await asyncio.gather(*(core.transports.resolver.ask(Question(kind, host)) for kind in ("A", "AAAA")))
        known = [ipaddress.ip_network(address) for records in answers for address in records]
        if known:
            return known
    try:
        entries = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return []
    return [ipaddress.ip_network(str(entry[4][0]).partition("%")[0]) for entry in entries]
