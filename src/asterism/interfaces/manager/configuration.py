"""Reading and changing configuration files over the manager: GetConfig, UpdateConfig and their kin.

Only files of the configuration folder can be named, unless ``live_dangerously`` is set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Protocol

from asterism.config.errors import flatten
from asterism.config.file import ConfigFile, Section
from asterism.config.values import is_boolean, is_true
from asterism.config.writer import Block, EditableFile, EditError
from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import AsterismError, ConfigError
from asterism.core.module import CoreServer, Module
from asterism.core.regex import Regex, RegexError, compile_regex

MAX_EDITS = 10_000

_FILENAME = Argument("Filename", "A file of the configuration folder.", True)
_CATEGORY = Argument("Category", "Only this section.")
_FILTER = Argument("Filter", "Only sections with such options: name=regular expression, comma separated.")
_INHERIT = re.compile(r'(inherit|catfilter)\s*=\s*"([^"]*)"|(inherit|catfilter)\s*=\s*([^,"]*)', re.IGNORECASE)


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a name that the file system does not take is none."""
    try:
        return path.is_file()
    except OSError:
        return False


class ReloadingServer(CoreServer, Protocol):
    """A server that can read its configuration again."""

    async def reload(self, module: str = "") -> None:
        """Read the configuration again, of one module or of all."""


class _RefusedError(AsterismError):
    """Ends an action; its text is the error message of the response."""


