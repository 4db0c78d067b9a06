"""``extensions.conf``: applications, functions, options, technologies and sounds that there are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.command.checking.conferences import Profiles
from asterism.command.checking.problems import Problems
from asterism.core.errors import ConfigError, Position
from asterism.core.nearest import suggestion
from asterism.media.recording.soundfile import UnwritableError, growth
from asterism.media.soundfiles import SoundError
from asterism.media.soundfiles.table import kind_of
from asterism.pbx.dialplan.applications.dial.options import KNOWN, parse_options, split_options
from asterism.pbx.dialplan.language.arguments import (
    split_arguments,
    split_assignment,
    split_call,
    split_condition,
    split_names,
)
from asterism.pbx.dialplan.language.contexts import HINT, Priority
from asterism.pbx.dialplan.language.loader import read
from asterism.pbx.dialplan.language.substitution import ANY_FUNCTION, Template, compile_text
from asterism.pbx.dialplan.language.table import split_hint

if TYPE_CHECKING:
    from asterism.command.checking.registries import Offer, Registries
    from asterism.config.asterisk_conf import Options
    from asterism.config.file import ConfigFile
    from asterism.media.soundfiles import Sounds

_UNKNOWN = "\ue000"
"""Stands for what is known only when a call is there: a variable, a function's value, an expression."""
_COMMANDS = ("app_system", "func_shell")
"""Modules that run commands of the operating system."""
_INSTEAD = MappingProxyType({
    "changemonitor": "StopMixMonitor and MixMonitor",
    "meetme": "ConfBridge",
    "meetmeadmin": "ConfKick, or the manager's Confbridge actions",
    "meetmecount": "CONFBRIDGE_INFO(parties,name)",
    "monitor": "MixMonitor, with option D for the two directions",
    "nocdr": "Set(CDR_PROP(disable)=1)",
    "pausemonitor": "the manager's MixMonitorMute",
    "setamaflags": "Set(CHANNEL(amaflags)=...)",
    "setcallerid": "Set(CALLERID(all)=...)",
    "stopmonitor": "StopMixMonitor",
    "unpausemonitor": "the manager's MixMonitorMute",
})  # fmt: skip
"""Applications that Asterisk itself has no more, in old dialplans: what does the same."""
_EXECUTORS = {"execif": "condition", "execiftime": "condition", "exec": ""}
"""Applications whose arguments are applications. Not TryExec, which is for those that there may not be."""


@dataclass(frozen=True, slots=True)
class Languages:
    """Where sounds are looked for."""

    sounds: Sounds
    names: tuple[str, ...]

    @classmethod
    def below(cls, sounds: Sounds, data: Path, default: str) -> Languages:
        """The languages of the data folder besides the default one and English."""
        folder = data / "sounds"
        found = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
        return cls(sounds, tuple(dict.fromkeys((default or "en", "en", *found))))

    def wrong(self, name: str) -> str:
        """Why a sound can be played in none of them, or ``""``."""
        found = [path for language in self.names if (path := self.sounds.find(name, language)) is not None]
        if not found:
            return f"there is no sound '{name}'"
        told = ""
        for path in dict.fromkeys(found):
            try:
                # in its own format: phones may take what is not decoded here
                self.sounds.open(path, kind_of(path).format)
            except SoundError as error:
                told = told or f"the sound '{name}' cannot be played: {error}"
            else:
                return ""
        return told


def check_dialplan(file: ConfigFile, lines: Lines, found: Problems) -> None:
    """Check a dialplan."""
    plan = read(file, lambda text, _variables: text)
    found.add(plan.problems)
    for context in plan.table.contexts.values():
        for extension in context.extensions.values():
            for priority in extension.priorities.values():
                lines.check(priority)


def masked(text: str) -> str:
    """``text`` with :data:`_UNKNOWN` for everything that is replaced in a call."""
    compiled = compile_text(text)
    if isinstance(compiled, str):
        return compiled
    return "".join(part if isinstance(part, str) else _UNKNOWN for part in compiled.parts)


