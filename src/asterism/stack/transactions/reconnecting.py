"""Where a response goes whose request came over a connection that has closed (RFC 3261 18.2.2)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.stack.message import Request

_DEFAULT_PORTS = {"TCP": 5060, "TLS": 5061}
_MADE_UP = ".invalid"


def reconnect_address(request: Request) -> tuple[str, int, str] | None:
    """Address, port and the name that a TLS certificate must hold; ``None`` if the client cannot be connected to.

    The address is always the one that the request really came from, as ``received`` would say: a connection proves
    it, so that nobody can have us connect to a third party. Only the port is the Via's word. Names in the Via are
    not looked up, for the same reason.

    Not to be connected to are WebSocket clients (RFC 7118), those whose Via or Contact says that they can be reached
    over their own connections only (RFC 5626), and those behind a NAT: what listens there at that port is another.
    """
    flow = request.flow
    if flow is None or flow.transport not in _DEFAULT_PORTS:
        return None
    try:
        via = request.via
        contacts = () if request.contact_star else request.contacts
    except ParseError:
        return None
    host, source = via.host.lower(), flow.remote[0]
    if via.transport.upper() != flow.transport or host.endswith(_MADE_UP):
        return None
    if any("ob" in contact.uri.params or "reg-id" in contact.params for contact in contacts):
        return None
    sent_by, seen = _numeric(host), _numeric(source)
    if sent_by is not None and seen is not None and seen.is_global and not sent_by.is_global:
        return None
    return source, via.port or _DEFAULT_PORTS[flow.transport], "" if sent_by is not None else host


def _numeric(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
