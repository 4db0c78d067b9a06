"""Sections and files that tell Asterisk's other writers of records where these go, and that nobody reads here.

Who comes with such a file loses the records without a word, unless he is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.config import ConfigErrors, ConfigFile
from asterism.core.errors import ConfigError

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import HostServer

WRITERS: Mapping[str, Collection[str]] = MappingProxyType({"cdr": ("csv", "sql"), "cel": ("manager", "sql")})
"""The sections of cdr.conf and cel.conf that tell who writes the records."""
_TABLES = ("adaptive_odbc", "odbc", "pgsql", "mysql", "tds", "sqlite3_custom", "sqlite3")
_OTHERS = ("syslog", "beanstalkd", "radius")


def unread_sections(file: ConfigFile, kind: str) -> Iterator[ConfigError]:
    """The sections of ``cdr.conf`` or ``cel.conf`` (``kind`` is ``cdr`` or ``cel``) that have options and no reader."""
    known = ("general", *WRITERS[kind])
    for section in file:
        if section.name.lower() not in known and section.options:
            accepted = ", ".join(f"[{name}]" for name in known)
            yield ConfigError(
                f"section [{section.name}] is not read, nothing writes records by it; accepted: {accepted}",
                section.position,
            )


def unread_files(folder: Path, kind: str) -> Iterator[ConfigError]:
    """The files of Asterisk's writers of ``cdr`` or ``cel`` records in a folder that say something."""
    for name in (*_TABLES, *_OTHERS):
        path = folder / f"{kind}_{name}.conf"
        try:
            file = ConfigFile.load(path, missing_ok=True, allow_exec=None)
        except ConfigErrors:
            continue  # what it would say cannot be known
        first = next((option for section in file for option in section), None)
        if first is None:
            continue
        instead = f"section [sql] of {kind}.conf" if name in _TABLES else f"{kind}_custom.conf, or a Python program"
        yield ConfigError(f"{path.name} is not read, nothing writes records by it: use {instead}", first.position)


def tell_unread_files(server: HostServer, kind: str) -> None:
    """Log them, where ``kind`` is recorded."""
    for problem in unread_files(Path(server.paths.etc), kind):
        server.log.warning("%s", problem)
