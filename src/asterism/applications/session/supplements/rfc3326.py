"""The Reason header (RFC 3326): why a call was ended, as a Q.850 cause, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.causes import cause_of_reason, reason_lines
from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.message import Message, Request, Response


_LONGEST_KEPT = 256


def _read(session: Session, message: Message) -> None:
    for value in message.get_all("Reason"):
        # A long one does not come again, and would let strangers fill the memory.
        cause = (cause_of_reason if len(value) <= _LONGEST_KEPT else cause_of_reason.__wrapped__)(value)
        if cause is not None:
            session.peer_cause = cause
            return


def _write(session: Session, message: Message) -> None:
    if session.cause is None or session.endpoint.suppress_q850_reason_headers:
        return
    message.add_lines(reason_lines(session.cause))


class ReasonOfEnd(SessionSupplement):
    """Reads the cause of the request that ends a session, and writes ours."""

    name = "rfc3326"
    priority = 800
    methods = frozenset(("BYE",))

    def concerns(self, endpoint: Endpoint) -> bool:
        """Whether its driver tells causes in that header."""
        return endpoint.habits.reasons

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """A BYE tells why."""
        _read(session, rx.request)
        return False

    def on_incoming_cancel(self, session: Session, request: Request) -> None:
        """So does a CANCEL."""
        _read(session, request)

    def on_outgoing_request(self, session: Session, request: Request) -> None:
        """A BYE carries the cause of the hang-up."""
        _write(session, request)


class ReasonOfRefusal(SessionSupplement):
    """Reads the cause of a final response that refuses, and writes ours."""

    name = "rfc3326"
    priority = 800
    methods = frozenset(("INVITE", "BYE"))
    responses = frozenset((3, 4, 5, 6))

    def concerns(self, endpoint: Endpoint) -> bool:
        """Whether its driver tells causes in that header."""
        return endpoint.habits.reasons

    def on_incoming_response(self, session: Session, response: Response) -> None:
        """The cause replaces the one its code stands for."""
        _read(session, response)

    def on_outgoing_response(self, session: Session, response: Response) -> None:
        """The response to an INVITE whose channel ended carries the cause."""
        _write(session, response)


class ReasonModule(Module):
    """Registers :class:`ReasonOfEnd` and :class:`ReasonOfRefusal`."""

    name = "session_rfc3326"
    aliases = ("res_pjsip_rfc3326",)
    requires = ("session",)
    description = "SIP Reason header (RFC 3326) support"

    def load(self, server: Any) -> None:
        """Register the supplements."""
        registry = sessions(server)
        registry.register_supplement(ReasonOfEnd())
        registry.register_supplement(ReasonOfRefusal())
