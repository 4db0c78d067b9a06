"""``features.conf``: the options, the codes, the applications on keys and their groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from asterism.config.values import is_boolean, is_true
from asterism.pbx.dialplan.language.arguments import split_arguments

if TYPE_CHECKING:
    from asterism.config import ConfigFile, Option
    from asterism.core.errors import ConfigError

FILE = "features.conf"
DIGITS = "0123456789*#ABCD"
LONGEST_CODE = 11
"""Digits that a code may have."""
MOST_SECONDS = 86_400
MOST = 1_000
"""Applications, and groups, that one file may have."""


class Spec(NamedTuple):
    """One option: its kind, its default as it is written, and what it does."""

    kind: str
    default: str
    help: str


GENERAL: Mapping[str, Spec] = MappingProxyType({
    "transferdigittimeout": Spec("seconds", "3", "How long a transferer may wait between two digits of the number."),
    "featuredigittimeout": Spec("milliseconds", "1000", "How long a party may wait between two digits of a code; then "
                                "they are passed on to the others."),
    "transferdialattempts": Spec("number", "3", "How often a transferer may try to dial an extension that exists."),
    "transferannouncesound": Spec("sound", "pbx-transfer", "Sound that asks the transferer for the number."),
    "transferretrysound": Spec("sound", "pbx-invalid", "Sound after a number that does not exist: another attempt."),
    "transferinvalidsound": Spec("sound", "privacy-incorrect", "Sound after the last attempt."),
    "xfersound": Spec("sound", "beep", "Sound for the target of an attended transfer that is complete."),
    "xferfailsound": Spec("sound", "beeperr", "Sound for a transferer who is back with the transferee."),
    "atxferabort": Spec("code", "*1", "Attended transfer: leave the target, go back."),
    "atxfercomplete": Spec("code", "*2", "Attended transfer: connect the two and leave, as hanging up does."),
    "atxferthreeway": Spec("code", "*3", "Attended transfer: all three talk."),
    "atxferswap": Spec("code", "*4", "Attended transfer: talk to the other one, the present one waits."),
    "atxfernoanswertimeout": Spec("seconds", "15", "How long the target of an attended transfer is called."),
    "atxferdropcall": Spec("flag", "no", "The transferer has hung up and the target does not answer: end the call, "
                           "instead of calling the transferer back."),
    "atxferloopdelay": Spec("seconds", "10", "Pause between two attempts to call the transferer back."),
    "atxfercallbackretries": Spec("number", "2", "Attempts to call the transferer back."),
    "pickupexten": Spec("exten", "*8", "The extension, in every context, by which a phone answers a call that rings "
                        "at another phone of its pickup groups; empty: there is none."),
    "pickupsound": Spec("sound", "", "Sound for the phone that picks a call up."),
    "pickupfailsound": Spec("sound", "", "Sound for a phone that finds nothing to pick up; without it the call is "
                            "refused with 403."),
    "courtesytone": Spec("sound", "", "Sound that both parties hear when a recording by key begins or ends."),
    "recordingfailsound": Spec("sound", "", "Sound for a party whose recording by key could not begin."),
})  # fmt: skip
"""The options of ``[general]``."""

FEATUREMAP: Mapping[str, Spec] = MappingProxyType({
    "blindxfer": Spec("code", "#", "Blind transfer; for parties with the option t or T."),
    "atxfer": Spec("code", "", "Attended transfer; for parties with the option t or T."),
    "disconnect": Spec("code", "*", "End the call; for parties with the option h or H."),
    "parkcall": Spec("code", "", "Park the other party; for parties with the option k or K."),
    "automixmon": Spec("code", "", "Begin or end a recording; for parties with the option x or X."),
    "automon": Spec("code", "", "The same, for parties with the option w or W."),
})  # fmt: skip
"""The options of ``[featuremap]``: the codes of what is built in."""

OPTIONS: Mapping[str, Spec] = MappingProxyType({**GENERAL, **FEATUREMAP})
ACCEPTED: Mapping[str, str] = MappingProxyType({
    "seconds": f"whole seconds from 0 to {MOST_SECONDS}",
    "milliseconds": f"whole milliseconds from 0 to {MOST_SECONDS * 1000}",
    "number": "a whole number from 0 to 100",
    "flag": "yes or no",
    "code": f"up to {LONGEST_CODE} of the digits 0-9, *, #, A-D; empty: there is no code",
    "exten": "an extension",
    "sound": "the name of a sound without ending, as for Playback; empty: none",
})  # fmt: skip
"""What each kind of option takes, in words."""
_LIMITS = {"seconds": MOST_SECONDS, "milliseconds": MOST_SECONDS * 1000, "number": 100}


def convert(name: str, value: str) -> Any:
    """The value of an option from its text.

    Raises:
        KeyError: There is no such option.
        ValueError: The option does not take this.
    """
    kind = OPTIONS[name].kind
    value = value.strip()
    limit = _LIMITS.get(kind)
    if limit is not None:
        if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value) <= limit):
            raise ValueError(f"'{value}' is not {ACCEPTED[kind]}")
        return int(value)
    if kind == "flag":
        if not is_boolean(value):
            raise ValueError(f"'{value}' is not yes or no")
        return is_true(value)
    if kind == "code" and not is_code(value) and value:
        raise ValueError(f"'{value}' is no code: {ACCEPTED[kind]}")
    return value.upper() if kind == "code" else value


def is_code(text: str) -> bool:
    """Whether a text is digits that a phone can send, and not too many."""
    return 0 < len(text) <= LONGEST_CODE and not set(text.upper()) - set(DIGITS)


_DEFAULTS: Mapping[str, Any] = MappingProxyType({name: convert(name, spec.default) for name, spec in OPTIONS.items()})


class Options:
    """The options of ``[general]`` and ``[featuremap]``, each an attribute: seconds, numbers, texts, truth values."""

    __slots__ = ("_values", "inherit")

    def __init__(self, values: Mapping[str, Any] = _DEFAULTS, inherit: bool = False) -> None:
        self._values = values
        self.inherit = inherit
        """Whether channels called by the one that these are of get them as well."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None

    def text(self, name: str) -> str:
        """An option as it is written; raises ``KeyError`` where there is none of this name."""
        value = self._values[name]
        if isinstance(value, bool):
            return "yes" if value else "no"
        return str(value)

    def having(self, name: str, value: str) -> Options:
        """A copy with one option set; raises what :func:`convert` raises."""
        return Options({**self._values, name: convert(name, value)}, self.inherit)

    def inherited(self, inherit: bool) -> Options:
        """A copy that is handed down to called channels, or not."""
        return Options(self._values, inherit)


