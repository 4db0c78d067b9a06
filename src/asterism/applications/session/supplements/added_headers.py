"""Headers that the dialplan put on the responses to a call with ``PJSIP_HEADER``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.applications.session.uas import IncomingSession
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.stack.message import Response


class AddedHeaders(SessionSupplement):
    """Has the responses to an INVITE carry them."""

    name = "added_headers"
    priority = 900
    methods = frozenset(("INVITE",))

    def on_outgoing_response(self, session: Session, response: Response) -> None:
        """Append them to what goes back to the caller."""
        channel = session.channel
        if channel is not None and isinstance(session, IncomingSession):
            response.headers.extend(channel.data.get("PJSIP_HEADER", ()))


class AddedHeadersModule(Module):
    """Registers the supplement."""

    name = "session_added_headers"
    part_of = ("session",)
    requires = ("chan_pjsip",)
    description = "Headers of responses from the dialplan"

    def load(self, server: Any) -> None:
        """Register."""
        sessions(server).register_supplement(AddedHeaders())
