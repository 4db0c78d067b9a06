"""Identification by user name: of the From URI, or of the credentials."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from asterism.core.module import Module
from asterism.sip.identifiers.lookup import find_endpoint, user_part
from asterism.stack.digest import Credentials
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer


class UsernameIdentifier:
    """``username``: the endpoint named like the user of the From URI."""

    def __init__(self, core: SipCore) -> None:
        self._core = core

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """Look up user@domain, then user."""
        uri = rx.request.from_.uri
        user = uri.user
        if not user:
            return None
        if self._core.state.ignore_uri_user_options:
            user = user_part(user)
        return find_endpoint(self._core, user, uri.host, "username")


class AuthUsernameIdentifier:
    """``auth_username``: the endpoint named like the user name in the Authorization header."""

    def __init__(self, core: SipCore) -> None:
        self._core = core

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """Look up username@realm, then username, for each set of credentials."""
        for value in rx.request.get_all("Authorization"):
            try:
                credentials = Credentials.parse(value)
            except ParseError:
                continue
            username = self._core.user_hashes.name_of(credentials)
            if username:
                found = find_endpoint(self._core, username, credentials.realm, "auth_username")
                if found is not None:
                    return found
        return None


class EndpointIdentifierUser(Module):
    """Identifies endpoints by user name."""

    name = "endpoint_identifier_user"
    aliases = ("res_pjsip_endpoint_identifier_user", "res_sip_endpoint_identifier_user")
    requires = ("res_pjsip",)
    description = "Endpoint identification by user name"

    def load(self, server: SipServer) -> None:
        """Register both identifiers."""
        server.sip.register_endpoint_identifier(UsernameIdentifier(server.sip), "username")
        server.sip.register_endpoint_identifier(AuthUsernameIdentifier(server.sip), "auth_username")
