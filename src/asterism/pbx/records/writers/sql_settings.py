"""``[sql]`` of cdr.conf and cel.conf: which table of which database gets the records, and what in which column."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.config.values import is_boolean, is_true
from asterism.core.errors import ConfigError

if TYPE_CHECKING:
    from asterism.config import ConfigFile

SECTION = "sql"
OPTIONS: Mapping[str, tuple[str, str, str]] = MappingProxyType({
    "connection": ("", "a section of `res_config_sqlalchemy.conf`", "The database; required."),
    "table": ("`cdr`, `cel`", "a name, with its schema if need be: `billing.cdr`", "The table."),
    "usegmtime": ("no", "yes or no", "Times are written in UTC, where their column has no time zone."),
    "alias FIELD": ("", "the name of a column", "The column that gets this field, if it has another name. Repeatable."),
    "static \"TEXT\"": ("", "the name of a column", "The column that gets this text in every row. Repeatable."),
})  # fmt: skip
"""The options: default, what they take, what they do."""
_ALIAS = re.compile(r"alias\s+(\S+)", re.IGNORECASE)
_STATIC = re.compile(r'static\s+"(.*)"', re.IGNORECASE | re.DOTALL)
_COLUMN = re.compile(r"[^\s\"';]{1,128}")


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields that one kind of record has, and whether it has variables besides."""

    names: Sequence[str]
    variables: bool = False


@dataclass(frozen=True, slots=True)
class SqlSettings:
    """The section, read."""

    connection: str
    table: str
    utc: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Columns by the field that they get, in lower case."""
    statics: Mapping[str, str] = field(default_factory=dict)
    """Texts by the column that gets them."""


def reader(table: str, kind: Fields) -> Callable[[ConfigFile], tuple[SqlSettings | None, list[ConfigError]]]:
    """A reader of the section of records of a kind; ``table`` is the usual table."""

    def read(file: ConfigFile) -> tuple[SqlSettings | None, list[ConfigError]]:
        """The settings, and what is wrong with them; ``None``: nothing is written."""
        if not any(section.name.lower() == SECTION for section in file):
            return None, []
        aliases: dict[str, str] = {}
        statics: dict[str, str] = {}
        values = {"connection": "", "table": table}
        utc, problems = False, []
        section = file.options(SECTION)
        for option in section:
            name, value = option.name.lower(), option.value.strip()
            alias, static = _ALIAS.fullmatch(option.name), _STATIC.fullmatch(option.name)
            if (alias or static) and not _COLUMN.fullmatch(value):
                problems.append(option.error(f"'{value}' is not the name of a column"))
            elif alias and alias[1].lower() not in kind.names and not kind.variables:
                problems.append(option.error(f"records have no field '{alias[1]}'", ", ".join(kind.names)))
            elif alias:
                aliases[alias[1].lower()] = value
            elif static:
                statics[value] = static[1]
            elif name == "usegmtime" and is_boolean(value):
                utc = is_true(value)
            elif name == "usegmtime":
                problems.append(option.error(f"'{value}' is neither yes nor no", "yes or no"))
            elif name in values:
                values[name] = value or values[name]
            else:
                problems.append(option.error(f"unknown in [{SECTION}]", ", ".join(OPTIONS)))
        if not values["connection"]:
            position = next((option.position for option in section), None)
            problems.append(
                ConfigError(f"[{SECTION}] has no connection: no records are written", position, "connection")
            )
            return None, problems
        return SqlSettings(values["connection"], values["table"], utc, aliases, statics), problems

    return read
