"""Diverted calls: Diversion (RFC 5806) and History-Info (RFC 7044) of INVITEs, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.identity import name_addr, sip_uri
from asterism.applications.session.redirecting import ANYBODY, diversion_value, status_of_reason, told_redirecting
from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.applications.session.uac import OutgoingSession
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.pbx.vocabulary.party import PartyId
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
        host = session.from_domain or session.local_address
        parties = [(redirecting.from_, redirecting.reason)]
        first = (redirecting.original, redirecting.original_reason)
        if redirecting.times > 1 and first[0].number and first != parties[0]:
            parties.append(first)
        trusted = session.endpoint.trust_id_outbound
        if session.endpoint.send_diversion:
            # Those in between are not known any more: the last one counts for them.
            counter = redirecting.times - len(parties) + 1
            for party, reason in parties:
                hidden = party.private and not trusted
                request.add_header("Diversion", diversion_value(party, reason, host, counter, hidden))
                counter = 1
        if session.endpoint.send_history_info:
            index = "1"
            for party, reason in reversed(parties):
                request.add_header("History-Info", f"{_entry(party, reason, host, trusted)};index={index}")
                index += ".1"
            request.add_header("History-Info", f"<{request.uri.replace(params={}, headers='')}>;index={index}")


def _entry(party: PartyId, reason: str, host: str, trusted: bool) -> str:
    """A diverting party in History-Info: with the reason, and its wish for privacy (RFC 7044 10.1.2)."""
    why = f"?Reason=SIP%3Bcause%3D{status_of_reason(reason)}"
    if not party.private:
        return name_addr(party.name, sip_uri(party.number, host) + why)
    if not trusted:
        return f"{ANYBODY[:-1]}{why}>"
    return name_addr(party.name, f"{sip_uri(party.number, host)}{why}&Privacy=history")


class DiversionModule(Module):
    """Registers :class:`Diversion`."""

    name = "session_diversion"
    aliases = ("res_pjsip_diversion",)
    requires = ("session",)
    description = "Diversion and History-Info headers of calls"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(Diversion())
