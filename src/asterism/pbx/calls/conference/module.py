"""Events of conferences, their device states for hints, and their functions for the dialplan."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.calls.conference import events
from asterism.pbx.calls.conference.conference import DEVICE_PREFIX
from asterism.pbx.dialplan.language.arguments import split_fields
from asterism.pbx.dialplan.language.foreign import joined
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from asterism.pbx.calls.conference.conference import Conference
    from asterism.pbx.calls.conference.user import User
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

SPELLINGS = (DEVICE_PREFIX, "Confbridge", "ConfBridge")
"""The device of a conference as hints may write it; a change is told of the first, and of those that are followed."""

_COUNTS: Mapping[str, tuple[str, Callable[[Conference], int]]] = {
    "parties": ("number of users", lambda conference: len(conference.users)),
    "admins": ("number of admins", lambda conference: conference.admins),
    "marked": ("number of marked users", lambda conference: conference.marked),
    "locked": ("1 if it is locked, else 0", lambda conference: conference.locked),
    "muted": ("1 if all but admins are muted, else 0", lambda conference: conference.participants_muted),
}
_LISTS: Mapping[str, tuple[str, Callable[[Conference], Iterable[User]]]] = {
    "parties": ("all users", lambda conference: conference.attendance),
    "all": ("the same", lambda conference: conference.attendance),
    "admins": ("admins", lambda conference: [user for user in conference.attendance if user.admin]),
    "marked": ("marked users", lambda conference: [user for user in conference.attendance if user.marked]),
    "active": ("those who take part", lambda conference: conference.attendance.active),
    "waiting": ("those who wait for a marked user", lambda conference: conference.attendance.waiting),
}
_CONFERENCE = Argument("conf", "Name of the conference.", True)


class ConferenceModule(PbxModule):
    """What tells of conferences, whoever makes them."""

    name: ClassVar[str] = "pbx_conferences"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Events, device states and functions of conferences"

    def load(self, server: HostServer) -> None:
        """Register events, functions and the device state."""
        super().load(server)
        server.register_events(*events.ALL)
        states, table = server.pbx.device_states, server.pbx.conferences
        for spelling in SPELLINGS:
            states.register_provider(server.owner, spelling, self._state)
        table.on_state = self._changed
        server.owner.on_release(lambda: setattr(table, "on_state", None))

    def _state(self, name: str) -> DeviceState:
        conference = self.pbx.conferences.get(name)
        return DeviceState.NOT_INUSE if conference is None or not conference.users else DeviceState.INUSE

    def _changed(self, name: str) -> None:
        states, followed = self.pbx.device_states, self.pbx.hints.followed_devices
        for spelling in SPELLINGS:
            device = f"{spelling}:{name}"
            if spelling == DEVICE_PREFIX or device in followed:
                states.changed(device)

    def _asked(self, args: str, known: Mapping[str, object]) -> tuple[str, Conference | None]:
        """What is asked for, and the conference; a name that text from outside gives finds one as any other."""
        kind, name = split_fields(args, 2)
        kind = kind.strip().lower()
        if kind not in known:
            raise FunctionError(f"it takes one of {', '.join(known)}")
        if not name.strip():
            raise FunctionError("it needs the name of a conference")
        return kind, self.pbx.conferences.get(name.strip())

    @function(
        "CONFBRIDGE_INFO",
        Documentation(
            "A number of a conference.",
            "CONFBRIDGE_INFO(type,conf)",
            "0 where there is no such conference.",
            (Argument("type", "", True, tuple((key, text) for key, (text, _) in _COUNTS.items())), _CONFERENCE),
            ("CONFBRIDGE_CHANNELS", "ConfBridge"),
        ),
    )
    def info(self, channel: Channel | None, args: str) -> str:
        """Read it."""
        kind, conference = self._asked(args, _COUNTS)
        return "0" if conference is None else str(int(_COUNTS[kind][1](conference)))

    @function(
        "CONFBRIDGE_CHANNELS",
        Documentation(
            "The channels of a conference, joined by commas.",
            "CONFBRIDGE_CHANNELS(type,conf)",
            "Empty where there is no such conference.",
            (Argument("type", "", True, tuple((key, text) for key, (text, _) in _LISTS.items())), _CONFERENCE),
            ("CONFBRIDGE_INFO", "ConfBridge"),
        ),
    )
    def channels(self, channel: Channel | None, args: str) -> str:
        """Read it."""
        kind, conference = self._asked(args, _LISTS)
        if conference is None:
            return ""
        names = [user.channel.name for user in _LISTS[kind][1](conference)]
        return joined([part for name in names for part in (",", name)][1:])
