"""``extensions.conf`` on top of the configuration syntax: sections become contexts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asterism.config import ConfigFile, Option, Section
from asterism.core.errors import ConfigError
from asterism.pbx.dialplan.language.contexts import HINT, ContextTable, Include
from asterism.pbx.dialplan.language.patterns import MAX_PATTERN
from asterism.pbx.dialplan.language.timing import TimeSpec, parse_time_spec

REGISTRAR = "pbx_config"
Expand = Callable[[str, Mapping[str, str]], str]
"""Replaces variables in a text, with those given besides the server's."""
_PRIORITY = re.compile(
    r"(?P<base>\d+|n|s|hint)\s*(?P<plus>\+\s*\d+)?\s*(?:\((?P<label>[^)]*)\))?\s*(?P<late>\+\s*\d+)?\Z"
)
_SEPARATORS = re.compile(r"[,|]")


@dataclass
class LoadedDialplan:
    """Contents of a dialplan file: contexts, globals, ``[general]`` options, and the errors of single lines."""

    table: ContextTable = field(default_factory=ContextTable)
    globals: dict[str, str] = field(default_factory=dict)
    autofallthrough: bool = True
    clear_globals: bool = False
    substituted_syntax: bool = False
    problems: list[ConfigError] = field(default_factory=list)


def load(path: Path, expand: Expand, *, allow_exec: bool = False) -> LoadedDialplan:
    """Read ``extensions.conf``; a missing file is empty.

    ``expand`` replaces variables in names and values; those of the file that stand before are among them. Raises
    :class:`~asterism.core.errors.ConfigError` for a syntax error; a wrong line is skipped and reported in ``problems``.
    """
    return read(ConfigFile.load(path, allow_exec=allow_exec, missing_ok=True), expand)


def read(file: ConfigFile, expand: Expand) -> LoadedDialplan:
    """Make the contexts of a file that has been read."""
    loaded = LoadedDialplan()
    loaded.problems.extend(file.warnings)
    general = file.options("general")
    loaded.autofallthrough = general.flag("autofallthrough", True)
    loaded.clear_globals = general.flag("clearglobalvars", False)
    loaded.substituted_syntax = general.flag("substituted_syntax", False)
    for option in file.options("globals"):
        loaded.globals[option.name] = expand(option.value, loaded.globals)
    for section in file.sections:
        if section.name.lower() not in ("general", "globals"):
            _Context(loaded, section, lambda text: expand(text, loaded.globals)).read()
    # Listings show the newest context first.
    loaded.table.contexts = dict(reversed(loaded.table.contexts.items()))
    return loaded


class _Context:
    """Reads one section."""

    def __init__(self, loaded: LoadedDialplan, section: Section, expand: Callable[[str], str]) -> None:
        self.loaded = loaded
        self.section = section
        self.expand = expand
        self.context = loaded.table.context(section.name, REGISTRAR)
        self.exten = ""
        self.callerid: str | None = None
        self.last = 0

    def read(self) -> None:
        for option in self.section:
            name = option.name.lower()
            try:
                if name == "exten":
                    self.exten_line(option)
                elif name == "same":
                    if not self.exten:
                        raise option.error("there is no extension before it in this context")
                    self.priority_line(option, option.value)
                elif name == "include":
                    self.include(option)
                elif name == "ignorepat":
                    self.context.ignore_patterns.append((option.value.strip(), REGISTRAR))
                elif name in ("switch", "lswitch", "eswitch", "autohints"):
                    raise option.error("it is not supported and ignored")
                else:
                    raise option.error("it is not an option of a context", "exten, same, include, ignorepat")
            except ConfigError as error:
                self.loaded.problems.append(error)

    def exten_line(self, option: Option) -> None:
        name, rest = _split_name(option.value)
        if rest is None:
            raise option.error("it needs a priority and an application", "name,priority,Application(arguments)")
        if "$" in name:
            name = self.expand(name)
        self.exten, self.callerid = _split_callerid(name)
        if not self.exten or len(self.exten) > MAX_PATTERN:
            raise option.error("the extension's name is empty or too long")
        self.priority_line(option, rest)

    def priority_line(self, option: Option, text: str) -> None:
        priority, comma, call = text.partition(",")
        if "$" in priority:
            priority = self.expand(priority)
        found = _PRIORITY.match(priority.strip())
        if found is None:
            raise option.error(f"'{priority.strip()}' is not a priority", "a number, n, n+2, s or hint, with (label)")
        base = found["base"]
        label = (found["label"] or "").strip()
        if base == "hint":
            if not call.strip():
                raise option.error("the hint names no device")
            self.add(option, HINT, call.strip(), "", "")
            return
        plus = int((found["plus"] or found["late"] or "0").lstrip("+").strip()[:9])
        number = self.last + 1 if base == "n" else self.last if base == "s" else int(base[:9])
        number += plus
        if number < 1:
            raise option.error(f"'{priority.strip()}' is used before any priority of this extension")
        if not comma or not call.strip():
            raise option.error("the application is missing")
        self.last = number
        name, arguments = split_application(call.strip())
        before, parenthesis, after = call.partition("(")
        if parenthesis and ")" not in after and "," not in before:
            # As Asterisk: a complaint, and all of the text counts.
            self.loaded.problems.append(option.error(f"{name} has no closing parenthesis"))
        self.add(option, number, name, arguments, label)

    def add(self, option: Option, number: int, application: str, data: str, label: str) -> None:
        try:
            self.context.add(
                self.exten,
                number,
                application,
                data,
                REGISTRAR,
                callerid=self.callerid,
                label=label,
                position=option.position,
            )
        except ValueError as error:
            raise option.error(str(error)) from None

    def include(self, option: Option) -> None:
        value = self.expand(option.value) if "$" in option.value else option.value
        name, *times = _SEPARATORS.split(value.strip(), maxsplit=1)
        spec: TimeSpec | None = None
        if times:
            try:
                spec = parse_time_spec(times[0])
            except ValueError as error:
                raise option.error(str(error), "times,weekdays,mdays,months[,timezone]") from None
        if any(include.text == value.strip() for include in self.context.includes):
            return
        self.context.includes.append(Include(name.strip(), REGISTRAR, spec, value.strip()))


def _split_name(text: str) -> tuple[str, str | None]:
    """``name,rest`` at the first comma outside a ``[...]`` set."""
    depth = 0
    for index, character in enumerate(text):
        if character == "[":
            depth += 1
        elif character == "]" and depth:
            depth -= 1
        elif character == "," and not depth:
            return text[:index].strip(), text[index + 1 :]
    name, comma, rest = text.partition(",")
    return name.strip(), rest if comma else None


def _split_callerid(name: str) -> tuple[str, str | None]:
    """``name/callerid``; the slash counts outside a ``[...]`` set only."""
    depth = 0
    for index, character in enumerate(name):
        if character == "[":
            depth += 1
        elif character == "]" and depth:
            depth -= 1
        elif character == "/" and not depth:
            return name[:index].strip(), name[index + 1 :].strip()
    return name, None


def split_application(call: str) -> tuple[str, str]:
    """``App(arguments)``; the older ``App,arguments`` is read too."""
    parenthesis = call.find("(")
    comma = call.find(",")
    if comma >= 0 and (parenthesis < 0 or comma < parenthesis):
        return call[:comma].strip(), call[comma + 1 :].strip()
    if parenthesis < 0:
        return call.strip(), ""
    end = call.rfind(")")
    return call[:parenthesis].strip(), call[parenthesis + 1 : end if end > parenthesis else len(call)]
