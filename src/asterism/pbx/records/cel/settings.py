"""``cel.conf``: what of channels is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.config.values import is_boolean, is_true
from asterism.pbx.records.unread import unread_sections

if TYPE_CHECKING:
    from asterism.config import ConfigFile, Option
    from asterism.core.errors import ConfigError

FILE = "cel.conf"
MOST_APPLICATIONS = 1_000
EVENTS: Mapping[str, str] = MappingProxyType({
    "CHAN_START": "A channel was created.",
    "CHAN_END": "A channel is gone.",
    "HANGUP": "A channel was hung up; told together with CHAN_END.",
    "ANSWER": "A channel was answered: the phone that is called, or the server to who calls it.",
    "APP_START": "A channel has begun to run one of the applications named by `apps`.",
    "APP_END": "It has ended it.",
    "BRIDGE_ENTER": "A channel has entered a bridge.",
    "BRIDGE_EXIT": "A channel has left a bridge.",
    "PARK_START": "A channel was parked.",
    "PARK_END": "A parked channel was retrieved, came back or has hung up.",
    "BLINDTRANSFER": "A channel has sent its peer to an extension.",
    "ATTENDEDTRANSFER": "A channel has connected the others of its two calls.",
    "USER_DEFINED": "An event of the dialplan's own: CELGenUserEvent.",
    "LINKEDID_END": "The last channel of a call (of a linkedid) is gone, or has become a part of another call.",
    "PICKUP": "Another channel has answered in the place of one that rang.",
    "FORWARD": "A called phone has sent the call elsewhere.",
    "LOCAL_OPTIMIZE": "A Local channel has left a call.",
    "LOCAL_OPTIMIZE_BEGIN": "A Local channel is about to leave a call.",
    "STREAM_BEGIN": "A channel begins to hear a sound file, or music on hold.",
    "STREAM_END": "It hears it no more.",
    "DTMF": "A channel's far end has sent a digit.",
})  # fmt: skip
"""The kinds of events that there are, in the order in which ``cel show status`` lists them."""
OPTIONS: Mapping[str, Mapping[str, tuple[str, str, str]]] = MappingProxyType({
    "general": {
        "enable": ("no", "yes or no", "Whether anything is recorded."),
        "events": ("", "names of events joined by commas, or ALL; more lines add to it", "Which events are recorded."),
        "apps": ("", "names of applications joined by commas; more lines add to it",
                 "For which applications APP_START and APP_END are recorded."),
        "dateformat": ("", "a format as for strftime(3)",
                       "How `${eventtime}` is written in `cel_custom.conf`; empty: seconds since 1970, six decimals."),
    },
    "manager": {
        "enabled": ("no", "yes or no", "Whether the manager is told of each record (event `CEL`)."),
        "show_user_defined": ("no", "yes or no",
                              "Whether its `EventName` is `USER_DEFINED` for the dialplan's own events, and "  # noqa: ISC004
                              "their name in `UserDefType`; otherwise the name is `EventName`."),
    },
})  # fmt: skip
"""The options of each section: default, what they take, what they do."""


@dataclass(frozen=True, slots=True)
class CelSettings:
    """The file, read."""

    enable: bool = False
    events: frozenset[str] = frozenset()
    all_events: bool = False
    """Whether ``ALL`` was written."""
    applications: tuple[str, ...] = ()
    """In lower case, in the order of the file."""
    dateformat: str = ""
    manager: bool = False
    show_user_defined: bool = False


def read_settings(file: ConfigFile) -> tuple[CelSettings, list[ConfigError]]:
    """The settings of a file, and what is wrong with it; what is wrong is left out."""
    problems: list[ConfigError] = list(unread_sections(file, "cel"))
    flags: dict[str, bool] = {}
    events: set[str] = set()
    everything = False
    applications: dict[str, None] = {}
    dateformat = ""
    for section, known in OPTIONS.items():
        for option in file.options(section):
            name = option.name.lower()
            if name not in known:
                problems.append(option.error(f"unknown in [{section}]", ", ".join(known)))
            elif name == "events":
                everything = _add_events(option, events, problems) or everything
            elif name == "apps":
                applications.update(dict.fromkeys(word.lower() for word in _words(option)))
            elif name == "dateformat":
                dateformat = option.value
            elif is_boolean(option.value):
                flags[name] = is_true(option.value)
            else:
                problems.append(option.error(f"'{option.value}' is not yes or no"))
    settings = CelSettings(
        flags.get("enable", False),
        frozenset(events),
        everything,
        tuple(applications)[:MOST_APPLICATIONS],
        dateformat,
        flags.get("enabled", False),
        flags.get("show_user_defined", False),
    )
    return settings, problems


def _words(option: Option) -> list[str]:
    return [word for part in option.value.split(",") if (word := part.strip())]


def _add_events(option: Option, events: set[str], problems: list[ConfigError]) -> bool:
    """Add the events that an option names; whether all are."""
    everything = False
    for word in _words(option):
        name = word.upper()
        if name == "ALL":
            everything = True
            events.update(EVENTS)
        elif name in EVENTS:
            events.add(name)
        else:
            problems.append(option.error(f"there is no event '{word}'", f"ALL, {', '.join(EVENTS)}"))
    return everything