class Lines:
    """Checks one line after the other.

    ``loaded`` are the modules that ``modules.conf`` has loaded, ``options`` those of ``asterisk.conf``, and
    ``conferences`` is ``confbridge.conf``.
    """

    def __init__(
        self,
        registries: Registries,
        loaded: set[str],
        languages: Languages,
        found: Problems,
        options: Options,
        conferences: ConfigFile | None = None,
    ) -> None:
        self._registries = registries
        self._commands = options.dialplan_commands
        self._recording_commands = options.recording_commands
        self._profiles = Profiles(conferences, _UNKNOWN)
        self._loaded = loaded
        self._languages = languages
        self._found = found
        self._position: Position | None = None

    def check_name(self, text: str, position: Position | None) -> None:
        """Check a variable, or ``FUNCTION(arguments)``, that an option like ``set_var`` sets."""
        self._position = position
        self._assignment(f"{masked(text)}=")

    def check_text(self, text: str, position: Position | None) -> None:
        """Check a text whose variables and functions are replaced, as that of a file of records."""
        self._position = position
        compiled = compile_text(text)
        if not isinstance(compiled, str):
            self._functions(compiled)

    def check_sounds(self, names: str, position: Position | None) -> None:
        """Check sounds, joined by ``&``, that an option names."""
        self._position = position
        self._sounds(names)

    def check(self, priority: Priority) -> None:
        """Check a line of the dialplan."""
        self._position = priority.position
        if priority.number == HINT:
            self._hint(priority.application)
            return
        if priority.template is not None:
            self._functions(priority.template)
        self._call(priority.application, masked(priority.data))

    def _tell(self, message: str) -> None:
        self._found.add([ConfigError(message, self._position)])

    def _tell_all(self, messages: Iterable[str]) -> None:
        for message in messages:
            self._tell(message)

    def _offer(self, kind: str, name: str, offers: dict[str, Offer]) -> Offer | None:
        """The entry registered under a literal name; reports a name that is unknown, or whose module is not loaded."""
        folded = name.lower()
        if not name or _UNKNOWN in name or "$" in name or folded in self._registries.words:
            return None
        offer = offers.get(folded)
        if offer is None:
            instead = _INSTEAD.get(folded, "") if offers is self._registries.applications else ""
            near = f"; use {instead}" if instead else suggestion(name, [each.name for each in offers.values()])
            self._tell(f"there is no {kind} '{name}'{near}")
        elif offer.module not in self._loaded:
            self._tell(f"the {kind} '{name}' is of the module '{offer.module}', which modules.conf does not load")
        elif offer.module in _COMMANDS and not self._commands:
            self._tell(f"the {kind} '{name}' runs nothing without 'dialplan_commands = yes' in asterisk.conf")
        return offer

    def _functions(self, template: Template) -> None:
        for name in dict.fromkeys(template.functions):
            if name != ANY_FUNCTION:
                self._function(name)

    def _function(self, name: str) -> None:
        offer = self._offer("function", name, self._registries.functions)
        if offer is not None and offer.name != name:
            self._tell(f"there is no function '{name}'; did you mean '{offer.name}'?")

    def _technology(self, name: str) -> None:
        self._offer("channel technology", name, self._registries.technologies)

    def _hint(self, text: str) -> None:
        devices, _ = split_hint(masked(text))
        for device in re.split("[&,]", devices):
            technology, slash, _ = device.strip().partition("/")
            if slash and ":" not in technology:
                self._technology(technology)

    def _call(self, name: str, data: str) -> None:
        """One application with its arguments, in which everything that is replaced is masked."""
        folded = name.lower()
        if folded in ("set", "mset"):
            for one in [data] if folded == "set" else split_arguments(data):
                self._assignment(one)
        elif folded in _EXECUTORS:
            for call in _nested(folded, data):
                self._call(*split_call(call))
        offer = self._offer("application", name, self._registries.applications)
        if offer is None:
            return
        if folded == "dial":
            self._dial(data)
            return
        names = _parameters(offer)
        values = split_arguments(data)
        for index, value in enumerate(values):
            parameter = names[index] if index < len(names) else ""
            if parameter.startswith("filename"):
                self._sounds(value)
            elif parameter == "options":
                self._options(offer, values[index:] if index == len(names) - 1 else [value])
        if folded in ("mixmonitor", "record") and values:
            self._written(offer, values)
        if folded == "confbridge":
            self._tell_all(self._profiles.wrong_names(values))
        elif folded == "mixmonitor" and not self._recording_commands and "".join(values[2:]).strip():
            self._tell("MixMonitor: its command is not run without 'recording_commands = yes' in asterisk.conf")

    def _assignment(self, text: str) -> None:
        found = split_assignment(text)
        name, value = found or ("", "")
        function, arguments = split_call(name)
        if "(" in name:
            self._function(function)
        if function == "CONFBRIDGE":
            self._tell_all(self._profiles.wrong_option(arguments, value))

    def _dial(self, data: str) -> None:
        destinations, _, options = [*split_arguments(data, limit=3), "", ""][:3]
        for destination in split_names(destinations):
            technology, slash, _ = destination.partition("/")
            if slash:
                self._technology(technology)
            elif _UNKNOWN not in destination:
                self._tell(f"Dial: '{destination}' is no destination: Technology/resource is, PJSIP/alice for example")
        if _UNKNOWN not in options:
            for problem in parse_options(options).problems:
                self._tell(f"Dial: {problem}")
            return
        for letter, _argument in split_options(options):
            if letter not in KNOWN and letter != _UNKNOWN:
                self._tell(f"Dial: Unrecognized option: '{letter}'")

    def _options(self, offer: Offer, values: list[str]) -> None:
        accepted = next((each.values for each in offer.documentation.arguments if each.name == "options"), ())
        names = [re.split(r"[(\[]", each[0])[0] for each in accepted]
        if not names:
            return
        if all(len(name) == 1 for name in names):
            given = [letter for letter in re.sub(r"\([^)]*\)", "", "".join(values)) if not letter.isspace()]
        else:
            given = [value.strip().lower() for value in values]
        for option in given:
            if option and _UNKNOWN not in option and option not in names:
                near = suggestion(option, names) if len(option) > 1 else ""
                self._tell(f"{offer.name}: there is no option '{option}'{near}; accepted: {', '.join(names)}")

    def _written(self, offer: Offer, values: list[str]) -> None:
        """A file that is to be recorded: whether its kind can be written here."""
        name, options = values[0].strip(), re.sub(r"\([^)]*\)", "", "".join(values[1:2]))
        stereo = offer.name == "MixMonitor" and "D" in options
        if name and _UNKNOWN not in Path(name).suffix:
            try:
                growth(Path(name), 2 if stereo else 1)
            except UnwritableError as error:
                self._tell(f"{offer.name}: {error}".replace(_UNKNOWN, "..."))

    def _sounds(self, names: str) -> None:
        for name in split_names(names):
            if _UNKNOWN not in name and (wrong := self._languages.wrong(name)):
                self._tell(wrong)


def _nested(executor: str, data: str) -> Iterator[str]:
    """The calls of applications in the arguments of one that runs others."""
    if not _EXECUTORS[executor]:
        yield data
        return
    found = split_condition(data)
    if found is not None:
        # ExecIfTime has one branch, whose colons are its own.
        yield from filter(None, found[1:] if executor == "execif" else [data.partition("?")[2]])


def _parameters(offer: Offer) -> list[str]:
    """The names of an application's arguments, in their order."""
    _, _, inside = offer.documentation.syntax.partition("(")
    return [name.strip() for name in inside.replace("[", "").replace("]", "").replace(")", "").split(",")]
