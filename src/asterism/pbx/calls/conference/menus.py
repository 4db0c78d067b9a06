"""Menus of conferences: digits that a user dials, and the actions that they start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from asterism.pbx.dialplan.language.arguments import split_arguments, split_fields, split_names

DIGITS = "0123456789*#ABCD"
LONGEST_SEQUENCE = 11
"""Digits of one entry."""
MOST_ENTRIES = 500
MOST_ACTIONS = 50
"""Actions of one entry."""

ACTIONS: Mapping[str, str] = MappingProxyType({
    "playback": "`playback(sound&sound)`: play sounds to the user, who is not in the conference meanwhile.",
    "playback_and_continue": "`playback_and_continue(sound&sound)`: the same; digits dialled meanwhile end the sounds "
                             "and go on with the entries that begin like this one.",
    "toggle_mute": "Mute the user, or end it.",
    "no_op": "Nothing; the digits do nothing, and are not passed on.",
    "decrease_listening_volume": "The user hears all a little quieter.",
    "increase_listening_volume": "The user hears all a little louder.",
    "reset_listening_volume": "The user hears all as they are.",
    "decrease_talking_volume": "The user is heard a little quieter.",
    "increase_talking_volume": "The user is heard a little louder.",
    "reset_talking_volume": "The user is heard as he is.",
    "dialplan_exec": "`dialplan_exec(context,extension,priority)`: run this dialplan; the user is back in the "
                     "conference when it ends.",
    "leave_conference": "Leave; the dialplan goes on.",
    "admin_kick_last": "Put out the user who came last, if he is no admin; for admins.",
    "admin_toggle_conference_lock": "Lock the conference, or unlock it; for admins.",
    "admin_toggle_mute_participants": "Mute all but admins, or end it; for admins.",
    "participant_count": "Say how many users there are.",
    "set_as_single_video_src": "All see the video of this user.",
    "release_as_single_video_src": "The end of that.",
})  # fmt: skip
"""Each action and what it does."""
ADMIN_ACTIONS = frozenset(name for name in ACTIONS if name.startswith("admin_"))
"""Actions that do something for admins only; for others the error sound is played."""
WITH_SOUNDS = frozenset({"playback", "playback_and_continue"})
"""Actions whose argument are sounds."""


class Action(NamedTuple):
    """One action: its name in :data:`ACTIONS` and its argument, as it is written."""

    name: str
    argument: str = ""

    @property
    def sounds(self) -> list[str]:
        """Sounds of ``playback`` and ``playback_and_continue``."""
        return split_names(self.argument)

    @property
    def place(self) -> tuple[str, str, str]:
        """Context, extension and priority of ``dialplan_exec``."""
        context, exten, priority = split_fields(self.argument, 3)
        return context, exten, priority or "1"

    def __str__(self) -> str:
        return f"{self.name}({self.argument})" if self.argument else self.name


Entries = Mapping[str, tuple[Action, ...]]


@dataclass(frozen=True, slots=True)
class Menu:
    """Entries by their digits."""

    name: str = ""
    entries: Entries = field(default_factory=dict)

    def having(self, digits: str, actions: tuple[Action, ...]) -> Menu:
        """A copy with one entry set.

        Raises:
            ValueError: It has too many then.
        """
        if digits not in self.entries and len(self.entries) >= MOST_ENTRIES:
            raise ValueError(f"a menu has at most {MOST_ENTRIES} entries")
        return Menu(self.name, {**self.entries, digits: actions})

    def begins(self, digits: str) -> bool:
        """Whether there is an entry that begins with these digits and is longer."""
        return any(entry.startswith(digits) and len(entry) > len(digits) for entry in self.entries)


def parse_digits(text: str) -> str:
    """The digits of an entry; raises ``ValueError``."""
    digits = text.strip().upper()
    if not 0 < len(digits) <= LONGEST_SEQUENCE or set(digits) - set(DIGITS):
        raise ValueError(f"'{text}' is not up to {LONGEST_SEQUENCE} of the digits 0-9, *, #, A-D")
    return digits


def parse_actions(text: str) -> tuple[Action, ...]:
    """The actions of an entry, joined by commas; raises ``ValueError``."""
    found: list[Action] = []
    for each in split_arguments(text, raw=True):
        written = each.strip()
        name, parenthesis, rest = written.partition("(")
        name = name.strip().lower()
        argument = rest.removesuffix(")").strip()
        if name not in ACTIONS:
            raise ValueError(f"'{written}' is no action")
        if parenthesis and not rest.endswith(")"):
            raise ValueError(f"'{written}' has no closing parenthesis")
        if name in WITH_SOUNDS:
            if not split_names(argument):
                raise ValueError(f"{name} needs a sound")
        elif name == "dialplan_exec":
            context, exten, *_ = split_fields(argument, 3)
            if not context or not exten:
                raise ValueError("dialplan_exec needs (context,extension,priority)")
        elif argument:
            raise ValueError(f"{name} has no argument")
        found.append(Action(name, argument))
    if len(found) > MOST_ACTIONS:
        raise ValueError(f"an entry has at most {MOST_ACTIONS} actions")
    return tuple(found)
