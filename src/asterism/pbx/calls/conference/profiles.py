"""``confbridge.conf``: what users may do, what a conference is like, and menus; each has a name.

A profile says what is so for everybody who enters with it. There are always ``default_user``, ``default_bridge`` and
``default_menu``; they are made where the file has none, and that menu is empty then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from asterism.core.errors import ConfigError
from asterism.pbx.calls.conference.menus import ACTIONS, DIGITS, LONGEST_SEQUENCE, Menu, parse_actions, parse_digits
from asterism.pbx.calls.conference.options import BRIDGE_OPTIONS, NEVER, SOUNDS, USER_OPTIONS

if TYPE_CHECKING:
    from asterism.config import ConfigFile, Option, Section
    from asterism.data import OptionSpec

FILE = "confbridge.conf"
DEFAULT_USER, DEFAULT_BRIDGE, DEFAULT_MENU = "default_user", "default_bridge", "default_menu"
LONGEST_CHAIN = 50
"""Templates that may be made from each other."""
TEMPLATE = "template"
"""Option whose value names another profile of the kind; what that says counts where this one says nothing."""
MOST = 1000
"""Profiles of one kind."""
LONGEST_NAME = 127
PIN_DIGITS = frozenset("0123456789*ABCD")
"""What a PIN is made of: ``#`` ends it."""


@dataclass(frozen=True, slots=True)
class UserProfile:
    """What a user is and may do; options as in :data:`~asterism.pbx.calls.conference.options.USER_OPTIONS`."""

    name: str = ""
    admin: bool = False
    marked: bool = False
    startmuted: bool = False
    quiet: bool = False
    hear_own_join_sound: bool = True
    announce_user_count: bool = False
    announce_user_count_all: int = NEVER
    announce_only_user: bool = True
    announce_join_leave: bool = False
    announce_join_leave_review: bool = False
    announcement: str = ""
    wait_marked: bool = False
    end_marked: bool = False
    end_marked_any: bool = False
    pin: str = ""
    music_on_hold_when_empty: bool = False
    music_on_hold_class: str = ""
    timeout: int = 0
    dtmf_passthrough: bool = False
    denoise: bool = False
    jitterbuffer: bool = False
    dsp_drop_silence: bool = False
    dsp_talking_threshold: int = 160
    dsp_silence_threshold: int = 2500
    talk_detection_events: bool = False
    text_messaging: bool = True
    answer_channel: bool = True
    send_events: bool = False
    echo_events: bool = False

    def having(self, name: str, text: str) -> UserProfile:
        """A copy with one option set from its text; raises ``KeyError`` or ``ValueError``."""
        return dataclasses.replace(self, **_changed(self, USER_OPTIONS, name, text))


@dataclass(frozen=True, slots=True)
class BridgeProfile:
    """What a conference is like; options as in :data:`~asterism.pbx.calls.conference.options.BRIDGE_OPTIONS`."""

    name: str = ""
    max_members: int = 0
    language: str = "en"
    internal_sample_rate: int = 0
    maximum_sample_rate: int = 0
    mixing_interval: int = 20
    binaural_active: bool = False
    record_conference: bool = False
    record_file: str = ""
    record_file_append: bool = True
    record_file_timestamp: bool = True
    record_options: str = ""
    record_command: str = ""
    regcontext: str = ""
    video_mode: str = "none"
    video_update_discard: int = 2000
    remb_send_interval: int = 0
    remb_behavior: str = "average"
    remb_estimated_bitrate: int = 0
    enable_events: bool = False
    sounds: Mapping[str, str] = field(default_factory=dict)
    """The ``sound_...`` options that are not at their defaults."""

    def sound(self, name: str) -> str:
        """A sound: ``sound("kicked")`` is what ``sound_kicked`` says, or its default; ``KeyError`` for no option."""
        option = f"sound_{name}"
        return self.sounds.get(option) or SOUNDS[option][0]

    def having(self, name: str, text: str) -> BridgeProfile:
        """A copy with one option set from its text; raises ``KeyError`` or ``ValueError``."""
        changes = _changed(self, BRIDGE_OPTIONS, name, text)
        sounds = {key: changes.pop(key) for key in list(changes) if key in SOUNDS}
        return dataclasses.replace(self, **changes, sounds={**self.sounds, **sounds})


def _changed(profile: object, options: Mapping[str, OptionSpec], name: str, text: str) -> dict[str, Any]:
    spec = options[name]
    return {name: spec.kind.parse(text.strip(), getattr(profile, name, spec.default))}


def entry_of(menu: Menu, digits: str, text: str) -> Menu:
    """A copy of a menu with one entry set from its text; raises ``ValueError``."""
    return menu.having(parse_digits(digits), parse_actions(text))


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """The whole file, by names."""

    users: Mapping[str, UserProfile] = field(default_factory=dict)
    bridges: Mapping[str, BridgeProfile] = field(default_factory=dict)
    menus: Mapping[str, Menu] = field(default_factory=dict)


class Profiles:
    """The profiles that are in force; who is in a conference keeps what he entered with."""

    def __init__(self) -> None:
        self._settings = with_defaults(ProfileSettings())

    def use(self, settings: ProfileSettings) -> None:
        """Put other ones in force."""
        self._settings = with_defaults(settings)

    @property
    def users(self) -> Mapping[str, UserProfile]:
        """User profiles by name."""
        return self._settings.users

    @property
    def bridges(self) -> Mapping[str, BridgeProfile]:
        """Bridge profiles by name."""
        return self._settings.bridges

    @property
    def menus(self) -> Mapping[str, Menu]:
        """Menus by name."""
        return self._settings.menus

    @property
    def default_user(self) -> UserProfile:
        """The profile of users for whom none is named."""
        return self._settings.users[DEFAULT_USER]

    @property
    def default_bridge(self) -> BridgeProfile:
        """The profile of conferences for which none is named."""
        return self._settings.bridges[DEFAULT_BRIDGE]

    @property
    def default_menu(self) -> Menu:
        """The menu of users for whom none is named."""
        return self._settings.menus[DEFAULT_MENU]


