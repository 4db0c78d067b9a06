"""Whether a peer is behind a NAT, for endpoints with ``detect_nat``: its own address is not the one that we see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.stack.errors import ParseError
from asterism.stack.message import Request

if TYPE_CHECKING:
    from asterism.sip.objects.contact import Contact
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.stack.message import Message

_PORT = 5060


def behind_nat(request: Request) -> bool:
    """Whether the topmost Via of a received request names another address than it came from; its port counts by UDP."""
    flow = request.flow
    if flow is None:
        return False
    try:
        via = request.vias[0]
    except (ParseError, IndexError):
        return False
    host, port = flow.remote
    return via.host.strip("[]") != host or (not flow.reliable and (via.port or _PORT) != port)


def contact_behind_nat(contact: Contact) -> bool:
    """Whether a binding was made by a REGISTER from behind a NAT: its Via had another address than it is reached at."""
    if not contact.via_addr:
        return False
    _, _, rest = contact.uri.partition(":")
    host = rest.rpartition("@")[2].partition(";")[0].partition("?")[0]
    return not (host == contact.via_addr or host.startswith((f"{contact.via_addr}:", f"[{contact.via_addr}]")))


def forces_rport(endpoint: Endpoint, request: Request) -> bool:
    """Whether an endpoint is answered where its request came from, whatever its Via says."""
    return endpoint.force_rport and ("signalling" not in endpoint.detect_nat or behind_nat(request))


def rewrites_contact(endpoint: Endpoint, message: Message) -> bool:
    """Whether the Contact of an endpoint's message is replaced by the address that it came from."""
    if not endpoint.rewrite_contact:
        return False
    if "signalling" not in endpoint.detect_nat:
        return True
    if isinstance(message, Request):
        return behind_nat(message)
    flow = message.flow
    try:
        contacts = message.contacts
    except ParseError:
        return False
    return flow is not None and len(contacts) == 1 and contacts[0].uri.host != flow.remote[0]
