"""Sections of cdr.conf and cel.conf that tell who writes the records; the engines read the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from asterism.config import ConfigErrors, ConfigFile

if TYPE_CHECKING:
    from asterism.core.errors import ConfigError
    from asterism.pbx.vocabulary.host import HostServer

_Settings = TypeVar("_Settings")


def load_section(
    server: HostServer, name: str, read: Callable[[ConfigFile], tuple[_Settings, Sequence[ConfigError]]]
) -> tuple[_Settings] | None:
    """What ``read`` makes of a file of the configuration folder, which may be missing; its problems are logged.

    ``None`` where the file cannot be read: what was in force before stays, and whose file it is tells of it.
    """
    try:
        file = ConfigFile.load(Path(server.paths.etc) / name, missing_ok=True)
    except ConfigErrors:
        return None
    settings, problems = read(file)
    for problem in problems:
        server.log.warning("%s", problem)
    return (settings,)
