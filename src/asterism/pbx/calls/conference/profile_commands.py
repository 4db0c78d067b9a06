"""The module that reads ``confbridge.conf``, and ``confbridge show``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.module import Module
from asterism.pbx.calls.conference.naming import remove_left_over
from asterism.pbx.calls.conference.options import NEVER
from asterism.pbx.calls.conference.profiles import FILE, read_settings
from asterism.pbx.calls.conference.registering import ConferenceExtensions
from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.profiles import BridgeProfile, Profiles, UserProfile
    from asterism.pbx.vocabulary.host import HostServer

_RULE = "-" * 44
_NAME = Argument("name", "Name of the profile.", True)
_VIDEO = {"none": "no video"}
_SOUNDS = (
    ("sound_only_person", 22), ("sound_only_one", 22), ("sound_has_joined", 22), ("sound_has_left", 22),
    ("sound_kicked", 22), ("sound_muted", 22), ("sound_unmuted", 22), ("sound_binaural_on", 22),
    ("sound_binaural_off", 22), ("sound_there_are", 22), ("sound_other_in_party", 22),
    ("sound_place_into_conference", 29), ("sound_wait_for_leader", 29), ("sound_leader_has_left", 29),
    ("sound_get_pin", 22), ("sound_invalid_pin", 22), ("sound_locked", 22), ("sound_unlocked_now", 22),
    ("sound_locked_now", 22), ("sound_error_menu", 22), ("sound_join", 22), ("sound_leave", 22),
    ("sound_participants_muted", 30), ("sound_participants_unmuted", 32), ("sound_begin", 22),
)  # fmt: skip
"""Sounds in the order of the listing, each with the column in which it begins."""
_LISTED = {"sound_locked_now": "sound_lockednow"}


class ProfilesModule(Module):
    """Profiles and menus."""

    name: ClassVar[str] = "app_confbridge"
    description: ClassVar[str] = "Conference Bridge Application"

    def load(self, server: HostServer) -> None:
        """Register the commands and read ``confbridge.conf``, which may be missing."""
        self._server = server
        self._profiles: Profiles = server.pbx.conferences.profiles
        server.register_marked(self)
        ConferenceExtensions(server)
        self.reload()
        remove_left_over(server.pbx)

    def reload(self) -> None:
        """Read the file again: for users and conferences that begin from now on."""
        settings = load_settings(self._server, FILE, read_settings)
        if settings is not None:
            self._profiles.use(settings)

    def _users(self, words: list[str]) -> list[str]:
        return _beginning(self._profiles.users, words)

    def _bridges(self, words: list[str]) -> list[str]:
        return _beginning(self._profiles.bridges, words)

    def _menus(self, words: list[str]) -> list[str]:
        return _beginning(self._profiles.menus, words)

    @command(
        "confbridge show profile users",
        Documentation("List the user profiles of confbridge.conf.", "confbridge show profile users"),
    )
    def users(self, call: CommandCall) -> str:
        """Run the command."""
        call.takes_nothing()
        return _text(("--------- User Profiles -----------", *self._profiles.users))

    @command(
        "confbridge show profile bridges",
        Documentation("List the bridge profiles of confbridge.conf.", "confbridge show profile bridges"),
    )
    def bridges(self, call: CommandCall) -> str:
        """Run the command."""
        call.takes_nothing()
        return _text(("--------- Bridge Profiles -----------", *self._profiles.bridges))

    @command(
        "confbridge show menus",
        Documentation("List the menus of confbridge.conf.", "confbridge show menus"),
    )
    def menus(self, call: CommandCall) -> str:
        """Run the command."""
        call.takes_nothing()
        return _text(("--------- Menus -----------", *self._profiles.menus))

    @command(
        "confbridge show profile user",
        Documentation("Show the options of a user profile.", "confbridge show profile user <name>", arguments=(_NAME,)),
        complete="_users",
    )
    def user(self, call: CommandCall) -> str:
        """Run the command."""
        name = _one(call)
        found = self._profiles.users.get(name)
        if found is None:
            return f"No conference user profile named '{name}' found!\n"
        return _text(_user(found, bool(getattr(self._server.options, "show_secrets", False))))

    @command(
        "confbridge show profile bridge",
        Documentation(
            "Show the options of a bridge profile.", "confbridge show profile bridge <name>", arguments=(_NAME,)
        ),
        complete="_bridges",
    )
    def bridge(self, call: CommandCall) -> str:
        """Run the command."""
        name = _one(call)
        found = self._profiles.bridges.get(name)
        return f"No conference bridge profile named '{name}' found!\n" if found is None else _text(_bridge(found))

    @command(
        "confbridge show menu",
        Documentation(
            "Show the entries of a menu.",
            "confbridge show menu <name>",
            arguments=(Argument("name", "Name of the menu.", True),),
        ),
        complete="_menus",
    )
    def menu(self, call: CommandCall) -> str:
        """Run the command."""
        name = _one(call)
        found = self._profiles.menus.get(name)
        if found is None:
            return f"No conference menu named '{name}' found!\n"
        entries = (f"{digits}={','.join(map(str, actions))}" for digits, actions in found.entries.items())
        return _text((f"Name: {found.name}", *entries))


def _one(call: CommandCall) -> str:
    if len(call.args) != 1:
        raise UsageError
    return call.args[0]


def _beginning(names: Iterable[str], words: list[str]) -> list[str]:
    return [name for name in names if len(words) == 1 and name.startswith(words[0])]


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _user(profile: UserProfile, secrets: bool) -> list[str]:
    true, enabled = ("false", "true"), ("disabled", "enabled")
    rows: Mapping[str, object] = {
        "Name": profile.name,
        "Admin": true[profile.admin],
        "Send Events": true[profile.send_events],
        "Echo Events": true[profile.echo_events],
        "Marked User": true[profile.marked],
        "Start Muted": true[profile.startmuted],
        "MOH When Empty": enabled[profile.music_on_hold_when_empty],
        "MOH Class": profile.music_on_hold_class or "default",
        "Announcement": profile.announcement,
        "Quiet": enabled[profile.quiet],
        "Hear Join": enabled[profile.hear_own_join_sound],
        "Wait Marked": enabled[profile.wait_marked],
        "END Marked (All)": enabled[profile.end_marked],
        "END Marked (Any)": enabled[profile.end_marked_any],
        "Drop_silence": enabled[profile.dsp_drop_silence],
        "Silence Threshold": f"{profile.dsp_silence_threshold}ms",
        "Talking Threshold": profile.dsp_talking_threshold,
        "Denoise": enabled[profile.denoise],
        "Jitterbuffer": enabled[profile.jitterbuffer],
        "Talk Detect Events": enabled[profile.talk_detection_events],
        "DTMF Pass Through": enabled[profile.dtmf_passthrough],
        "PIN": ("<hidden>" if not secrets else profile.pin) if profile.pin else "None",
        "Announce User Count": enabled[profile.announce_user_count],
        "Announce join/leave": enabled[profile.announce_join_leave or profile.announce_join_leave_review],
        "Announce User Count all": enabled[profile.announce_user_count_all != NEVER],
        "Text Messaging": enabled[profile.text_messaging],
        "Answer Channel": true[profile.answer_channel],
    }
    return [_RULE, *(f"{name + ':':<24} {value}" for name, value in rows.items()), ""]


def _bridge(profile: BridgeProfile) -> list[str]:
    yes = ("no", "yes")
    mode = profile.video_mode
    lines = [
        _RULE,
        f"Name:                 {profile.name}",
        f"Language:             {profile.language}",
        f"Internal Sample Rate: {profile.internal_sample_rate or 'auto'}",
        f"Maximum Sample Rate: {profile.maximum_sample_rate or 'none'}",
        f"Mixing Interval:      {profile.mixing_interval}",
        f"Record Conference:    {yes[profile.record_conference]}",
        f"Record File Append:    {yes[profile.record_file_append]}",
        f"Record File Timestamp: {yes[profile.record_file_timestamp]}",
        f"Record File:          {profile.record_file or 'Auto Generated'}",
        f"Record Options:       {profile.record_options}",
        f"Record Command:       {profile.record_command}",
        f"Max Members:          {profile.max_members or 'No Limit'}",
        f"Registration context: {profile.regcontext}",
        f"Video Mode:           {_VIDEO.get(mode, mode)}",
        f"Video Update Discard: {profile.video_update_discard}",
        f"REMB Send Interval: {profile.remb_send_interval}",
        f"REMB Behavior:           {profile.remb_behavior}",
        f"Enable Events:             {yes[profile.enable_events]}",
    ]
    lines += [
        f"{_LISTED.get(name, name) + ':':<{column}}{profile.sound(name.removeprefix('sound_'))}"
        for name, column in _SOUNDS
    ]
    return [*lines, ""]
