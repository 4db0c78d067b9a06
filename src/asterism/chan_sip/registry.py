"""Registrations of ``sip.conf`` at other servers: their state in the words of ``sip show registry``, and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.outbound_registration.client import RegistrationStatus
from asterism.applications.outbound_registration.events import REGISTRY
from asterism.chan_sip.habits import TECHNOLOGY
from asterism.stack.errors import ParseError
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.applications.outbound_registration.client import RegistrationClient
    from asterism.applications.outbound_registration.table import OutboundRegistrations
    from asterism.core.events import EventBus

UNREGISTERED = "Unregistered"
REQUEST_SENT = "Request Sent"
AUTH_SENT = "Auth. Sent"
REGISTERED = "Registered"
REJECTED = "Rejected"
TIMEOUT = "Timeout"
NO_AUTHENTICATION = "No Authentication"
FAILED = "Failed"
STATES = (UNREGISTERED, REQUEST_SENT, AUTH_SENT, REGISTERED, REJECTED, TIMEOUT, NO_AUTHENTICATION, FAILED)

_TOLD = frozenset((REGISTERED, REJECTED, TIMEOUT, NO_AUTHENTICATION, FAILED, UNREGISTERED))
"""States that events tell of: outcomes."""
_NO_CREDENTIALS = frozenset((401, 403, 407))
_PORT = 5060


def state_of(client: RegistrationClient) -> str:
    """The state of a registration, one of :data:`STATES`."""
    if client.sent:
        return AUTH_SENT if client.challenged else REQUEST_SENT
    if client.status is RegistrationStatus.REGISTERED:
        return REGISTERED
    if client.refused is None:
        return REJECTED if client.status is RegistrationStatus.REJECTED else UNREGISTERED
    if client.status is RegistrationStatus.UNREGISTERED:
        return UNREGISTERED
    if not client.refused:
        return FAILED if client.given_up else TIMEOUT
    return NO_AUTHENTICATION if client.refused in _NO_CREDENTIALS else REJECTED


def is_of_sip(client: RegistrationClient) -> bool:
    """Whether a registration is one of ``sip.conf``."""
    return client.config.habits.technology == TECHNOLOGY


def of_sip(registrations: OutboundRegistrations) -> list[RegistrationClient]:
    """The registrations of ``sip.conf``, the last one of the file first, as ``chan_sip`` lists them."""
    found = [client for client in registrations if is_of_sip(client)]
    found.sort(key=_line, reverse=True)
    return found


def _line(client: RegistrationClient) -> int:
    position = client.config.position
    return 0 if position is None else position.line


def host_and_port(text: str) -> tuple[str, int]:
    """Host and port of a URI, 5060 where it has none."""
    try:
        uri = Uri.parse(text)
    except ParseError:
        return text, _PORT
    return uri.host, uri.port or _PORT


def username(client: RegistrationClient) -> str:
    """Who is registered: the user of the registration's address."""
    try:
        return Uri.parse(client.config.client_uri).user or ""
    except ParseError:
        return client.config.client_uri


def refresh(client: RegistrationClient) -> int:
    """Seconds from a registration to its refresh; as long as there is none, the time that is asked for."""
    return client.refresh_after or client.config.expiration


class RegistryEvents:
    """Raises ``Registry`` in chan_sip's form for the registrations of ``sip.conf``."""

    def __init__(self, registrations: OutboundRegistrations, bus: EventBus) -> None:
        self._bus = bus
        self._registrations = registrations

    def start(self) -> None:
        """Begin to tell."""
        self._registrations.watchers.append(self._changed)

    def stop(self) -> None:
        """Tell nothing more."""
        if self._changed in self._registrations.watchers:
            self._registrations.watchers.remove(self._changed)

    def _changed(self, client: RegistrationClient) -> None:
        if not is_of_sip(client):
            return
        state = state_of(client)
        if state in _TOLD:
            host, _ = host_and_port(client.config.server_uri)
            self._bus.publish(REGISTRY, username(client), host, state, TECHNOLOGY)