class ManagerConfigModule(Module):
    """Lets programs read and change configuration files."""

    name: ClassVar[str] = "manager_config"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Configuration files over the manager interface"

    server: ReloadingServer

    def load(self, server: ReloadingServer) -> None:
        """Register the actions."""
        self.server = server
        server.register_marked(self)

    # -- reading -------------------------------------------------------------------------------------

    @action(
        "GetConfig",
        "system,config",
        Documentation(
            "Show a configuration file.",
            description="Sections come as Category-nnnnnn and their options as Line-nnnnnn-mmmmmm, templates applied.",
            arguments=(_FILENAME, _CATEGORY, _FILTER),
            see_also=("GetConfigJSON", "UpdateConfig"),
        ),
    )
    def get_config(self, call: ActionCall) -> None:
        """``Action: GetConfig``."""
        try:
            sections = self._sections(call)
        except _RefusedError as error:
            call.error(str(error))
            return
        fields: list[tuple[str, str]] = []
        for number, section in enumerate(sections):
            fields.append((f"Category-{number:06d}", section.name))
            if section.template:
                fields.append((f"IsTemplate-{number:06d}", "1"))
            if section.inherits:
                fields.append((f"Templates-{number:06d}", f'"{",".join(section.inherits)}"'))
            fields += [
                (f"Line-{number:06d}-{index:06d}", f"{option.name}={option.value}")
                for index, option in enumerate(section.options)
            ]
        call.success(fields=fields)

    @action(
        "GetConfigJSON",
        "system,config",
        Documentation(
            "Show a configuration file as JSON.",
            description="The field JSON holds one object: options by section; a repeated option has a list.",
            arguments=(_FILENAME, _CATEGORY, _FILTER),
            see_also=("GetConfig",),
        ),
    )
    def get_config_json(self, call: ActionCall) -> None:
        """``Action: GetConfigJSON``."""
        try:
            sections = self._sections(call)
        except _RefusedError as error:
            call.error(str(error))
            return
        result: dict[str, dict[str, object]] = {}
        for section in sections:
            options = result.setdefault(section.name, {})
            for option in section.options:
                known = options.get(option.name)
                if known is None:
                    options[option.name] = option.value
                elif isinstance(known, list):
                    known.append(option.value)
                else:
                    options[option.name] = [known, option.value]
        call.success(fields=[("JSON", json.dumps(result))])

    @action(
        "ListCategories",
        "config",
        Documentation(
            "List the sections of a configuration file.",
            description="The response has a field Category-nnnnnn for each section, in the order of the file, "
            "included files and templates too.",
            arguments=(_FILENAME,),
            see_also=("GetConfig",),
        ),
    )
    def list_categories(self, call: ActionCall) -> None:
        """``Action: ListCategories``."""
        try:
            sections = self._sections(call)
        except _RefusedError as error:
            call.error(str(error))
            return
        if not sections:
            call.error("Error: no categories found")
            return
        call.success(fields=[(f"Category-{number:06d}", section.name) for number, section in enumerate(sections)])

    def _sections(self, call: ActionCall) -> list[Section]:
        path = self._path(call.get("Filename"))
        if not _is_file(path):
            raise _RefusedError("Config file not found")
        try:
            file = ConfigFile.load(path, root=Path(self.server.paths.etc))
        except ConfigError as error:
            raise _RefusedError(f"Config file has invalid format: {flatten(error)[0]}") from error
        sections = sorted(
            (*file.templates, *file.sections), key=lambda s: (s.position.path != str(path), s.position.line)
        )
        wanted = call.get("Category")
        tests = _filters(call.get("Filter"))
        found = [s for s in sections if (not wanted or s.name.lower() == wanted.lower()) and _fits(s, tests)]
        if wanted and not found:
            raise _RefusedError(f"No category '{wanted}' found")
        return found

    def _path(self, name: str) -> Path:
        if not name:
            raise _RefusedError("Filename not specified")
        root = Path(self.server.paths.etc).resolve()
        try:
            path = (root / name).resolve()
        except (OSError, ValueError, RuntimeError):
            raise _RefusedError("File requires escalated privileges") from None
        if not path.is_relative_to(root) and not self.server.options.live_dangerously:
            raise _RefusedError("File requires escalated privileges")
        return path

    # -- changing ------------------------------------------------------------------------------------

    @action(
        "CreateConfig",
        "config",
        Documentation(
            "Make an empty configuration file.",
            description="Makes an empty file in the configuration folder. One that exists is not touched.",
            arguments=(_FILENAME,),
            see_also=("UpdateConfig",),
        ),
    )
    def create_config(self, call: ActionCall) -> None:
        """``Action: CreateConfig``."""
        try:
            path = self._path(call.get("Filename"))
            path.touch(mode=0o640, exist_ok=False)
        except _RefusedError as error:
            call.error(str(error))
        except FileExistsError:
            call.error("The file exists already")
        except OSError as error:
            call.error(f"The file cannot be made: {error.strerror or error}")
        else:
            call.success("New configuration file created successfully")

    @action(
        "UpdateConfig",
        "config",
        Documentation(
            "Change a configuration file.",
            description="Edits are numbered Action-000000, Action-000001, ... and made in this order, all or none. "
            "Comments and everything that is not changed stay as they are.",
            arguments=(
                Argument("SrcFilename", "The file to read.", True),
                Argument("DstFilename", "The file to write.", True),
                Argument("Reload", "yes, or the name of a module to reload afterwards."),
                Argument("PreserveEffectiveContext", "Accepted; templates are always kept as they are written."),
                Argument(
                    "Action-000000",
                    "What to do.",
                    values=(
                        ("NewCat", "Add a section."),
                        ("RenameCat", "Rename a section to Value."),
                        ("DelCat", "Remove a section."),
                        ("EmptyCat", "Remove all options of a section."),
                        ("Update", "Change the options Var (those that have the value Match) to Value."),
                        ("Delete", "Remove the options Var (with the value Match), or the option number Line."),
                        ("Append", "Add Var with Value at the end of the section; > before the value writes =>."),
                        ("Insert", "Add Var with Value before the option number Line."),
                    ),
                ),
                Argument("Cat-000000", "The section."),
                Argument("Var-000000", "The option."),
                Argument("Value-000000", "The value."),
                Argument("Match-000000", "Only options with this value."),
                Argument("Line-000000", "The number of an option in its section, from 0."),
                Argument(
                    "Options-000000",
                    'allowdups, template, inherit="name,..." for NewCat; catfilter="name=value,..." for the others.',
                ),
            ),
            see_also=("GetConfig", "CreateConfig", "Reload"),
        ),
    )
    async def update_config(self, call: ActionCall) -> None:
        """``Action: UpdateConfig``."""
        try:
            source, target = self._path(call.get("SrcFilename")), self._path(call.get("DstFilename"))
            if not _is_file(source):
                raise _RefusedError("Config file not found")
            file = EditableFile.load(source)
            self._edit(file, call)
            # What could not be read back must not be written.
            ConfigFile.parse(str(file), target, root=Path(self.server.paths.etc))
            file.save(target)
        except (_RefusedError, EditError) as error:
            call.error(str(error))
            return
        except ConfigError as error:
            call.error(f"The result would not be valid: {flatten(error)[0]}")
            return
        except OSError as error:
            call.error(f"Save of config failed: {error.strerror or error}")
            return
        reload = call.get("Reload")
        if reload and (not is_boolean(reload) or is_true(reload)):
            try:
                await self.server.reload("" if is_true(reload) else reload)
            except AsterismError as error:
                call.error(f"The file is written, but: {error}")
                return
        call.success()

    def _edit(self, file: EditableFile, call: ActionCall) -> None:
        for number in range(MAX_EDITS):
            kind = call.get(f"Action-{number:06d}")
            if not kind:
                return
            edit = _Edit(file, call, f"-{number:06d}")
            run = _EDITS.get(kind.lower())
            if run is None:
                raise _RefusedError(f"Unknown action '{kind}'")
            try:
                run(edit)
            except EditError as error:
                raise _RefusedError(f"Action-{number:06d}: {error}") from error


