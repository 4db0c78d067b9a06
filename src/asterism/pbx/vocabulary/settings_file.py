"""Settings that a module has in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from asterism.config import ConfigErrors, ConfigFile
from asterism.core.errors import ConfigError

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import HostServer

_Settings = TypeVar("_Settings")


def load_settings(
    server: HostServer,
    name: str,
    read: Callable[[ConfigFile], tuple[_Settings, Sequence[ConfigError]]],
    *,
    part: bool = False,
) -> _Settings | None:
    """What ``read`` makes of a file of the configuration folder, which may be missing; its problems are logged.

    ``None`` where the file cannot be read, which is logged too: what was in force before stays. With ``part`` it is
    the file of another module, who tells what is wrong with the file itself.
    """
    try:
        file = ConfigFile.load(Path(server.paths.etc) / name, missing_ok=True)
    except ConfigErrors as errors:
        if not part:
            server.log.error("%s is not used: %s", name, errors)
        return None
    settings, problems = read(file)
    for problem in problems if part else (*file.warnings, *problems):
        server.log.warning("%s", problem)
    return settings
