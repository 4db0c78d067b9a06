"""From a URI to an address: who is asked for what, and what a default is (RFC 3263, the part without SRV)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable
from functools import lru_cache
from typing import TYPE_CHECKING

from asterism.core.errors import AsterismError

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.uri import Uri
    from asterism.transport.loop import TransportManager


class ResolveError(AsterismError):
    """A URI leads nowhere."""


@lru_cache(4096)
def is_numeric(host: str) -> bool:
    """Whether ``host`` is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def protocol_of(uri: Uri) -> str:
    """The transport protocol that a URI asks for, in lower case."""
    if uri.scheme == "sips":
        return "tls"
    return (uri.param("transport") or "udp").lower()


def flow_to(transports: TransportManager, uri: Uri, name: str) -> Flow | Awaitable[Flow]:
    """A flow to a URI; awaitable only when its host is a name. Raises :class:`ResolveError`.

    ``name`` is the transport section to use, ``""`` for the first that fits.
    """
    if not uri.is_sip:
        raise ResolveError(f"a {uri.scheme} URI has no address")
    protocol = protocol_of(uri)
    port = uri.port or (5061 if protocol == "tls" else 5060)
    host = uri.param("maddr") or uri.host
    if is_numeric(host):
        return transports.flow_for(host, port, protocol, _fitting(transports, name, protocol))
    return _resolve(transports, host, port, protocol, name)


async def _resolve(transports: TransportManager, host: str, port: int, protocol: str, name: str) -> Flow:
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=kind)
    except OSError as error:
        raise ResolveError(f"{host}: {error}") from error
    problem: Exception | None = None
    for _, _, _, _, address in found:
        try:
            return transports.flow_for(str(address[0]), port, protocol, _fitting(transports, name, protocol))
        except Exception as error:  # no transport of this family: the next address may do
            problem = error
    raise ResolveError(f"no way to {host}: {problem or 'no address'}")


def _fitting(transports: TransportManager, name: str, protocol: str) -> str:
    """The configured transport, unless the URI insists on another protocol."""
    transport = transports.transports.get(name) if name else None
    return name if transport is not None and transport.protocol == protocol else ""
