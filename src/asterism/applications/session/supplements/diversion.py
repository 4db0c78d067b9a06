"""Diverted calls: Diversion (RFC 5806) and History-Info (RFC 7044) of INVITEs, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.identity import name_addr, sip_uri
from asterism.applications.session.redirecting import diversion_value, status_of_reason, told_redirecting
from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.applications.session.uac import OutgoingSession
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.stack.message import Request


class Diversion(SessionSupplement):
    """Tells channels by whom a call was diverted, and tells it on."""

    name = "diversion"
    priority = 900
    methods = frozenset(("INVITE",))

    def on_channel(self, session: Session, request: Request) -> None:
        """Note it on the new channel, where ``CALLERID(rdnis)`` finds it."""
        if session.channel is not None and (request.has("Diversion") or request.has("History-Info")):
            session.channel.redirecting = told_redirecting(request)

    def on_outgoing_request(self, session: Session, request: Request) -> None:
        """Tell the called side (``send_diversion``, ``send_history_info``)."""
        redirecting = None if session.channel is None else session.channel.redirecting
        if redirecting is None or not redirecting.from_.number:
            return
        if session.confirmed or not isinstance(session, OutgoingSession):
            return
        host = session.endpoint.from_domain or session.local_address
        parties = [(redirecting.from_, redirecting.reason)]
        if redirecting.count > 1 and redirecting.original.number:
            parties.append((redirecting.original, redirecting.original_reason))
        if session.endpoint.send_diversion:
            for party, reason in parties:
                request.add_header("Diversion", diversion_value(party, reason, host))
        if session.endpoint.send_history_info:
            index = "1"
            for party, reason in reversed(parties):
                uri = f"{sip_uri(party.number, host)}?Reason=SIP%3Bcause%3D{status_of_reason(reason)}"
                request.add_header("History-Info", f"{name_addr(party.name, uri)};index={index}")
                index += ".1"
            request.add_header("History-Info", f"<{request.uri.replace(params={}, headers='')}>;index={index}")


class DiversionModule(Module):
    """Registers :class:`Diversion`."""

    name = "session_diversion"
    aliases = ("res_pjsip_diversion",)
    requires = ("session",)
    description = "Diversion and History-Info headers of calls"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(Diversion())
