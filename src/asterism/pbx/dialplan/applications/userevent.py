"""UserEvent: a manager event of the dialplan's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType, Fields
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.vocabulary.events import channel_fields
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer


def _user_event(channel: Channel | None, name: str, headers: Fields) -> Fields:
    fields = [] if channel is None else channel_fields(channel)
    return [*fields, ("UserEvent", name), *headers]


USER_EVENT = EventType(
    "UserEvent",
    "user",
    _user_event,
    Documentation(
        "An event that the dialplan or a manager session sent.",
        arguments=(Argument("UserEvent", "Its name; further fields as sent."),),
        see_also=("UserEvent",),
    ),
)
"""Published with the channel or ``None``, the name and the further fields."""


class UserEventApplication(PbxModule):
    """The application UserEvent."""

    name = "app_userevent"
    description = "Custom manager events"

    def load(self, server: HostServer) -> None:
        """Register the event and the application."""
        server.register_events(USER_EVENT)
        super().load(server)

    @application(
        "UserEvent",
        Documentation(
            "Send a manager event.",
            "UserEvent(name[,Key: value[,...]])",
            arguments=(Argument("name", "", True), Argument("Key: value", "A further field of the event.")),
        ),
    )
    async def user_event(self, channel: Channel, args: str) -> None:
        """``name,Key: value``."""
        name, *rest = split_arguments(args)
        headers = []
        for one in rest:
            key, colon, value = one.partition(":")
            if colon and key.strip():
                headers.append((key.strip(), value.strip()))
        self.pbx.bus.publish(USER_EVENT, channel, name.strip(), headers)
