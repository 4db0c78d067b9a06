"""Reliable provisional responses and PRACK (RFC 3262), as ``100rel`` of the endpoint says."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.applications.session.uas import IncomingSession
from asterism.core.module import Module
from asterism.stack.transactions.reliable import ReliableResponder
from asterism.stack.transactions.server_invite import InviteServerTransaction

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.message import Request


class Rel100(SessionSupplement):
    """Makes the provisional responses of an INVITE reliable; those of the peer are the session's to acknowledge."""

    name = "rel100"
    priority = 50
    methods = frozenset(("INVITE", "PRACK"))
    supported = ("100rel",)

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Decide for an INVITE; take a PRACK."""
        if rx.request.method == "PRACK":
            if isinstance(session, IncomingSession):
                session.on_prack(rx)
            else:
                session.respond(rx, 481)
            return True
        if not isinstance(session, IncomingSession) or session.channel is not None:
            return False
        mode, request = session.endpoint.rel100, rx.request
        required = request.has_option("Require", "100rel")
        if required and mode == "no":
            rx.respond(420, headers=(("Unsupported", "100rel"),))
            return True
        wanted = required or (mode in ("required", "peer_supported") and request.has_option("Supported", "100rel"))
        if mode == "required" and not wanted:
            rx.respond(421, headers=(("Require", "100rel"),))
            return True
        transaction = rx.transaction_for() if wanted else None
        if isinstance(transaction, InviteServerTransaction):
            session.reliable = ReliableResponder(
                transaction, lambda: session.refuse(504, 102), secrets.randbelow(2**15) + 1
            )
        return False


class Insist100Rel(SessionSupplement):
    """Has the called party make its provisional responses reliable, where the endpoint is to."""

    name = "rel100"
    priority = 50
    methods = frozenset(("INVITE",))

    def concerns(self, endpoint: Endpoint) -> bool:
        """Only endpoints with ``100rel=required``."""
        return endpoint.rel100 == "required"

    def on_outgoing_request(self, session: Session, request: Request) -> None:
        """Require it in the first INVITE."""
        if not session.confirmed:
            request.add_header("Require", "100rel")


class Rel100Module(Module):
    """Registers :class:`Rel100` and :class:`Insist100Rel`."""

    name = "session_100rel"
    aliases = ("res_pjsip_100rel",)
    requires = ("session",)
    description = "Reliable provisional responses (RFC 3262)"

    def load(self, server: Any) -> None:
        """Register the supplements."""
        registry = sessions(server)
        registry.register_supplement(Rel100())
        registry.register_supplement(Insist100Rel())
