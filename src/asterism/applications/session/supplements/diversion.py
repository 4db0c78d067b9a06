"""Diverted calls: Diversion (RFC 5806) both ways, History-Info (RFC 7044) of INVITEs that go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.identity import name_addr, sip_uri
from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.applications.session.supplements.callerid import party_of
from asterism.applications.session.uac import OutgoingSession
from asterism.core.module import Module
from asterism.pbx.party import Redirecting
from asterism.stack.errors import ParseError
from asterism.stack.grammar import is_token

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.stack.message import Request

_HEADER = "Diversion"
_STATUSES = {"user-busy": 486, "no-answer": 408, "unavailable": 503, "do-not-disturb": 480, "deflection": 480}
"""SIP codes of Diversion's reasons (RFC 4458 section 2, RFC 7544); any other is a 302."""


def told_redirecting(request: Request) -> Redirecting | None:
    """What the Diversion headers of an INVITE say: the first names who diverted it last, the last who did so first."""
    try:
        found = request.addresses(_HEADER)
    except ParseError:
        return None
    if not found:
        return None
    last, first = found[0], found[-1]
    return Redirecting(
        from_=party_of(last),
        original=party_of(first),
        reason=_reason(last.param("reason")),
        original_reason=_reason(first.param("reason")),
        count=len(found),
    )


def _reason(text: str | None) -> str:
    return text if text and is_token(text) else "unknown"


class Diversion(SessionSupplement):
    """Tells channels by whom a call was diverted, and tells it on."""

    name = "diversion"
    priority = 900
    methods = frozenset(("INVITE",))

    def on_channel(self, session: Session, request: Request) -> None:
        """Note it on the new channel, where ``CALLERID(rdnis)`` finds it."""
        if session.channel is not None and request.get(_HEADER) is not None:
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
                request.add_header(_HEADER, f"{name_addr(party.name, sip_uri(party.number, host))};reason={reason}")
        if session.endpoint.send_history_info:
            index = "1"
            for party, reason in reversed(parties):
                uri = f"{sip_uri(party.number, host)}?Reason=SIP%3Bcause%3D{_STATUSES.get(reason, 302)}"
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
