"""Transfers by REFER: within a call, and outside of one for a call that Target-Dialog names (RFC 3515, RFC 4538)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.session.refer import accept, refusal, take
from asterism.applications.session.registry import sessions
from asterism.applications.session.replaces import Refusal
from asterism.applications.session.session import Session
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module
from asterism.sip.decision import Decision, Outcome
from asterism.sip.service import Service
from asterism.sip.tags import new_tag
from asterism.stack.dialog import Dialog
from asterism.stack.errors import ParseError
from asterism.stack.headers import TargetDialog

if TYPE_CHECKING:
    from asterism.applications.session.refer_to import Wanted
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx


class Refer(SessionSupplement):
    """Takes the REFERs of a call's phone; brings the option tag ``norefersub`` (RFC 4488)."""

    name = "refer"
    priority = 850
    methods = frozenset(("REFER",))
    supported = ("norefersub",)

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Transfer the call."""
        take(session, rx)
        return True

    def evaluate(self, session: Session, rx: Rx) -> Decision | None:
        """Whether the call may be transferred there."""
        return _decision(session, refusal(session, rx))


class ReferService(Service):
    """Takes REFERs outside of dialogs, for a call of the same endpoint that they name; all others are nobody's."""

    name: ClassVar[str] = "refer"
    priority: ClassVar[int] = 510
    methods: ClassVar[frozenset[str]] = frozenset(("REFER",))
    unnamed_extensions: ClassVar[frozenset[str]] = frozenset(("tdialog",))

    def __init__(self, core: SipCore) -> None:
        self._core = core

    def extensions(self) -> frozenset[str]:
        """The option tag of REFERs without subscription."""
        return frozenset(("norefersub",))

    def evaluate(self, rx: Rx) -> Decision | None:
        """Whether it names a call that its sender may transfer; of any other one it is told nothing."""
        endpoint, request = rx.endpoint, rx.request
        if endpoint is None or request.get("Target-Dialog") is None:
            return None
        where = f"endpoint {endpoint.id}"
        try:
            named = request.typed(TargetDialog)
            if len(request.contacts) != 1:
                return Decision(Outcome.REJECT, "a REFER needs exactly one Contact", 400, where, endpoint.position)
        except ParseError as error:
            return Decision(Outcome.REJECT, error.message, error.status, where, endpoint.position)
        assert named is not None
        session = self._session(named)
        if session is None or session.endpoint.id != endpoint.id or not (rx.auth or rx.identified_by == "ip"):
            return None
        return _decision(session, refusal(session, rx), f" {named.call_id}")

    def _session(self, named: TargetDialog) -> Session | None:
        """The call; the tags are as its phone sees them (RFC 4538 7)."""
        entry = self._core.dialogs.get(named.call_id, named.to_tag, named.from_tag)
        usages = () if entry is None else entry.usages
        return next((usage for usage in usages if isinstance(usage, Session)), None)

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Refuse it, or carry it out in the work of the call."""
        if decision.outcome is not Outcome.TAKE:
            rx.respond(decision.status)
            return
        session: Session
        wanted: Wanted
        session, wanted = decision.data
        rx.transaction_for()
        dialog = Dialog.uas(rx.request, new_tag(), session.profile.uas_contact(rx.flow))
        dialog.confirm()
        if not session.work.push(accept, session, wanted, rx, dialog):
            rx.respond(481)


def _decision(session: Session, found: Refusal | Wanted, call: str = "") -> Decision:
    endpoint = session.endpoint
    where = f"endpoint {endpoint.id}"
    if isinstance(found, Refusal):
        return Decision(Outcome.REJECT, found.reason, found.status, where, endpoint.position)
    how = "blind" if found.replaces is None else "attended"
    what = f"{how} transfer of the call{call} to {found.uri.user or found.uri.host}"
    return Decision(Outcome.TAKE, what, 202, where, endpoint.position, (session, found))


class ReferModule(Module):
    """Registers :class:`Refer` and :class:`ReferService`."""

    name = "session_refer"
    aliases = ("res_pjsip_refer",)
    covers = ("res_pjsip_send_to_voicemail",)
    requires = ("session",)
    description = "SIP REFER: transfers by phones"

    def load(self, server: Any) -> None:
        """Register them."""
        sessions(server).register_supplement(Refer())
        server.sip.register_service(ReferService(server.sip))
