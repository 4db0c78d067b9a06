"""``regcontext``: an extension that is there as long as its conference, so that a dialplan or a hint can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.calls.conference import events
from asterism.pbx.calls.parking.settings import is_plain

if TYPE_CHECKING:
    from asterism.core.events import EventType
    from asterism.pbx.calls.conference.conference import Conference
    from asterism.pbx.dialplan.language.contexts import Priority
    from asterism.pbx.vocabulary.host import Host, HostServer

REGISTRAR = "app_confbridge"


class ConferenceExtensions:
    """The extensions, by their conferences."""

    def __init__(self, server: HostServer) -> None:
        """Follow the conferences of a server until the owner is released."""
        self._pbx: Host = server.pbx
        self._lines: dict[Conference, list[Priority]] = {}
        for kind in (events.CONFBRIDGE_START, events.CONFBRIDGE_END):
            server.bus.subscribe(server.owner, kind, self._changed)
        server.owner.on_release(self.remove_all)

    def _changed(self, kind: EventType, args: tuple[object, ...]) -> None:
        conference: Conference = args[0]  # type: ignore[assignment]
        if kind is events.CONFBRIDGE_END:
            self._remove(conference)
        elif conference.profile.regcontext:
            self._add(conference)

    def _add(self, conference: Conference) -> None:
        context, exten, dialplan = conference.profile.regcontext, conference.name, self._pbx.dialplan
        if not (is_plain(context) and is_plain(exten)):
            self._pbx.log.warning(
                "Conference %s gets no extension in context %s: its name cannot be one", exten, context
            )
            return
        lines, complaints = dialplan.add_lines(context, REGISTRAR, [(str(exten), 1, "NoOp", "")])
        for complaint in complaints:
            self._pbx.log.warning("Conference %s: %s", exten, complaint)
        self._lines[conference] = lines
        dialplan.changed()

    def _remove(self, conference: Conference) -> None:
        lines = self._lines.pop(conference, None)
        if lines:
            self._pbx.dialplan.remove_lines(lines)
            self._pbx.dialplan.changed()

    def remove_all(self) -> None:
        """Remove them."""
        for conference in list(self._lines):
            self._remove(conference)
