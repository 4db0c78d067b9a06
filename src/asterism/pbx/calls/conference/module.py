"""Events of conferences, and ``confbridge list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.module import Module
from asterism.pbx.calls.conference import events

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host, HostServer

_ROW = "%-32s %5s %6s %-6s %-5s"


class ConferenceModule(Module):
    """What shows conferences, whoever makes them."""

    name: ClassVar[str] = "pbx_conferences"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Events and listings of conferences"

    def load(self, server: HostServer) -> None:
        """Register events and the command."""
        self._pbx: Host = server.pbx
        server.register_events(*events.ALL)
        server.register_marked(self)

    @command("confbridge list", Documentation("List the conferences.", "confbridge list"))
    def show(self, call: CommandCall) -> str:
        """Run the command."""
        call.takes_nothing()
        rows = [
            "Conference Bridge Name           Users  Marked Locked Muted",
            "================================ ====== ====== ====== =====",
        ]
        rows += [
            _ROW % (each.name, f"{len(each.users):6}", each.marked, "No", "No")
            for each in self._pbx.conferences.values()
        ]
        return "".join(row.rstrip() + "\n" for row in rows)
