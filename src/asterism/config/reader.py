"""The reader behind :class:`~asterism.config.file.ConfigFile`.

It follows Asterisk in what is fatal (a broken header, a missing template or include, an option
before any section) and what is only skipped with a warning (a line without ``=``, an unknown
directive). All errors of a file are collected.
"""

from __future__ import annotations

import glob
import re
import subprocess
from pathlib import Path

from asterism.config.comments import CommentStripper
from asterism.config.errors import ConfigErrors
from asterism.config.file import ConfigFile, Option, Section
from asterism.core.errors import ConfigError, Position
from asterism.core.regex import Regex, RegexError, compile_regex

MAX_INCLUDE_DEPTH = 10
EXEC_TIMEOUT = 30.0
"""Seconds an ``#exec`` command may take."""
_MOST_INHERITED = 100_000
"""Lines that one section has of templates: each template may double those of another."""


class Reader:
    """Reads one file with its includes into one :class:`ConfigFile`."""

    def __init__(self, path: Path, root: Path | None, allow_exec: bool | None) -> None:
        self._path = path
        self._root = path.parent if root is None else root
        self._allow_exec = allow_exec
        self._file = ConfigFile(str(path))
        self._errors: list[ConfigError] = []
        self._by_name: dict[str, list[Section]] = {}
        self._section: Section | None = None
        self._broken = False
        self._open: list[Path] = []

    def load(self, missing_ok: bool) -> ConfigFile:
        """Read the file itself."""
        try:
            missing = missing_ok and not self._path.exists()
        except OSError:  # a name that the file system does not take: reading says so
            missing = False
        if missing:
            return self._file
        self._read_file(self._path, None)
        return self._finish()

    def parse(self, text: str) -> ConfigFile:
        """Read ``text`` in the file's place."""
        self._open.append(self._path)
        self._read_text(text, str(self._path))
        return self._finish()

    def _finish(self) -> ConfigFile:
        if self._errors:
            raise ConfigErrors(self._errors)
        return self._file

    def _error(self, message: str, position: Position | None) -> None:
        self._errors.append(ConfigError(message, position))

    def _warn(self, message: str, position: Position) -> None:
        self._file.warnings.append(ConfigError(message, position))

    def _read_file(self, path: Path, included_at: Position | None) -> None:
        try:
            resolved = path.resolve()
            if resolved in self._open:
                self._error(f"'{path}' includes itself", included_at)
                return
            if len(self._open) > MAX_INCLUDE_DEPTH:
                self._error(f"includes are nested more than {MAX_INCLUDE_DEPTH} deep at '{path}'", included_at)
                return
            data = path.read_bytes()
        except (OSError, ValueError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            self._error(f"cannot read '{path}': {reason}", included_at)
            return
        self._file.paths.append(path)
        self._open.append(resolved)
        # Unknown bytes survive to the value; a byte order mark is not part of the text.
        self._read_text(data.decode("utf-8-sig", "surrogateescape"), str(path))
        self._open.pop()

    def _read_text(self, text: str, source: str) -> None:
        comments = CommentStripper()
        number = 0
        for number, raw in enumerate(text.split("\n"), 1):
            line = comments.strip(raw, number)
            if line:
                self._read_line(line, Position(source, number))
        if comments.depth:
            self._warn("this block comment is never closed", Position(source, min(comments.opened, number)))

    def _read_line(self, line: str, position: Position) -> None:
        first = line[0]
        if first == "[":
            self._read_header(line, position)
        elif first == "#":
            self._read_directive(line, position)
        else:
            self._read_option(line, position)

    # Sections

    def _read_header(self, line: str, position: Position) -> None:
        self._section, self._broken = None, True
        end = line.find("]")
        if end < 0:
            return self._error("the section header has no closing ']'", position)
        name = line[1:end].strip()
        if not name:
            return self._error("the section has no name", position)
        rest = line[end + 1 :].strip()
        arguments: list[str] = []
        if rest.startswith("("):
            close = rest.rfind(")")
            if close < 0:
                return self._error(f"the header of section '{name}' has no closing ')'", position)
            arguments = [part.strip() for part in rest[1:close].split(",") if part.strip()]
        elif rest:
            self._warn(f"'{rest}' after the header of section '{name}' is ignored", position)
        section = self._make_section(name, arguments, position)
        if section is not None:
            self._section, self._broken = section, False
        return None

    def _make_section(self, name: str, arguments: list[str], position: Position) -> Section | None:
        section: Section | None = None
        for argument in arguments:
            if argument.startswith("+"):
                section = self._existing(name, argument[1:].strip(), position)
                if section is None:
                    return None
        if section is None:
            section = Section(name, position, template="!" in arguments)
            self._by_name.setdefault(name.lower(), []).append(section)
        for argument in arguments:
            if argument == "!" or argument.startswith("+"):
                continue
            base = next(iter(self._by_name.get(argument.lower(), ())), None)
            if base is None or base is section:
                self._error(f"section '{name}' inherits from '{argument}', which is not defined before it", position)
                continue
            if len(section.options) + len(base.options) > _MOST_INHERITED:
                self._error(f"section '{name}' inherits more than {_MOST_INHERITED} lines", position)
                continue
            section.inherits.append(base.name)
            section.options.extend(Option(o.name, o.value, o.position, o.arrow, True) for o in base.options)
        if section.position is position:
            (self._file.templates if section.template else self._file.sections).append(section)
        return section

    def _existing(self, name: str, qualifier: str, position: Position) -> Section | None:
        """The section that ``[name](+)`` or ``[name](+type=aor&...)`` adds to: the first that fits."""
        for section in self._by_name.get(name.lower(), ()):
            try:
                if _fits(section, qualifier):
                    return section
            except RegexError as error:
                self._error(f"'{qualifier}' is not a valid qualifier: {error}", position)
                return None
        wanted = f"'{name}' that fits '{qualifier}'" if qualifier else f"'{name}'"
        self._error(f"there is no section {wanted} to add to", position)
        return None

    # Options

    def _read_option(self, line: str, position: Position) -> None:
        name, equals, value = line.partition("=")
        if not equals:
            return self._warn(f"'{_shown(line)}' has no '=' and is ignored", position)
        if self._section is None:
            if not self._broken:
                self._error("there is an option before the first section", position)
                self._broken = True
            return None
        arrow = value.startswith(">")
        if arrow:
            value = value[1:]
        append = name.endswith("+")
        name = (name[:-1] if append else name).strip()
        value = value.strip()
        if append:
            value = self._section.get(name) + value
        self._section.options.append(Option(name, value, position, arrow))
        return None

    # Directives

    def _read_directive(self, line: str, position: Position) -> None:
        words = line[1:].split(None, 1)
        name = words[0].lower() if words else ""
        if name not in ("include", "tryinclude", "exec"):
            return self._warn(f"'#{_shown(name)}' is not a directive and is ignored", position)
        argument = _unquoted(words[1].strip() if len(words) > 1 else "")
        if not argument:
            return self._error(f"'#{name}' names nothing", position)
        if name == "exec":
            return self._exec(argument, position)
        return self._include(argument, position, name == "include")

    def _include(self, pattern: str, position: Position, required: bool) -> None:
        full = str(self._root / pattern)
        try:
            found = sorted(glob.glob(full)) or [full]
        except (OSError, ValueError, RecursionError, re.error):
            found = [full]
        for name in found:
            path = Path(name)
            try:
                exists = path.is_file()
            except (OSError, ValueError):
                exists = False
            if exists:
                self._read_file(path, position)
            elif required:
                self._error(f"the included file '{_shown(pattern)}' does not exist", position)

    def _exec(self, command: str, position: Position) -> None:
        if self._allow_exec is None:
            self._file.not_run.append(position)
            return None
        if not self._allow_exec:
            return self._error("'#exec' needs execincludes=yes in asterisk.conf [options]", position)
        try:
            run = subprocess.run(command, shell=True, capture_output=True, timeout=EXEC_TIMEOUT, check=False)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return self._error(f"'#exec {_shown(command)}' failed: {error}", position)
        if run.returncode:
            return self._error(f"'#exec {_shown(command)}' ended with status {run.returncode}", position)
        return self._read_text(run.stdout.decode("utf-8-sig", "surrogateescape"), f"#exec {command}")


def _fits(section: Section, qualifier: str) -> bool:
    """Whether every ``name=value`` of ``qualifier`` (two regular expressions) is met by an option.

    ``TEMPLATES=restrict`` looks only at options that came from templates.
    """
    restrict = False
    tests: list[tuple[Regex, Regex]] = []
    for part in qualifier.split("&"):
        name, _, value = part.partition("=")
        if name.strip() == "TEMPLATES":
            restrict = value.strip().lower() == "restrict"
        elif part.strip():
            tests.append((compile_regex(name.strip()), compile_regex(value.strip())))
    options = [option for option in section.options if option.inherited or not restrict]
    return all(any(name.fullmatch(o.name) and value.fullmatch(o.value) for o in options) for name, value in tests)


def _unquoted(text: str) -> str:
    if len(text) > 1 and (text[0], text[-1]) in (('"', '"'), ("<", ">"), ("'", "'")):
        return text[1:-1].strip()
    return text


def _shown(text: str) -> str:
    """``text`` short and harmless, for a message."""
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= 60 else clean[:57] + "..."
