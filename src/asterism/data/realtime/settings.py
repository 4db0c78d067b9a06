"""Which table of which database a family is in: ``extconfig.conf`` and ``res_config_sqlalchemy.conf``."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.core.errors import ConfigError

if TYPE_CHECKING:
    from asterism.config.file import Option, Section
    from asterism.data.backends import Files

EXTCONFIG = "extconfig.conf"
DATABASES = "res_config_sqlalchemy.conf"

DRIVERS = ("sqlalchemy", "odbc", "pgsql", "mysql", "mariadb", "sqlite3")
"""Asterisk's driver names mean the same here: the database's URL says what it is."""

INSTALL = 'pip install "asterism[realtime]"'
"""How to install the packages that databases need."""

_ASYNC_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+asyncmy",
    "mariadb": "mariadb+asyncmy",
}


def require_sqlalchemy() -> None:
    """Raise :class:`ConfigError`, which says what to install, where SQLAlchemy is missing."""
    if find_spec("sqlalchemy") is None:
        raise ConfigError(f"realtime needs SQLAlchemy: {INSTALL}")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """One section of ``res_config_sqlalchemy.conf``.

    ``timeout`` is how many seconds one operation may take, ``pool_size`` how many connections there are.
    """

    name: str
    url: str
    pool_size: int = 4
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class FamilySource:
    """Where a family is: a table of a database; lower ``priority`` is asked first."""

    database: str
    table: str
    priority: int = 1


@dataclass(slots=True)
class RealtimeSettings:
    """Both files: ``families`` with their sources in order, ``databases`` by name, and what was wrong."""

    families: dict[str, list[FamilySource]] = field(default_factory=dict)
    databases: dict[str, DatabaseSettings] = field(default_factory=dict)
    problems: list[ConfigError] = field(default_factory=list)

    @classmethod
    def load(cls, files: Files, folder: Path) -> RealtimeSettings:
        """Read both files; a relative SQLite path counts from ``folder``."""
        settings = cls()
        for section in files.get(DATABASES) or ():
            try:
                settings.databases[section.name] = _read_database(section, folder)
            except ConfigError as error:
                settings.problems.append(error)
        config = files.get(EXTCONFIG)
        for option in config.options("settings") if config is not None else ():
            try:
                source = _read_source(option)
                if source is None:
                    continue
                if source.database not in settings.databases:
                    known = ", ".join(settings.databases) or f"none is defined in {DATABASES}"
                    raise option.error(f"there is no database '{source.database}'", known)
            except ConfigError as error:
                settings.problems.append(error)
            else:
                settings.families.setdefault(option.name.lower(), []).append(source)
        for sources in settings.families.values():
            sources.sort(key=lambda source: source.priority)
        return settings


def _read_source(option: Option) -> FamilySource | None:
    words = [word.strip().strip('"') for word in option.value.split(",")]
    if option.name.lower().endswith(".conf"):
        # Whole files from a table are Asterisk's static realtime, which is another thing.
        raise option.error("files cannot be read from a database", "a family such as ps_endpoints")
    if words[0].lower() not in DRIVERS:
        raise option.error(f"there is no driver '{words[0]}'", ", ".join(DRIVERS))
    if len(words) < 2 or not words[1]:
        raise option.error("it names no database", "driver,database[,table[,priority]]")
    priority = words[3] if len(words) > 3 and words[3] else "1"
    if not (priority.isascii() and priority.isdigit()):
        raise option.error(f"'{priority}' is not a priority", "a whole number")
    return FamilySource(words[1], words[2] if len(words) > 2 and words[2] else option.name, int(priority))


def _read_database(section: Section, folder: Path) -> DatabaseSettings:
    for option in section:
        if option.name.lower() not in ("url", "pool_size", "timeout"):
            raise option.error("no such option", "url, pool_size, timeout")
    url = section.find("url")
    if url is None or not url.value:
        raise ConfigError(f"database '{section.name}' has no url", section.position, "url")
    scheme, found, rest = url.value.partition("://")
    if not found:
        raise url.error("it is not a URL", "sqlite:///file, postgresql://user:password@host/name, mysql://...")
    scheme = _ASYNC_DRIVERS.get(scheme.lower(), scheme)
    if scheme.startswith("sqlite+") and rest.startswith("/") and not rest.startswith(("//", "/:")):
        rest = f"/{folder.absolute() / rest[1:]}"
    timeout = section.integer("timeout", 5, 1, 60)
    return DatabaseSettings(section.name, f"{scheme}://{rest}", section.integer("pool_size", 4, 1, 100), timeout)
