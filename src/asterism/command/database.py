"""``asterism db``: make and extend the tables of the configured databases: of realtime, and of call records."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.config.asterisk_conf import AsteriskConf
from asterism.config.file import ConfigFile
from asterism.core.errors import AsterismError, ConfigError
from asterism.data.realtime.settings import DATABASES, RealtimeSettings, require_sqlalchemy

if TYPE_CHECKING:
    from asterism.data.realtime.settings import DatabaseSettings
    from asterism.pbx.records.writers.sql_settings import Fields, SqlSettings

    RecordTables = dict[str, list[tuple[SqlSettings, Fields]]]

USAGE = """\
Usage: asterism db show [DIR|FILE]       compare the tables with what this version uses
       asterism db upgrade [DIR|FILE]    make missing tables and add missing columns

DIR is a configuration folder, FILE an asterisk.conf (default: /etc/asterisk). The databases are those of
res_config_sqlalchemy.conf, the tables those that extconfig.conf gives them, and those of call records that the
sections [sql] of cdr.conf and cel.conf name. Nothing is ever removed or changed.
"""


def run_database(words: Sequence[str]) -> int:
    """Run the command; returns the exit status (``show``: 1 when an upgrade is due)."""
    if len(words) not in (1, 2) or words[0] not in ("show", "upgrade"):
        help_wanted = list(words[:1]) in (["-h"], ["--help"])
        print(USAGE, end="", file=sys.stdout if help_wanted else sys.stderr)
        return 0 if help_wanted else 2
    try:
        require_sqlalchemy()
        path = Path(words[1] if len(words) > 1 else "/etc/asterisk")
        settings = read_settings(path)
        return asyncio.run(_run(settings, _record_tables(_folders(path)[0], settings), words[0] == "upgrade"))
    except (AsterismError, OSError) as error:
        print(f"asterism: {error}", file=sys.stderr)
        return 1


def read_settings(path: Path) -> RealtimeSettings:
    """The databases of a configuration. Raises :class:`ConfigError`."""
    from asterism.data.backends import Files

    etc, db = _folders(path)
    files = Files(etc)
    db.mkdir(parents=True, exist_ok=True)
    settings = RealtimeSettings.load(files, db)
    if files.problems or settings.problems:
        raise (files.problems or settings.problems)[0]
    if not settings.databases:
        raise ConfigError(f"no database is defined in {etc / DATABASES}")
    return settings


def _folders(path: Path) -> tuple[Path, Path]:
    """The folders of the configuration and of the state. Raises :class:`ConfigError`."""
    conf_path = path / "asterisk.conf" if path.is_dir() else path
    if conf_path.exists():
        directories = AsteriskConf.load(conf_path).directories
        return directories.etc, directories.db
    folder = path if path.is_dir() else path.parent
    return folder, folder.absolute() / "var"


async def _run(settings: RealtimeSettings, records: RecordTables, upgrading: bool) -> int:
    due = 0
    for name, database in settings.databases.items():
        tables = {
            source.table: family
            for family, sources in settings.families.items()
            for source in sources
            if source.database == name
        }
        due += await _one(database, tables, records.get(name, []), upgrading)
    return 0 if upgrading or not due else 1


def _record_tables(etc: Path, settings: RealtimeSettings) -> RecordTables:
    """The tables of call records (``[sql]`` of cdr.conf and cel.conf), by database. Raises :class:`ConfigError`."""
    from asterism.pbx.records.writers.sql_rows import SOURCES
    from asterism.pbx.records.writers.sql_settings import reader

    found: RecordTables = {}
    for name, (table, fields) in SOURCES.items():
        section, problems = reader(table, fields)(ConfigFile.load(etc / name, missing_ok=True))
        if problems:
            raise problems[0]
        if section is not None:
            if section.connection not in settings.databases:
                raise ConfigError(f"{name}: there is no database '{section.connection}' in {DATABASES}")
            found.setdefault(section.connection, []).append((section, fields))
    return found


async def _one(
    database: DatabaseSettings,
    tables: dict[str, str],
    records: list[tuple[SqlSettings, Fields]],
    upgrading: bool,
) -> int:
    from asterism.chan_sip.realtime import schema as sip_tables
    from asterism.data.realtime.database import Database
    from asterism.data.realtime.schema import compare, describe, upgrade
    from asterism.pbx.records.writers.sql_rows import add_tables
    from asterism.server.discovery import configured_types

    types = configured_types()
    families = {cls.REALTIME: cls.TYPE for cls in types if cls.REALTIME}
    names = {families[family]: table for table, family in tables.items() if family in families}
    metadata = describe((cls for cls in types if cls.TYPE in names), names)
    for table, family in tables.items():
        if family in sip_tables.FAMILIES:
            sip_tables.add_table(metadata, family, table)
    for section, fields in records:
        add_tables(metadata, section, fields)
    print(f"database '{database.name}': {len(metadata.tables)} tables")
    log = logging.Logger("asterism.db")
    log.addHandler(logging.NullHandler())
    connection = Database(database, log)
    due = 0
    try:
        if upgrading:
            done = await connection.run(lambda each: upgrade(each, metadata))
            print("".join(f"  {line}\n" for line in done) or "  nothing to do\n", end="")
        else:
            for state in await connection.run(lambda each: compare(each, metadata)):
                due += not state.current
                text = "up to date" if state.current else "missing"
                if state.exists and state.missing:
                    text = f"lacks {', '.join(state.missing)}"
                print(f"  {state.name}: {text}")
    finally:
        await connection.close()
    return due
