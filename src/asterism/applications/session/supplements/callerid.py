"""Party headers of calls: From, P-Asserted-Identity (RFC 3325), Remote-Party-ID, Privacy (RFC 3323)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.identity import name_addr, party_of, sip_uri
from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.core.module import Module
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PRESENTATIONS, PartyId
from asterism.sip.phone_numbers import shrunk
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.message import Message, Request, Response

_PROHIBITED = PRESENTATIONS["prohib_not_screened"]


def told_identity(message: Message) -> PartyId | None:
    """The identity that a trusted peer tells: P-Asserted-Identity, else Remote-Party-ID."""
    try:
        if message.has("P-Asserted-Identity"):
            asserted = message.addresses("P-Asserted-Identity")
            if asserted:
                private = "id" in (part.strip().lower() for part in (message.get("Privacy") or "").split(";"))
                return party_of(asserted[0], _PROHIBITED if private else 0)
        if message.has("Remote-Party-ID"):
            told = message.addresses("Remote-Party-ID")
            if told:
                private = (told[0].param("privacy") or "off").lower() not in ("off", "")
                return party_of(told[0], _PROHIBITED if private else 0)
    except ParseError:
        return None
    return None


def _changed(session: Session, party: PartyId) -> None:
    """A trusted peer tells that it is another party now."""
    channel = session.channel
    if channel is None or not session.endpoint.trust_connected_line:
        return
    if (party.number, party.name) != (channel.caller.number, channel.caller.name):
        channel.queue_control(Control.CONNECTED_LINE, party)


class CallerId(SessionSupplement):
    """Finds out who calls."""

    name = "callerid"
    priority = 200
    methods = frozenset(("INVITE", "UPDATE"))

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Take what a trusted peer tells, else the endpoint's caller ID, else its From."""
        told = told_identity(rx.request) if session.endpoint.trust_id_inbound else None
        if isinstance(session, IncomingSession) and session.channel is None:
            party = told or session.profile.party
            if not party.number:
                sender = rx.request.from_
                found = party_of(sender, party.number_presentation)
                shown = party.number_presentation, party.name_presentation
                party = PartyId(found.number, party.name or found.name, *shown, party.tag, party.subaddress)
                if sender.uri.host == "anonymous.invalid":
                    party = party.with_(number_presentation=_PROHIBITED, name_presentation=_PROHIBITED)
            if session.endpoint.habits.shrinks_numbers:
                party = party.with_(number=shrunk(party.number))
            session.caller = party
        elif told is not None:
            _changed(session, told)
        return False


class AnsweringParty(SessionSupplement):
    """Finds out who answers, which may be another party than the one called."""

    name = "callerid"
    priority = 200
    methods = frozenset(("INVITE", "UPDATE"))
    responses = frozenset((1, 2))

    def concerns(self, endpoint: Endpoint) -> bool:
        """Only endpoints that are believed."""
        return bool(endpoint.trust_id_inbound)

    def on_incoming_response(self, session: Session, response: Response) -> None:
        """Tell the channel if it is another."""
        told = told_identity(response)
        if told is not None:
            _changed(session, told)


class ToldIdentity(SessionSupplement):
    """Tells an endpoint who calls and who is called, in headers of their own."""

    name = "callerid"
    priority = 200
    methods = frozenset(("INVITE", "UPDATE"))
    responses = frozenset((1, 2))

    def concerns(self, endpoint: Endpoint) -> bool:
        """Only endpoints that want to be told."""
        return bool(endpoint.send_pai or endpoint.send_rpid)

    def on_outgoing_request(self, session: Session, request: Request) -> None:
        """Tell the caller's identity."""
        if isinstance(session, OutgoingSession) and not session.confirmed:
            self._write(session, request, session.caller, "calling")
        elif session.channel is not None:
            side = "calling" if isinstance(session, OutgoingSession) else "called"
            self._write(session, request, session.channel.connected, side)

    def on_outgoing_response(self, session: Session, response: Response) -> None:
        """Tell the caller whom it reached."""
        channel = session.channel
        if response.status > 100 and channel is not None and channel.connected:
            self._write(session, response, channel.connected, "called")

    def _write(self, session: Session, message: Message, party: PartyId, side: str) -> None:
        endpoint = session.endpoint
        if not party.number:
            return
        private = party.private
        if private and not endpoint.trust_id_outbound:
            return
        if not endpoint.send_connected_line:
            # It is not told of changes: what it was shown first stays.
            party = session.datastores.setdefault(self.name, party)
        session.told = (party.number, party.name)
        host = session.from_domain or session.local_address
        who = name_addr(party.name, sip_uri(party.number, host, endpoint.user_eq_phone))
        if endpoint.send_pai:
            message.add_header("P-Asserted-Identity", who)
            if private:
                message.add_header("Privacy", "id")
        if endpoint.send_rpid:
            privacy = "full" if private else "off"
            screened = "yes" if party.number_presentation & 0x03 == 1 else "no"
            message.add_header("Remote-Party-ID", f"{who};party={side};privacy={privacy};screen={screened}")


class CallerIdModule(Module):
    """Registers :class:`CallerId`, :class:`AnsweringParty` and :class:`ToldIdentity`."""

    name = "session_callerid"
    aliases = ("res_pjsip_caller_id",)
    requires = ("session",)
    description = "Caller ID in SIP headers"

    def load(self, server: Any) -> None:
        """Register the supplements."""
        registry = sessions(server)
        for supplement in (CallerId(), AnsweringParty(), ToldIdentity()):
            registry.register_supplement(supplement)
