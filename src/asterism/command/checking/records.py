"""Who writes the records of calls and channels: the sections of cdr.conf and cel.conf, and the files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.config.file import ConfigFile
from asterism.core.errors import ConfigError
from asterism.data.backends import Files
from asterism.data.realtime.settings import DATABASES, RealtimeSettings, require_sqlalchemy

if TYPE_CHECKING:
    from asterism.command.checking.dialplan import Lines

CUSTOM = ("cdr_custom.conf", "cel_custom.conf")
_WRITTEN = (
    ("cdr", "cdr_custom.conf", "mappings"),
    ("cdr", "cdr_manager.conf", "mappings"),
    ("cel", "cel_custom.conf", "mappings"),
)
"""What is recorded, and the section of a file that says how it is written."""


def check_records(files: Mapping[str, ConfigFile], folder: Path) -> list[ConfigError]:
    """What is wrong with them."""
    from asterism.pbx.records.unread import unread_files
    from asterism.pbx.records.writers import cdr_manager
    from asterism.pbx.records.writers.cdr_csv import read_csv
    from asterism.pbx.records.writers.templates import read_mappings

    found: list[ConfigError] = []
    for name in CUSTOM:
        if name in files:
            found += read_mappings(files[name])[1]
    if "cdr_manager.conf" in files:
        found += cdr_manager.read_settings(files["cdr_manager.conf"])[1]
    if "cdr.conf" in files:
        found += read_csv(files["cdr.conf"])[1]
    found += [*unread_files(folder, "cdr"), *unread_files(folder, "cel")]
    return found + _not_kept(files) + _check_tables(files, folder)


def _not_kept(files: Mapping[str, ConfigFile]) -> list[ConfigError]:
    """Files that say where records go, while none are kept, by what is missing and not by ``enable = no``."""
    found = []
    for kind, name, section in _WRITTEN:
        engine = files.get(f"{kind}.conf")
        first = next(iter(files[name].options(section)), None) if name in files else None
        if first is None:
            continue
        if engine is None:
            found.append(ConfigError(f"{name} has no effect without a file {kind}.conf", first.position))
        elif kind == "cel" and engine.options("general").find("enable") is None:
            found.append(ConfigError(f"{name} has no effect without 'enable = yes' in {kind}.conf", first.position))
    return found


def check_templates(files: Mapping[str, ConfigFile], lines: Lines) -> None:
    """Check what the lines of cdr_custom.conf and cel_custom.conf read."""
    for name in CUSTOM:
        for option in files[name].options("mappings") if name in files else ():
            lines.check_text(option.value, option.position)


def _check_tables(files: Mapping[str, ConfigFile], folder: Path) -> list[ConfigError]:
    """The sections ``[sql]``: their lines, and whether there is such a database."""
    from asterism.pbx.records.writers.sql_rows import SOURCES
    from asterism.pbx.records.writers.sql_settings import SECTION, reader

    found: list[ConfigError] = []
    for name, (table, fields) in SOURCES.items():
        if name not in files:
            continue
        settings, problems = reader(table, fields)(files[name])
        found += problems
        if settings is None:
            continue
        databases = RealtimeSettings.load(Files(folder), folder).databases
        option = files[name].options(SECTION).find("connection")
        if settings.connection not in databases and option is not None:
            known = ", ".join(databases) or f"none is defined in {DATABASES}"
            found.append(option.error(f"there is no database '{settings.connection}'", known))
        try:
            require_sqlalchemy()
        except ConfigError as error:
            section = files[name].options(SECTION)
            found.append(ConfigError(f"section [{SECTION}]: {error}", section.position))
    return found
