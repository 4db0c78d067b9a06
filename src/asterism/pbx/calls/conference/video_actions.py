"""The manager sets whose video a conference is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host, HostServer


class ConferenceVideoActions(Module):
    """The action ConfbridgeSetSingleVideoSrc."""

    name: ClassVar[str] = "pbx_conference_video"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Manager action for the video of conferences"

    def load(self, server: HostServer) -> None:
        """Register the action."""
        self._pbx: Host = server.pbx
        server.register_marked(self)

    @action(
        "ConfbridgeSetSingleVideoSrc",
        "call",
        Documentation(
            "Set a conference user as the single video source distributed to all other participants.",
            description="Whatever the conference's video_mode is; BridgeVideoSourceUpdate tells of it.",
            arguments=(
                Argument("Conference", "Its name.", True),
                Argument("Channel", "Name of the user's channel.", True),
            ),
        ),
    )
    def set_source(self, call: ActionCall) -> None:
        """Run the action."""
        name, wanted = call.get("Conference"), call.get("Channel")
        conferences = self._pbx.conferences
        if not name:
            call.error("No Conference name provided.")
        elif not wanted:
            call.error("No channel name provided.")
        elif not conferences:
            call.error("No active conferences.")
        elif (conference := conferences.get(name)) is None:
            call.error("No Conference by that name found.")
        else:
            channel = next((one for one in conference.users if one.name.lower() == wanted.lower()), None)
            if channel is None or channel.bridge is not conference.bridge:
                call.error("No Channel by that name found in Conference.")
            else:
                conference.set_video_source(channel)
                call.success("Conference single video source set.")
