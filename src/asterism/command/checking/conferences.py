"""Conferences: profiles that the dialplan names, options that it sets, and sounds, which there are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from asterism.core.nearest import suggestion
from asterism.pbx.calls.conference.menus import WITH_SOUNDS, Menu, parse_actions
from asterism.pbx.calls.conference.options import BRIDGE_OPTIONS, SOUNDS, USER_OPTIONS
from asterism.pbx.calls.conference.profile_function import CLEAR
from asterism.pbx.calls.conference.profiles import (
    FILE,
    TEMPLATE,
    BridgeProfile,
    ProfileSettings,
    UserProfile,
    entry_of,
    read_settings,
    with_defaults,
)
from asterism.pbx.dialplan.language.arguments import split_fields

if TYPE_CHECKING:
    from asterism.config.file import ConfigFile
    from asterism.core.errors import ConfigError, Position

_ARGUMENTS = ("bridge", "user", "menu")
"""The kinds of profiles, in the order of ConfBridge's arguments after the name."""


def commands_not_run(file: ConfigFile) -> Iterator[ConfigError]:
    """The commands of recordings, where ``recording_commands`` is off."""
    for section in file:
        option = section.find("record_command")
        if option is not None and option.value.strip():
            yield option.error("it is not run without 'recording_commands = yes' in asterisk.conf")


def sounds_of(file: ConfigFile) -> Iterator[tuple[str, Position]]:
    """The sounds that profiles and menus name, joined by ``&``, each with its place."""
    for section in file:
        menu = section.get("type").strip().lower() == "menu"
        for option in section:
            if menu:
                with suppress(ValueError):  # which the reader tells
                    for action in parse_actions(option.value):
                        if action.name in WITH_SOUNDS:
                            yield action.argument, option.position
            elif option.name.lower() in SOUNDS or option.name.lower() == "announcement":
                yield option.value, option.position


class Profiles:
    """The profiles of ``confbridge.conf``, and those that there always are.

    ``unknown`` is the character that stands for what is known only when a call is there.
    """

    def __init__(self, file: ConfigFile | None, unknown: str) -> None:
        self._unknown = unknown
        settings = with_defaults(ProfileSettings() if file is None else read_settings(file)[0])
        self._names: Mapping[str, Sequence[str]] = {
            "bridge": sorted(settings.bridges), "user": sorted(settings.users), "menu": sorted(settings.menus),
        }  # fmt: skip
        self._complete = file is None or not file.not_run  # others may come from an #exec

    def wrong_names(self, values: Sequence[str]) -> Iterator[str]:
        """What is wrong with the arguments of ConfBridge."""
        for kind, value in zip(_ARGUMENTS, values[1:], strict=False):
            yield from self._wrong_name("ConfBridge", kind, value.strip())

    def wrong_option(self, args: str, value: str) -> Iterator[str]:
        """What is wrong with ``Set(CONFBRIDGE(args)=value)``."""
        if self._unknown in args:
            return
        kind, option = (each.lower() for each in split_fields(args, 2))
        if kind not in self._names:
            yield f"CONFBRIDGE: '{kind}' is not bridge, menu or user"
        elif option == TEMPLATE:
            yield from self._wrong_name("CONFBRIDGE", kind, value.strip())
        elif option != CLEAR:
            known = {"bridge": BRIDGE_OPTIONS, "user": USER_OPTIONS}.get(kind)
            if known is not None and option not in known:
                yield f"CONFBRIDGE: a {kind} profile has no option '{option}'{suggestion(option, known)}"
            elif self._unknown not in value:
                try:
                    _set(kind, option, value)
                except ValueError as error:
                    yield f"CONFBRIDGE: {option}: {error}"

    def _wrong_name(self, what: str, kind: str, name: str) -> Iterator[str]:
        known = self._names[kind]
        if self._complete and name and self._unknown not in name and name not in known:
            noun = "menu" if kind == "menu" else f"{kind} profile"
            yield f"{what}: there is no {noun} '{name}' in {FILE}{suggestion(name, known)}"


def _set(kind: str, option: str, value: str) -> None:
    if kind == "menu":
        entry_of(Menu(), option, value)
    elif kind == "user":
        UserProfile().having(option, value)
    else:
        BridgeProfile().having(option, value)
