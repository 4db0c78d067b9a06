"""REGISTER requests as a ``registration`` object wants them, and what their answers say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asterism.sip.delays import MAX_SECONDS
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr
from asterism.stack.message import Request, Response
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.sip.objects.registration import Registration

_PLACEHOLDER = "0.0.0.0"
"""The sender puts our address in its place once the flow is known."""


class Identity:
    """Identifiers that all requests of one registration share: Call-ID, line, and the growing CSeq."""

    __slots__ = ("call_id", "cseq", "line")

    def __init__(self, call_id: str, cseq: int, line: str) -> None:
        self.call_id = call_id
        self.cseq = cseq
        self.line = line


def sender_of(config: Registration) -> Endpoint:
    """An endpoint made up of the registration's options, for the parts of the SIP core that ask one."""
    made = Endpoint(f"registration/{config.id}")
    made.transport = config.transport
    made.habits = config.habits
    return made


def make_register(
    config: Registration, identity: Identity, tag: str, expires: int, max_forwards: int, user_agent: str
) -> Request:
    """One REGISTER, the lines in Asterisk's order. Raises :class:`ParseError` for a URI that is none."""
    server = Uri.parse(config.server_uri)
    request = Request("REGISTER", server)
    address = _address(Uri.parse(config.client_uri), config.habits.registers_port)
    contact = Uri.parse(f"{'sips' if server.scheme == 'sips' else 'sip'}:{config.contact_user or 's'}@{_PLACEHOLDER}")
    if identity.line:
        contact = contact.replace(params={"line": identity.line})
    header_params = config.contact_header_params.strip().strip(";")
    add = request.add_header
    if config.outbound_proxy:
        add("Route", f"<{config.outbound_proxy.strip('<>')}>")
    add("From", f"<{address}>;tag={tag}")
    add("To", f"<{address}>")
    add("Call-ID", identity.call_id)
    add("CSeq", f"{identity.cseq} REGISTER")
    add("Contact", f"<{contact}>;{header_params}" if header_params else f"<{contact}>")
    add("Expires", str(expires))
    supported = [name for name, on in (("path", config.support_path), ("outbound", config.support_outbound)) if on]
    if supported:
        add("Supported", ", ".join(supported))
    if config.security_negotiation == "mediasec":
        add("Require", "mediasec")
        add("Proxy-Require", "mediasec")
        for mechanism in config.security_mechanisms:
            add("Security-Client", mechanism)
    add("Max-Forwards", str(max_forwards))
    agent = config.user_agent or user_agent
    if agent:
        add("User-Agent", agent)
    return request


def _address(uri: Uri, with_port: bool) -> Uri:
    """The URI as From and To carry it: without port (as Asterisk 22 does), or with it."""
    return uri.replace(port=uri.port if with_port else None, headers="", password=None)


def granted(response: Response, request: Request, asked: int) -> int:
    """The lifetime in seconds that a 200 grants to the Contact of ``request``.

    That is the ``expires`` of our own Contact among those listed; the Expires header where ours is not found, as behind
    a registrar that rewrites it; else what was asked for.
    """
    try:
        own = request.contacts[0].uri
        for contact in response.contacts:
            if contact.uri.matches(own) or (contact.uri.user == own.user and _line(contact) == own.param("line")):
                value = contact.params.get("expires")
                if value is not None and value.isascii() and value.isdigit():
                    return min(int(value), MAX_SECONDS)
        expires = response.expires
    except (ParseError, IndexError):
        return asked
    return asked if expires is None else expires


def _line(contact: NameAddr) -> str | None:
    # Without a line nothing tells our rewritten contact from another one of the same user.
    return contact.uri.param("line") or ""


def service_route(response: Response) -> tuple[str, ...]:
    """The routes of a 200's Service-Route headers (RFC 3608), none if they cannot be read."""
    try:
        return tuple(f"<{item.uri}>" for value in response.get_all("Service-Route") for item in _entries(value))
    except ParseError:
        return ()


def _entries(value: str) -> Sequence[NameAddr]:
    return NameAddr.parse_list(value)
