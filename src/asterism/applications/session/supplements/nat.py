"""Contacts behind a NAT: ``rewrite_contact`` puts the address a message came from in its Contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module
from asterism.sip.nat_detection import rewrites_contact
from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr
from asterism.stack.message import Response

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.dialog import Dialog
    from asterism.stack.message import Message, Request

_PORTS = {"sip": 5060, "sips": 5061}
_TARGET_REFRESH = frozenset(("INVITE", "UPDATE"))


def rewrite_contact(message: Message) -> None:
    """Replace host and port of the only Contact by the address the message came from.

    Where proxies put themselves between (Record-Route) the Contact is their affair. What is rewritten then, in a
    response, is the Record-Route of the one next to us: the last, since a caller turns their order around (RFC 3261
    12.1.2). For requests see :func:`first_route`.
    """
    flow = message.flow
    if flow is None:
        return
    try:
        if message.has("Record-Route"):
            if isinstance(message, Response):
                routes = list(message.record_routes)
                if routes and _rewritten(routes, -1, flow.remote):
                    message.remove_header("Record-Route")
                    for route in routes:
                        message.add_header("Record-Route", str(route))
            return
        contacts = message.contacts
    except ParseError:
        return
    if len(contacts) != 1 or not contacts[0].uri.is_sip:
        return
    host, port = flow.remote
    uri = contacts[0].uri
    if (uri.host, uri.port) != (host, port):
        message.set_header("Contact", f"<{uri.replace(host=host, port=port)}>")


def first_route(dialog: Dialog, message: Request | Response) -> None:
    """Have the first proxy of a dialog be reached where ``message``, which began the dialog, came from.

    A request itself stays as it is: its Record-Route goes back in our responses, for the others on the way.
    """
    flow = message.flow
    if flow is not None and dialog.route_set:
        _rewritten(dialog.route_set, 0, flow.remote)


def _rewritten(routes: list[NameAddr], position: int, address: tuple[str, int]) -> bool:
    """Whether the route had another address than this, and has it now."""
    route = routes[position]
    uri = route.uri
    host, port = address
    if not uri.is_sip or (uri.host == host and (uri.port or _PORTS[uri.scheme]) == port):
        return False
    routes[position] = NameAddr(route.display, uri.replace(host=host, port=port), route.params)
    return True


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
        """Rewrite a request's Contact, and the target of the dialog it began; the session takes later ones itself."""
        request, dialog = rx.request, session.dialog
        if not rewrites_contact(session.endpoint, request):
            return False
        rewrite_contact(request)
        if dialog is not None and not request.to.tag:
            dialog.update_target(request)
            first_route(dialog, request)
        return False

    def on_incoming_response(self, session: Session, response: Response) -> None:
        """Rewrite a response's Contact, and the target of the dialog that a 2xx has made already."""
        if not rewrites_contact(session.endpoint, response):
            return
        rewrite_contact(response)
        dialog = session.dialog
        if dialog is not None and response.status >= 200:
            dialog.update_target(response)
            if response.has("Record-Route"):
                first_route(dialog, response)


class NatModule(Module):
    """Registers :class:`Nat`."""

    name = "session_nat"
    aliases = ("res_pjsip_nat",)
    requires = ("session",)
    description = "Contact rewriting for calls of endpoints behind a NAT"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(Nat())
