"""An endpoint identifier: the endpoint named like the domain of the From URI."""

from collections.abc import Awaitable

from asterism.core.module import Module
from asterism.data.data import Missing
from asterism.sip.core import SipCore
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.rx import Rx
from asterism.sip.server import SipServer


class DomainIdentifier:
    """Takes ``sip:anybody@acme.example`` for the endpoint ``acme.example``."""

    def __init__(self, core: SipCore) -> None:
        self._core = core

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """The endpoint, ``None`` for "I cannot tell", or an awaitable of either."""
        domain = rx.request.from_.uri.host.lower()
        found = self._core.data.get(Endpoint, domain)
        if found is Missing.NOT_LOADED:
            # It is in a database and not in memory: the request waits while it is asked.
            return self._core.data.retrieve(Endpoint, domain)
        return found if isinstance(found, Endpoint) else None


class IdentifyDomain(Module):
    """Registers the identifier."""

    name = "identify_domain"
    requires = ("res_pjsip",)
    description = "Endpoint identification by the domain of From"

    def load(self, server: SipServer) -> None:
        """Register it under the name that ``endpoint_identifier_order`` may use."""
        server.sip.register_endpoint_identifier(DomainIdentifier(server.sip), "domain")
