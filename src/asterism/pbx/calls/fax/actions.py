"""The manager's actions of faxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.pbx.calls.fax.listing import entry_fields, session_fields, stats_fields

if TYPE_CHECKING:
    from asterism.pbx.calls.fax.session import Faxes
    from asterism.pbx.vocabulary.host import HostServer


class FaxActions(Module):
    """FAXSessions, FAXSession, FAXStats."""

    name: ClassVar[str] = "res_fax_manager"
    part_of: ClassVar[tuple[str, ...]] = ("res_fax",)
    description: ClassVar[str] = "Faxes by the manager"

    def load(self, server: HostServer) -> None:
        """Register the actions."""
        self._faxes: Faxes = server.pbx.faxes
        server.register_marked(self)

    @action(
        "FAXSessions",
        "call",
        Documentation(
            "List the faxes that are under way.",
            description="Each is a FAXSessionsEntry event.",
            see_also=("FAXSession", "FAXStats"),
        ),
    )
    def sessions(self, call: ActionCall) -> None:
        """Run the action."""
        call.begin_list("FAXSessionsEntry event list will follow")
        found = list(self._faxes)
        for session in found:
            call.item("FAXSessionsEntry", entry_fields(session))
        call.end_list("FAXSessionsComplete", [("Total", len(found))])

    @action(
        "FAXSession",
        "call",
        Documentation(
            "Tell of one fax that is under way.",
            description="A FAXSession event follows, with what is known of it by then.",
            arguments=(Argument("SessionNumber", "Its number, as FAXSessions and FAXOPT(sessionid) tell it.", True),),
            see_also=("FAXSessions", "FAXStats"),
        ),
    )
    def session(self, call: ActionCall) -> None:
        """Run the action."""
        text = call.get("SessionNumber").strip()
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            call.error("Session not found")
            return
        session = self._faxes.get(int(text))
        if session is None:
            call.error("Session not found")
            return
        call.success("FAXSession event will follow")
        call.item("FAXSession", session_fields(session))

    @action(
        "FAXStats",
        "reporting",
        Documentation(
            "Tell how many faxes there were since the start.",
            description="A FAXStats event follows, with the numbers.",
            see_also=("FAXSessions",),
        ),
    )
    def stats(self, call: ActionCall) -> None:
        """Run the action."""
        call.success("FAXStats event will follow")
        call.item("FAXStats", stats_fields(self._faxes))
