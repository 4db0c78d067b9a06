"""Replaces within calls: the option tag, and INVITEs of a dialog that name another one (RFC 3891)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.rx import Rx


class ReplacesTag(SessionSupplement):
    """Brings the option tag ``replaces``; refuses re-INVITEs with a Replaces, which has no meaning in them."""

    name = "replaces"
    priority = 150
    methods = frozenset(("INVITE",))
    supported = ("replaces",)

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """A call that is there already takes no other's place: 488."""
        if session.dialog is None or not session.confirmed or rx.request.get("Replaces") is None:
            return False
        session.respond(rx, 488)
        return True


class ReplacesModule(Module):
    """Registers :class:`ReplacesTag`."""

    name = "session_replaces"
    part_of = ("session",)
    requires = ("session",)
    description = "SIP INVITE with Replaces (RFC 3891)"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(ReplacesTag())