def with_defaults(settings: ProfileSettings) -> ProfileSettings:
    """Settings with the profiles that there always are."""
    return ProfileSettings(
        MappingProxyType({**settings.users, DEFAULT_USER: settings.users.get(DEFAULT_USER, UserProfile(DEFAULT_USER))}),
        MappingProxyType(
            {DEFAULT_BRIDGE: settings.bridges.get(DEFAULT_BRIDGE, BridgeProfile(DEFAULT_BRIDGE)), **settings.bridges}
        ),
        MappingProxyType({DEFAULT_MENU: settings.menus.get(DEFAULT_MENU, Menu(DEFAULT_MENU)), **settings.menus}),
    )


class _Kind:
    """Sections of one type on their way to profiles of it."""

    def __init__(
        self,
        word: str,
        make: Callable[[str], Any],
        change: Callable[[Any, str, str], Any],
        accepted: Callable[[str], str],
        options: Mapping[str, OptionSpec],
    ) -> None:
        self.word = word
        self.make = make
        self.change = change
        self.accepted = accepted
        self.options = options
        self.sections: dict[str, Section] = {}
        self.done: dict[str, Any] = {}

    def read(self, problems: list[ConfigError]) -> dict[str, Any]:
        for name in self.sections:
            self._profile(name, (), problems)
        return {name: self.done[name] for name in self.sections}

    def _profile(self, name: str, on_the_way: tuple[str, ...], problems: list[ConfigError]) -> Any:
        if name in self.done:
            return self.done[name]
        section = self.sections[name]
        profile = self.make(name)
        template = section.find(TEMPLATE)
        if template is not None:
            other = template.value.strip()
            if other not in self.sections:
                problems.append(template.error(f"there is no {self.word} profile '{other}'"))
            elif other == name or other in on_the_way:
                problems.append(template.error(f"'{other}' is made from this one"))
            elif len(on_the_way) >= LONGEST_CHAIN:
                problems.append(template.error(f"more than {LONGEST_CHAIN} templates follow each other"))
            else:
                profile = dataclasses.replace(self._profile(other, (*on_the_way, name), problems), name=name)
        for option in section:
            if option.name.lower() not in ("type", TEMPLATE):
                profile = self._change(profile, option, problems)
        self.done[name] = profile
        return profile

    def _change(self, profile: Any, option: Option, problems: list[ConfigError]) -> Any:
        key = option.name.strip().lower()
        try:
            changed = self.change(profile, key, option.value)
            spec = self.options.get(key)
            if spec is not None and spec.no_effect and getattr(changed, key) != spec.default:
                problems.append(option.error(f"it has no effect: {spec.no_effect}"))
            return changed
        except KeyError:
            problems.append(option.error(f"it is unknown in a {self.word} profile", self.accepted("")))
        except ValueError as error:
            problems.append(option.error(str(error), self.accepted(key)))
        return profile


def _accepts(options: Mapping[str, OptionSpec]) -> Callable[[str], str]:
    return lambda key: options[key].kind.accepted if key in options else ", ".join((*options, TEMPLATE))


def _kinds() -> dict[str, _Kind]:
    actions = f"up to {LONGEST_SEQUENCE} of the digits {DIGITS} = " + ", ".join(ACTIONS)
    return {
        "user": _Kind("user", UserProfile, UserProfile.having, _accepts(USER_OPTIONS), USER_OPTIONS),
        "bridge": _Kind("bridge", BridgeProfile, BridgeProfile.having, _accepts(BRIDGE_OPTIONS), BRIDGE_OPTIONS),
        "menu": _Kind("menu", Menu, entry_of, lambda _: actions, {}),
    }


def read_settings(file: ConfigFile) -> tuple[ProfileSettings, list[ConfigError]]:
    """The profiles of ``confbridge.conf`` and what is wrong in it.

    A wrong line leaves the option's default in force, and its profile and the others are there.
    """
    problems: list[ConfigError] = []
    kinds = _kinds()
    for section in file:
        if section.name.lower() == "general":
            problems += [option.error("[general] has no options") for option in section]
            continue
        word = section.get("type").strip().lower()
        kind = kinds.get(word)
        problem = ""
        if kind is None:
            problem = f"profile '{section.name}' has type '{word}'" if word else f"profile '{section.name}' has no type"
            problem += "; accepted: user, bridge, menu"
        elif not 0 < len(section.name) <= LONGEST_NAME or not section.name.isprintable():
            problem = f"'{section.name[:LONGEST_NAME]}' is no name for a profile"
        elif section.name in kind.sections:
            problem = f"{word} profile '{section.name}' is there already"
        elif len(kind.sections) >= MOST:
            problem = f"there are more than {MOST} {word} profiles"
        else:
            kind.sections[section.name] = section
        if problem:
            problems.append(ConfigError(problem, section.position))
    users, bridges, menus = (kinds[word].read(problems) for word in ("user", "bridge", "menu"))
    for section in kinds["user"].sections.values():
        pin = section.find("pin")
        if pin is not None and set(pin.value.strip().upper()) - PIN_DIGITS:
            problems.append(pin.error("nobody can dial this PIN, so nobody enters with the profile", "digits"))
    return ProfileSettings(users, bridges, menus), problems
