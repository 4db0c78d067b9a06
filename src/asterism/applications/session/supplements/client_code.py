"""A phone's code for billing: INFO with ``X-ClientCode``, as Snom phones send it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx

_LONGEST = 80


class ClientCode(SessionSupplement):
    """Takes the code as the account code of the call's channel (``client_codes``)."""

    name = "client_code"
    priority = 400
    methods = frozenset(("INFO",))

    def concerns(self, endpoint: Endpoint) -> bool:
        """Only endpoints with the option."""
        return bool(endpoint.client_codes)

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Answer 200 when the code is the channel's, 403 when there is none."""
        code = rx.request.get("X-ClientCode")
        if code is None:
            return False
        code, channel = code.strip()[:_LONGEST], session.channel
        if channel is None or not code or not code.isprintable():
            rx.respond(403)
            return True
        channel.accountcode = code
        rx.respond(200)
        return True


class ClientCodeModule(Module):
    """Registers :class:`ClientCode`."""

    name = "session_client_code"
    part_of = ("session",)
    requires = ("session",)
    description = "Account codes in SIP INFO requests"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(ClientCode())