@dataclass(frozen=True, slots=True)
class KeyedApplication:
    """An application on a key (``[applicationmap]``)."""

    name: str
    code: str
    on_peer: bool
    """Whether it runs on the others instead of the party that has dialled the code."""
    by: str
    """Which party may dial it: ``caller``, ``callee`` or ``both``."""
    application: str
    data: str = ""
    music: str = ""
    """Class of music that the others hear while it runs; empty: none."""


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """The whole file."""

    options: Options = field(default_factory=Options)
    applications: Mapping[str, KeyedApplication] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Codes of applications by group; an empty one is the application's own."""

    def named(self, names: str) -> list[KeyedApplication]:
        """The applications that ``DYNAMIC_FEATURES`` names: theirs and groups' names, joined by ``#``."""
        found: list[KeyedApplication] = []
        for name in names[:4096].split("#"):
            name = name.strip()
            if (one := self.applications.get(name)) is not None:
                found.append(one)
            for member, code in self.groups.get(name, {}).items():
                one = self.applications[member]
                found.append(replace(one, code=code) if code else one)
        return found


def read_settings(file: ConfigFile) -> tuple[FeatureSettings, list[ConfigError]]:
    """The settings of a file, and what is wrong with it; what is wrong is left at its default."""
    problems: list[ConfigError] = []
    values = dict(_DEFAULTS)
    for section, known in (("general", GENERAL), ("featuremap", FEATUREMAP)):
        for option in file.options(section):
            name = option.name.lower()
            if name not in known:
                problems.append(option.error(f"unknown in [{section}]", _near(known)))
                continue
            try:
                values[name] = convert(name, option.value)
            except ValueError as error:
                problems.append(option.error(str(error)))
    applications: dict[str, KeyedApplication] = {}
    for option in file.options("applicationmap"):
        found = _application(option, problems)
        if found is not None and (len(applications) < MOST or found.name in applications):
            applications[found.name] = found
    groups: dict[str, dict[str, str]] = {}
    for part in file:
        if part.name.lower() in ("general", "featuremap", "applicationmap") or len(groups) >= MOST:
            continue
        group = groups.setdefault(part.name, {})
        for option in part:
            if option.name not in applications:
                problems.append(option.error(f"group {part.name}: there is no such application in [applicationmap]"))
            elif option.value and not is_code(option.value):
                problems.append(option.error(f"group {part.name}: '{option.value}' is no code", ACCEPTED["code"]))
            else:
                group[option.name] = option.value.upper()
    return FeatureSettings(Options(values), applications, groups), problems


def _near(known: Mapping[str, Spec]) -> str:
    return ", ".join(known)


def _application(option: Option, problems: list[ConfigError]) -> KeyedApplication | None:
    """``name => digits,self|peer[/caller|callee|both],application[(arguments)][,arguments][,music class]``."""
    words = [word.strip() for word in split_arguments(option.value)]
    code, who, application, *rest = [*words, "", "", ""]
    rest = rest[: max(0, len(words) - 3)]
    where, _, by = who.lower().partition("/")
    if where in ("caller", "callee") and not by:
        where, by = "self", where
    data = ""
    name, parenthesis, arguments = application.partition("(")
    if parenthesis:
        application, data = name.strip(), arguments.removesuffix(")")
    elif rest:
        data = rest.pop(0)
        if data[:1] == data[-1:] == '"' and len(data) > 1:
            data = data[1:-1]
    problem = ""
    if not is_code(code):
        problem = f"'{code}' is no code: {ACCEPTED['code']}"
    elif where not in ("self", "peer"):
        problem = f"'{who}' is not self or peer"
    elif by not in ("", "caller", "callee", "both"):
        problem = f"'{by}' is not caller, callee or both"
    elif not application:
        problem = "there is no application"
    elif len(rest) > 1:
        problem = "more than one argument, and a music class: put arguments with commas in quotes"
    if problem:
        problems.append(option.error(problem, "digits,self or peer[/caller, callee or both],application[,arguments]"))
        return None
    return KeyedApplication(
        option.name, code.upper(), where == "peer", by or "both", application, data, rest[0] if rest else ""
    )