class _Edit:
    """One numbered edit and its fields."""

    def __init__(self, file: EditableFile, call: ActionCall, suffix: str) -> None:
        self.file = file
        self._call = call
        self._suffix = suffix
        self.options = self.field("Options")

    def field(self, name: str) -> str:
        return self._call.get(name + self._suffix)

    def choice(self, name: str) -> str:
        """The value of ``inherit`` or ``catfilter`` in Options."""
        for found in _INHERIT.finditer(self.options):
            if (found[1] or found[3]).lower() == name:
                return (found[2] or found[4] or "").strip()
        return ""

    @property
    def block(self) -> Block:
        name = self.field("Cat")
        if not name:
            raise EditError("no section is given")
        tests = _filters(self.choice("catfilter"))
        if tests:
            for block in self.file.sections(name):
                options = [(line.name, line.value) for line in block.options()]
                if all(any(test.fullmatch(v) and n.lower() == key for n, v in options) for key, test in tests):
                    return block
            raise EditError(f"no section '{name}' fits the filter")
        return self.file.section(name)

    @property
    def value(self) -> tuple[str, bool]:
        value = self.field("Value")
        return (value[1:].strip(), True) if value.startswith(">") else (value, False)

    @property
    def line(self) -> int:
        text = self.field("Line")
        if not (text.isascii() and text.isdigit()):
            raise EditError("the number of the line is missing")
        return int(text)

    def new_category(self) -> None:
        words = [word.strip().lower() for word in re.split(r",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", self.options)]
        inherits = tuple(part.strip() for part in self.choice("inherit").split(",") if part.strip())
        self.file.add_section(
            self.field("Cat"), template="template" in words, inherits=inherits, duplicate="allowdups" in words
        )

    def rename_category(self) -> None:
        self.file.rename_section(self.block, self.field("Value"))

    def delete_category(self) -> None:
        self.file.remove_section(self.block)

    def empty_category(self) -> None:
        self.file.empty_section(self.block)

    def update(self) -> None:
        self.file.update(self.block, self.field("Var"), self.value[0], self.field("Match") or None)

    def delete(self) -> None:
        if self.field("Var"):
            self.file.delete(self.block, self.field("Var"), self.field("Match") or None)
        else:
            self.file.delete_line(self.block, self.line)

    def append(self) -> None:
        value, arrow = self.value
        self.file.append(self.block, self.field("Var"), value, arrow=arrow)

    def insert(self) -> None:
        value, arrow = self.value
        self.file.insert(self.block, self.line, self.field("Var"), value, arrow=arrow)


_EDITS = {
    "newcat": _Edit.new_category,
    "renamecat": _Edit.rename_category,
    "delcat": _Edit.delete_category,
    "emptycat": _Edit.empty_category,
    "update": _Edit.update,
    "delete": _Edit.delete,
    "append": _Edit.append,
    "insert": _Edit.insert,
}


def _filters(text: str) -> list[tuple[str, Regex]]:
    """``name=regular expression`` pairs, comma separated."""
    tests: list[tuple[str, Regex]] = []
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if equals and len(value) <= 200:
            try:
                tests.append((name.strip().lower(), compile_regex(value.strip())))
            except RegexError:
                raise _RefusedError(f"'{value}' is not a regular expression") from None
    return tests


def _fits(section: Section, tests: Iterable[tuple[str, Regex]]) -> bool:
    return all(any(test.fullmatch(o.value) for o in section.options if o.name.lower() == key) for key, test in tests)
