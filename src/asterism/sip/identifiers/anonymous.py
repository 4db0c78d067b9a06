"""Identification of last resort: an endpoint named ``anonymous``."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from asterism.core.module import Module
from asterism.data.data import Missing
from asterism.sip.identifiers.lookup import names_of
from asterism.sip.objects.endpoint import Endpoint

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer


class AnonymousIdentifier:
    """``anonymous``: the endpoint ``anonymous@domain`` or ``anonymous``, if there is one."""

    def __init__(self, core: SipCore) -> None:
        self._core = core

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """Look it up; its ``identify_by`` is not looked at, since nothing else can match it."""
        data = self._core.data
        names = names_of(self._core, "anonymous", rx.request.from_.uri.host)
        found = data.first(Endpoint, names)
        if found is Missing.NOT_LOADED:
            return data.retrieve_first(Endpoint, names)
        return found if isinstance(found, Endpoint) else None


class EndpointIdentifierAnonymous(Module):
    """Lets strangers in where an endpoint ``anonymous`` exists."""

    name = "endpoint_identifier_anonymous"
    aliases = ("res_pjsip_endpoint_identifier_anonymous", "res_sip_endpoint_identifier_anonymous")
    requires = ("res_pjsip",)
    description = "Endpoint identification of strangers"

    def load(self, server: SipServer) -> None:
        """Register the identifier."""
        server.sip.register_endpoint_identifier(AnonymousIdentifier(server.sip), "anonymous")
