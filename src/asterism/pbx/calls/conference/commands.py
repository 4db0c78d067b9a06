"""Conferences at the console: ``confbridge list``, ``kick``, ``mute``, ``lock``, ``record`` and their opposites."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.core.words import yes_or_no
from asterism.pbx.calls.conference.conference import WORDS, Conference
from asterism.pbx.calls.recording.settings import RecordingError

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.user import User
    from asterism.pbx.vocabulary.host import Host, HostServer

_ROOM = "%-32s %6s %6s %-6s %-5s"
_USER = "%-30s %-6s %-16s %-16s %-16s %-16s"
_CONFERENCE = Argument("conference", "Its name.", True)
_CHANNEL = Argument("channel", "Name of a channel.", True, (("all", "everybody"), ("participants", "all but admins")))


class ConferenceCommands(Module):
    """The commands."""

    name: ClassVar[str] = "pbx_conference_commands"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Console commands of conferences"

    def load(self, server: HostServer) -> None:
        """Register the commands."""
        self._pbx: Host = server.pbx
        server.register_marked(self)

    def complete_room(self, words: list[str]) -> list[str]:
        """Names of conferences."""
        return _beginning(self._pbx.conferences, words[-1]) if len(words) == 1 else []

    def complete_user(self, words: list[str]) -> list[str]:
        """Names of conferences, then of their channels, and the words for several."""
        conference = self._pbx.conferences.get(words[0]) if len(words) == 2 else None
        if conference is None:
            return self.complete_room(words)
        return _beginning((*WORDS, *(user.channel.name for user in conference.attendance)), words[-1])

    def _conference(self, name: str) -> Conference:
        found = self._pbx.conferences.get(name)
        if found is None:
            raise CommandError(f"No conference bridge named '{name}' found!")
        return found

    def _chosen(self, call: CommandCall, missing: str) -> tuple[Conference, str, list[User]]:
        """The conference, the word for its users, and these."""
        if len(call.args) != 2:
            raise UsageError
        conference, word = self._conference(call.args[0]), call.args[1]
        users = conference.chosen(word)
        if not users and word not in WORDS:
            raise CommandError(missing.format(word, conference.name))
        return conference, word, users

    @command(
        "confbridge list",
        Documentation(
            "List the conferences, or the users of one.",
            "confbridge list [conference]",
            "Flags of a user: A admin, M marked, W waits for marked users, E leaves with them, m muted, w waiting now.",
            (Argument("conference", "Its name."),),
        ),
        "complete_room",
    )
    def show(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) > 1:
            raise UsageError
        if call.args:
            return self._users(self._conference(call.args[0]))
        rows = [
            "Conference Bridge Name           Users  Marked Locked Muted",
            "================================ ====== ====== ====== =====",
        ]
        rows += [
            _ROOM
            % (each.name, len(each.users), each.marked, yes_or_no(each.locked), yes_or_no(each.participants_muted))
            for each in self._pbx.conferences.values()
        ]
        return _lines(rows)

    def _users(self, conference: Conference) -> str:
        rows = [
            "Channel                        Flags  User Profile     Bridge Profile   Menu             CallerID",
            "============================== ====== ================ ================ ================ ================",
        ]
        rows += [
            _USER
            % (
                user.channel.name,
                flags(conference, user),
                user.profile.name,
                conference.profile.name,
                user.menu,
                user.channel.caller.number or "<unknown>",
            )
            for user in conference.attendance
        ]
        return _lines(rows)

    @command(
        "confbridge kick",
        Documentation(
            "Put a user, or several, out of a conference.",
            "confbridge kick <conference> <channel>",
            arguments=(_CONFERENCE, _CHANNEL),
        ),
        "complete_user",
    )
    def kick(self, call: CommandCall) -> str:
        """Run the command."""
        conference, word, users = self._chosen(call, "No participant named '{0}' found!")
        conference.kick_all(users)
        return f"Kicked '{word}' out of conference '{conference.name}'\n"

    @command(
        "confbridge mute",
        Documentation(
            "Mute a user of a conference, or several.",
            "confbridge mute <conference> <channel>",
            arguments=(_CONFERENCE, _CHANNEL),
        ),
        "complete_user",
    )
    def mute(self, call: CommandCall) -> str:
        """Run the command."""
        return self._mute(call, True)

    @command(
        "confbridge unmute",
        Documentation(
            "Let a muted user of a conference, or several, be heard again.",
            "confbridge unmute <conference> <channel>",
            arguments=(_CONFERENCE, _CHANNEL),
        ),
        "complete_user",
    )
    def unmute(self, call: CommandCall) -> str:
        """Run the command."""
        return self._mute(call, False)

    def _mute(self, call: CommandCall, muted: bool) -> str:
        conference, word, users = self._chosen(call, "No channel named '{0}' found in conference {1}")
        conference.mute_all(muted, users)
        return f"{'Muting' if muted else 'Unmuting'} {word} from confbridge {conference.name}\n"

    @command(
        "confbridge lock",
        Documentation("Have a conference take only admins.", "confbridge lock <conference>", arguments=(_CONFERENCE,)),
        "complete_room",
    )
    def lock(self, call: CommandCall) -> str:
        """Run the command."""
        return self._lock(call, True)

    @command(
        "confbridge unlock",
        Documentation(
            "Have a conference take everybody again.", "confbridge unlock <conference>", arguments=(_CONFERENCE,)
        ),
        "complete_room",
    )
    def unlock(self, call: CommandCall) -> str:
        """Run the command."""
        return self._lock(call, False)

    def _lock(self, call: CommandCall, locked: bool) -> str:
        if len(call.args) != 1:
            raise UsageError
        conference = self._conference(call.args[0])
        conference.locked = locked
        return f"Conference {conference.name} is {'locked' if locked else 'unlocked'}.\n"

    @command(
        "confbridge record start",
        Documentation(
            "Record a conference.",
            "confbridge record start <conference> [file]",
            arguments=(
                _CONFERENCE,
                Argument("file", "Its name with an extension; without it as the conference's profile says."),
            ),
        ),
        "complete_room",
    )
    def record_start(self, call: CommandCall) -> str:
        """Run the command."""
        if not 1 <= len(call.args) <= 2:
            raise UsageError
        conference = self._conference(call.args[0])
        if conference.recording is not None:
            raise CommandError("Conference is already being recorded.")
        try:
            conference.start_recording(*call.args[1:])
        except RecordingError as error:
            raise CommandError(f"Could not start recording: {error}") from error
        return "Recording started\n"

    @command(
        "confbridge record stop",
        Documentation(
            "End the recording of a conference.", "confbridge record stop <conference>", arguments=(_CONFERENCE,)
        ),
        "complete_room",
    )
    def record_stop(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) != 1:
            raise UsageError
        if not self._conference(call.args[0]).stop_recording():
            raise CommandError("The conference is not being recorded.")
        return "Recording stopped.\n"


def flags(conference: Conference, user: User) -> str:
    """What a user is, in letters; see ``confbridge list``."""
    letters = (
        ("A", user.admin),
        ("M", user.marked),
        ("W", user.wait_marked),
        ("E", user.end_marked or user.end_marked_any),
        ("m", conference.is_muted(user)),
        ("w", user.waiting),
    )
    return "".join(letter for letter, is_so in letters if is_so)


def _lines(rows: list[str]) -> str:
    return "".join(row.rstrip() + "\n" for row in rows)


def _beginning(names: Iterable[str], word: str) -> list[str]:
    return [name for name in names if name.startswith(word)]
