"""Conferences for the manager: lists, kick, mute, lock, recording, whose video is shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.core.words import yes_or_no
from asterism.pbx.calls.conference.conference import WORDS, Conference
from asterism.pbx.calls.recording.settings import RecordingError
from asterism.pbx.vocabulary.events import channel_fields

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.user import User
    from asterism.pbx.vocabulary.events import FieldList
    from asterism.pbx.vocabulary.host import Host, HostServer

_CONFERENCE = Argument("Conference", "Its name.", True)
_CHANNEL = Argument(
    "Channel", "Name of a user's channel.", True, (("all", "everybody"), ("participants", "all but admins"))
)


class ConferenceActions(Module):
    """The actions."""

    name: ClassVar[str] = "pbx_conference_actions"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Manager actions of conferences"

    def load(self, server: HostServer) -> None:
        """Register the actions."""
        self._pbx: Host = server.pbx
        server.register_marked(self)

    def _named(self, call: ActionCall) -> Conference | None:
        """The conference that an action is about; without one it is answered."""
        name = call.get("Conference")
        if not name:
            call.error("No Conference name provided.")
        elif not self._pbx.conferences:
            call.error("No active conferences.")
        elif name not in self._pbx.conferences:
            call.error("No Conference by that name found.")
        else:
            return self._pbx.conferences[name]
        return None

    def _chosen(self, call: ActionCall) -> tuple[Conference, list[User]] | None:
        """The conference and its users that an action is about; without any it is answered."""
        word = call.get("Channel")
        if call.get("Conference") and not word:
            call.error("No channel name provided.")
            return None
        conference = self._named(call)
        if conference is None:
            return None
        users = conference.chosen(word)
        if not users and word not in WORDS:
            call.error("No Channel by that name found in Conference.")
            return None
        return conference, users

    @action(
        "ConfbridgeList",
        "reporting",
        Documentation(
            "List participants in a conference.",
            description="One event ConfbridgeList for each, then ConfbridgeListComplete.",
            arguments=(_CONFERENCE,),
            see_also=("ConfbridgeListRooms",),
        ),
    )
    def list_users(self, call: ActionCall) -> None:
        """Run the action."""
        conference = self._named(call)
        if conference is None:
            return
        call.begin_list("Confbridge user list will follow")
        for user in conference.attendance:
            call.item("ConfbridgeList", _user_fields(conference, user))
        call.end_list("ConfbridgeListComplete")

    @action(
        "ConfbridgeListRooms",
        "reporting",
        Documentation(
            "List active conferences.",
            description="One event ConfbridgeListRooms for each, then ConfbridgeListRoomsComplete.",
            see_also=("ConfbridgeList",),
        ),
    )
    def list_rooms(self, call: ActionCall) -> None:
        """Run the action."""
        if not self._pbx.conferences:
            call.error("No active conferences.")
            return
        call.begin_list("Confbridge conferences will follow")
        for each in list(self._pbx.conferences.values()):
            call.item(
                "ConfbridgeListRooms",
                [
                    ("Conference", each.name),
                    ("Parties", len(each.users)),
                    ("Marked", each.marked),
                    ("Locked", yes_or_no(each.locked)),
                    ("Muted", yes_or_no(each.participants_muted)),
                ],
            )
        call.end_list("ConfbridgeListRoomsComplete")

    @action(
        "ConfbridgeKick",
        "call",
        Documentation(
            "Kick a Confbridge user.",
            description="The user hears sound_kicked, and goes on behind ConfBridge with CONFBRIDGE_RESULT=KICKED.",
            arguments=(_CONFERENCE, _CHANNEL),
        ),
    )
    def kick(self, call: ActionCall) -> None:
        """Run the action."""
        chosen = self._chosen(call)
        if chosen is not None:
            chosen[0].kick_all(chosen[1])
            call.success("User kicked")

    @action(
        "ConfbridgeMute",
        "call",
        Documentation(
            "Mute a Confbridge user.",
            description="The user hears the others and is not heard by them.",
            arguments=(_CONFERENCE, _CHANNEL),
            see_also=("ConfbridgeUnmute",),
        ),
    )
    def mute(self, call: ActionCall) -> None:
        """Run the action."""
        self._mute(call, True)

    @action(
        "ConfbridgeUnmute",
        "call",
        Documentation(
            "Unmute a Confbridge user.",
            description="The user is heard by the others again.",
            arguments=(_CONFERENCE, _CHANNEL),
            see_also=("ConfbridgeMute",),
        ),
    )
    def unmute(self, call: ActionCall) -> None:
        """Run the action."""
        self._mute(call, False)

    def _mute(self, call: ActionCall, muted: bool) -> None:
        chosen = self._chosen(call)
        if chosen is not None:
            chosen[0].mute_all(muted, chosen[1])
            call.success("User muted" if muted else "User unmuted")

    @action(
        "ConfbridgeLock",
        "call",
        Documentation(
            "Lock a Confbridge conference.",
            description="Only admins get in from then on.",
            arguments=(_CONFERENCE,),
            see_also=("ConfbridgeUnlock",),
        ),
    )
    def lock(self, call: ActionCall) -> None:
        """Run the action."""
        self._lock(call, True)

    @action(
        "ConfbridgeUnlock",
        "call",
        Documentation(
            "Unlock a Confbridge conference.",
            description="Whoever the profiles let in gets in again.",
            arguments=(_CONFERENCE,),
            see_also=("ConfbridgeLock",),
        ),
    )
    def unlock(self, call: ActionCall) -> None:
        """Run the action."""
        self._lock(call, False)

    def _lock(self, call: ActionCall, locked: bool) -> None:
        conference = self._named(call)
        if conference is not None:
            conference.locked = locked
            call.success("Conference locked" if locked else "Conference unlocked")

    @action(
        "ConfbridgeStartRecord",
        "system",
        Documentation(
            "Start recording a Confbridge conference.",
            description="One at a time; ConfbridgeRecord tells of it. It ends with the conference at the latest.",
            arguments=(
                _CONFERENCE,
                Argument("RecordFile", "Name of the file with an extension; without it as the profile says."),
            ),
            see_also=("ConfbridgeStopRecord",),
        ),
    )
    def start_record(self, call: ActionCall) -> None:
        """Run the action."""
        conference = self._named(call)
        if conference is None:
            return
        if conference.recording is not None:
            call.error("Conference is already being recorded.")
            return
        try:
            conference.start_recording(call.get("RecordFile"))
        except RecordingError as error:
            self._pbx.log.warning("Conference %s is not recorded: %s", conference.name, error)
            call.error("Internal error starting conference recording.")
            return
        call.success("Conference Recording Started.")

    @action(
        "ConfbridgeStopRecord",
        "system",
        Documentation(
            "Stop recording a Confbridge conference.",
            description="The file is closed; ConfbridgeStopRecord tells of it.",
            arguments=(_CONFERENCE,),
            see_also=("ConfbridgeStartRecord",),
        ),
    )
    def stop_record(self, call: ActionCall) -> None:
        """Run the action."""
        conference = self._named(call)
        if conference is None:
            return
        if conference.stop_recording():
            call.success("Conference Recording Stopped.")
        else:
            call.error("Internal error while stopping recording.")

    @action(
        "ConfbridgeSetSingleVideoSrc",
        "call",
        Documentation(
            "Set a conference user as the single video source distributed to all other participants.",
            description="Whatever the conference's video_mode is; BridgeVideoSourceUpdate tells of it.",
            arguments=(_CONFERENCE, Argument("Channel", "Name of the user's channel.", True)),
        ),
    )
    def set_video_source(self, call: ActionCall) -> None:
        """Run the action."""
        chosen = self._chosen(call)
        if chosen is None:
            return
        conference, users = chosen
        if call.get("Channel") in WORDS or users[0].channel.bridge is not conference.bridge:
            call.error("No Channel by that name found in Conference.")
            return
        conference.set_video_source(users[0].channel)
        call.success("Conference single video source set.")


def _user_fields(conference: Conference, user: User) -> FieldList:
    answered = user.channel.answered_at
    return [
        ("Conference", conference.name),
        ("Admin", yes_or_no(user.admin)),
        ("MarkedUser", yes_or_no(user.marked)),
        ("WaitMarked", yes_or_no(user.wait_marked)),
        ("EndMarked", yes_or_no(user.end_marked)),
        ("EndMarkedAny", yes_or_no(user.end_marked_any)),
        ("Waiting", yes_or_no(user.waiting)),
        ("Muted", yes_or_no(conference.is_muted(user))),
        ("Talking", yes_or_no(user.talking)),
        ("AnsweredTime", 0 if answered is None else max(0, int(time.time() - answered))),
        *channel_fields(user.channel),
    ]
