"""From a URI to the flows that lead there, in the order to try them (RFC 3263).

A numeric address is settled at once. A name is looked up in the DNS, and what it leads to is tried one after the other:
the next target comes up when one does not answer, answers 503 or cannot be reached (section 4.3), and what failed
lately is tried last.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from asterism.core.errors import AsterismError
from asterism.transport.errors import NoTransportError

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.resolver import Target
    from asterism.stack.uri import Uri
    from asterism.transport.loop import TransportManager

TRANSPORT_PARAMETER = "x-ast-txp"
"""Names, in the URI of a registered contact, the transport that it registered over (``symmetric_transport``)."""


_MADE_UP = ".invalid"


class ResolveError(AsterismError):
    """A URI leads nowhere."""


class Way:
    """The ways to one next hop: the one at hand, and what is left to try.

    Attributes:
        flow: the flow to use now.
        left: the targets that are left to try.
    """

    __slots__ = ("_name", "_server_name", "_target", "_transports", "flow", "left")

    def __init__(
        self,
        transports: TransportManager,
        flow: Flow | None,
        targets: Sequence[Target] = (),
        name: str = "",
        server_name: str = "",
    ) -> None:
        self._transports = transports
        self.left = list(targets)
        self._name = name
        self._server_name = server_name
        self._target: Target | None = None
        found = flow or self._next_flow()
        if found is None:
            raise ResolveError("no transport leads to any of its addresses")
        self.flow: Flow = found

    def next(self, retry_after: float = 0.0) -> Flow | None:
        """Give the present target up, for a while, and go on to the next; ``None`` when there is none left."""
        if self._target is not None:
            self._transports.failed.add(self._target, retry_after)
        found = self._next_flow()
        if found is not None:
            self.flow = found
        return found

    def _next_flow(self) -> Flow | None:
        while self.left:
            target = self._target = self.left.pop(0)
            protocol = target.transport.lower()
            name = self._name and _fitting(self._transports, self._name, protocol)
            try:
                return self._transports.flow_for(target.host, target.port, protocol, name, self._server_name)
            except NoTransportError:
                continue
        return None


_LONGEST_ADDRESS = 64
"""No numeric address is longer, its zone included; longer texts are not kept."""


def is_numeric(host: str) -> bool:
    """Whether ``host`` is an IP address."""
    return len(host) <= _LONGEST_ADDRESS and _is_numeric(host)


@lru_cache(4096)
def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def protocol_of(uri: Uri) -> str:
    """The transport protocol that a URI asks for, in lower case."""
    asked = (uri.param("transport") or "").lower()
    if uri.scheme == "sips":
        return "wss" if asked in ("ws", "wss") else "tls"
    return asked or "udp"


def way_to(transports: TransportManager, uri: Uri, name: str = "", records: bool = True) -> Way | Awaitable[Way]:
    """The ways to a URI; awaitable only when its host is a name that has to be looked up.

    A contact that a registration bound to its connection is reached over that connection, whatever its URI says.

    Args:
        transports: the server's.
        uri: the next hop.
        name: the transport section to use, ``""`` for the first that fits.
        records: whether NAPTR and SRV records of a name without a port are asked for; otherwise its addresses alone.

    Raises:
        ResolveError: it leads nowhere, or no transport leads there.
    """
    if transports.bound:
        flow = transports.bound.get(flow_key(uri))
        if flow is not None and not flow.closed:
            return Way(transports, flow)
    if not uri.is_sip:
        raise ResolveError(f"a {uri.scheme} URI has no address")
    name = uri.param(TRANSPORT_PARAMETER) or name
    host = uri.param("maddr") or uri.host
    if is_numeric(host):
        protocol = protocol_of(uri)
        port = uri.port or (5061 if protocol == "tls" else 5060)
        wanted = transports.transports.get(name) if name else None
        try:
            if wanted is not None and wanted.protocol == protocol:
                flow = wanted.flow_to(host, port)
            else:
                flow = transports.flow_for(host, port, protocol)
        except NoTransportError as error:
            raise ResolveError(f"no way to {host}: {error}") from error
        return Way(transports, flow)
    if not records and uri.port is None:
        # A port that is given leaves the addresses alone to be looked up (RFC 3263 4.2).
        uri = uri.replace(port=5061 if protocol_of(uri) in ("tls", "wss") else 5060)
    return _resolve(transports, uri, host, name)


def flow_key(uri: Uri) -> str:
    """The key under which the contact of a connection is known.

    A host below ``.invalid`` is a name that a client made up for itself (RFC 7118 section 5), whatever user or
    parameters go with it; any other contact is known by its whole URI.
    """
    return uri.host if uri.host.endswith(_MADE_UP) else str(uri)


async def _resolve(transports: TransportManager, uri: Uri, host: str, name: str) -> Way:
    if host.endswith(_MADE_UP):
        # Reserved (RFC 6761): no name server is ever asked.
        raise ResolveError(f"{host} has no connection to this server")
    bound = list(transports.transports.values())
    preferred = transports.transports.get(name) if name else None
    if preferred is not None:
        bound.sort(key=lambda transport: transport is not preferred)
    protocols = tuple(dict.fromkeys(transport.protocol.upper() for transport in bound))
    families = tuple(dict.fromkeys(version for transport in bound for version in transport.settings.versions))
    targets = await transports.resolver.resolve(uri, transports=protocols, families=families or (4, 6))
    if not targets:
        raise ResolveError(f"{host} has no address")
    return Way(transports, None, transports.failed.last(targets), name, host)


def _fitting(transports: TransportManager, name: str, protocol: str) -> str:
    """The configured transport, unless the URI insists on another protocol."""
    transport = transports.transports.get(name)
    return name if transport is not None and transport.protocol == protocol else ""


__all__ = ["TRANSPORT_PARAMETER", "ResolveError", "Way", "is_numeric", "protocol_of", "way_to"]
