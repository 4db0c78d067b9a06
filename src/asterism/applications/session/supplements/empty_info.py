"""INFO requests without a body, which some peers send as keepalives: answered 200."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.rx import Rx


class EmptyInfo(SessionSupplement):
    """Answers an INFO that says nothing."""

    name = "empty_info"
    priority = 900
    methods = frozenset(("INFO",))

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Answer 200 when there is neither body nor type."""
        if rx.request.has("Content-Type"):
            return False
        rx.respond(200)
        return True


class EmptyInfoModule(Module):
    """Registers :class:`EmptyInfo`."""

    name = "session_empty_info"
    aliases = ("res_pjsip_empty_info",)
    requires = ("session",)
    description = "Empty SIP INFO requests"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(EmptyInfo())
