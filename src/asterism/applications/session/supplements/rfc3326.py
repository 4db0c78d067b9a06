"""The Reason header (RFC 3326): why a call was ended, as a Q.850 cause, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.causes import cause_of_reason, reason_values
from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.rx import Rx
    from asterism.stack.message import Message, Request, Response


class Reason(SessionSupplement):
    """Reads the cause of what ends a session, and writes ours."""

    name = "rfc3326"
    priority = 800
    methods = frozenset(("INVITE", "BYE"))

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """A BYE tells why."""
        if rx.request.method == "BYE":
            self._read(session, rx.request)
        return False

    def on_incoming_cancel(self, session: Session, request: Request) -> None:
        """So does a CANCEL."""
        self._read(session, request)

    def on_incoming_response(self, session: Session, response: Response) -> None:
        """The cause of a refusal replaces the one its code stands for."""
        if response.status >= 300:
            self._read(session, response)

    def on_outgoing_request(self, session: Session, request: Request) -> None:
        """A BYE carries the cause of the hang-up."""
        if request.method == "BYE":
            self._write(session, request)

    def on_outgoing_response(self, session: Session, response: Response) -> None:
        """So does the final response to an INVITE whose channel ended."""
        if response.status >= 300:
            self._write(session, response)

    def _read(self, session: Session, message: Message) -> None:
        if not message.has("Reason"):
            return
        for value in message.get_all("Reason"):
            cause = cause_of_reason(value)
            if cause is not None:
                session.peer_cause = cause
                return

    def _write(self, session: Session, message: Message) -> None:
        if session.cause is None or session.endpoint.suppress_q850_reason_headers:
            return
        for value in reason_values(session.cause):
            message.add_header("Reason", value)


class ReasonModule(Module):
    """Registers :class:`Reason`."""

    name = "session_rfc3326"
    aliases = ("res_pjsip_rfc3326",)
    requires = ("session",)
    description = "SIP Reason header (RFC 3326) support"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(Reason())
