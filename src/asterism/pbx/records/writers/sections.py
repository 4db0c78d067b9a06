"""Sections of cdr.conf and cel.conf that tell who writes the records; the engines read the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from asterism.config import ConfigFile
    from asterism.core.errors import ConfigError
    from asterism.pbx.vocabulary.host import HostServer

_Settings = TypeVar("_Settings")


def load_section(
    server: HostServer, name: str, read: Callable[[ConfigFile], tuple[_Settings, Sequence[ConfigError]]]
) -> tuple[_Settings] | None:
    """What ``read`` makes of its sections, which may be ``None`` itself; see :func:`load_settings`.

    ``None`` where the file cannot be read.
    """

    def read_part(file: ConfigFile) -> tuple[tuple[_Settings], Sequence[ConfigError]]:
        settings, problems = read(file)
        return (settings,), problems

    return load_settings(server, name, read_part, part=True)
