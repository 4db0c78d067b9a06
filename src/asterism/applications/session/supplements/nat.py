"""Contacts behind a NAT: ``rewrite_contact`` puts the address a message came from in its Contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.message import Message, Response

_TARGET_REFRESH = frozenset(("INVITE", "UPDATE"))


def rewrite_contact(message: Message) -> None:
    """Replace host and port of the only Contact, unless the message came through proxies."""
    flow = message.flow
    if flow is None or message.has("Record-Route"):
        return
    try:
        contacts = message.contacts
    except ParseError:
        return
    if len(contacts) != 1 or not contacts[0].uri.is_sip:
        return
    host, port = flow.remote
    uri = contacts[0].uri
    if (uri.host, uri.port) != (host, port):
        message.set_header("Contact", f"<{uri.replace(host=host, port=port)}>")


class Nat(SessionSupplement):
    """Rewrites the Contact of what an endpoint with ``rewrite_contact`` sends."""

    name = "nat"
    priority = 10
    methods = _TARGET_REFRESH
    responses = frozenset((1, 2))

    def concerns(self, endpoint: Endpoint) -> bool:
        """Only endpoints with the option."""
        return bool(endpoint.rewrite_contact)

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Rewrite a request's Contact, and the target of the dialog it began."""
        rewrite_contact(rx.request)
        if session.dialog is not None:
            session.dialog.update_target(rx.request)
        return False

    def on_incoming_response(self, session: Session, response: Response) -> None:
        """Rewrite a response's Contact."""
        rewrite_contact(response)


class NatModule(Module):
    """Registers :class:`Nat`."""

    name = "session_nat"
    aliases = ("res_pjsip_nat",)
    requires = ("session",)
    description = "Contact rewriting for calls of endpoints behind a NAT"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(Nat())
