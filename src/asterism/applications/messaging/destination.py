"""Destinations of messages: the forms that may follow ``pjsip:``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from asterism.applications.messaging.addresses import address, has_controls, is_uri
from asterism.data.data import DataUnavailableError
from asterism.pbx.messaging.message import MessageError, SendStatus
from asterism.sip.contacts import Contact
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import ParseError
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.sip.core import SipCore


class Destination(NamedTuple):
    """Through which endpoint a message goes, its Request-URI, and the contact that this is of."""

    endpoint: Endpoint
    uri: Uri
    contact: Contact | None


async def find_destination(core: SipCore, text: str) -> Destination:
    """Understand a destination. Raises :class:`MessageError`.

    ``endpoint``, ``endpoint/aor``, ``endpoint@domain`` and ``PJSIP/user@endpoint`` go to the endpoint's first contact,
    ``endpoint/URI`` to that URI through the endpoint; any other URI or host through ``default_outbound_endpoint``.
    """
    if has_controls(text):
        raise MessageError("the destination has control characters", SendStatus.INVALID_URI)
    if text[:6].lower() == "pjsip/":
        user, at, name = text[6:].rpartition("@")
        if at and "/" not in name:
            endpoint = await _endpoint(core, name)
            contact = _contact(core, endpoint, endpoint.aors)
            return Destination(endpoint, _parsed(contact).replace(user=user), contact)
        text = text[6:]
    if is_uri(text):
        return await _by_default(core, text)
    name, slash, rest = text.partition("/")
    if slash:
        endpoint = await _endpoint(core, name)
        rest = rest.strip()
        if rest in endpoint.aors:
            contact = _contact(core, endpoint, (rest,))
            return Destination(endpoint, _parsed(contact), contact)
        return Destination(endpoint, _uri(rest), None)
    for candidate in dict.fromkeys((name, name.partition("@")[0])):
        found = await _retrieve(core, candidate)
        if found is not None:
            contact = _contact(core, found, found.aors)
            return Destination(found, _parsed(contact), contact)
    return await _by_default(core, text)


async def _by_default(core: SipCore, text: str) -> Destination:
    uri = _uri(text)
    name = core.state.default_outbound_endpoint
    endpoint = await _retrieve(core, name)
    if endpoint is None:
        raise MessageError(f"there is no endpoint '{name}' (default_outbound_endpoint) for URIs")
    return Destination(endpoint, uri, None)


async def _endpoint(core: SipCore, name: str) -> Endpoint:
    found = await _retrieve(core, name)
    if found is None:
        raise MessageError(f"no endpoint '{name}'")
    return found


async def _retrieve(core: SipCore, name: str) -> Endpoint | None:
    try:
        return await core.data.retrieve(Endpoint, name)
    except DataUnavailableError as error:
        raise MessageError(f"endpoint '{name}' cannot be looked up: {error}") from error


def _contact(core: SipCore, endpoint: Endpoint, aors: Sequence[str]) -> Contact:
    """The first contact that answers; the first of all when none does, for it may well answer now."""
    contacts = [contact for aor in aors for contact in core.location.contacts(aor)]
    if not contacts:
        raise MessageError(f"endpoint '{endpoint.id}' has no contact")
    return next((contact for contact in contacts if core.location.state(contact).available), contacts[0])


def _parsed(contact: Contact) -> Uri:
    try:
        return contact.parsed
    except ParseError as error:
        raise MessageError(f"bad contact: {error.message}") from error


def _uri(text: str) -> Uri:
    try:
        uri = address(text).uri
    except ParseError as error:
        raise MessageError(f"bad URI: {error.message}", SendStatus.INVALID_URI) from error
    if not uri.is_sip:
        raise MessageError(f"a {uri.scheme} URI leads nowhere", SendStatus.INVALID_URI)
    return uri
