"""What a ``[general]`` makes, as objects."""

from __future__ import annotations

from typing import TypeVar

from asterism.chan_sip.reading import SipConf, read
from asterism.chan_sip.translation.names import Names
from asterism.chan_sip.translation.translate import sections_of
from asterism.config.file import ConfigFile
from asterism.data.options import ConfiguredObject

T = TypeVar("T", bound=ConfiguredObject)


class Written(Names):
    """Names of a file that others read too."""

    written = True


def conf(text: str, users: str = "") -> SipConf:
    """``[general]`` with these lines, or a whole file that begins with a section."""
    if not text.lstrip().startswith("["):
        text = f"[general]\n{text}"
    return read(ConfigFile.parse(text, "sip.conf"), ConfigFile.parse(users, "users.conf") if users else None)


def objects(cls: type[T], text: str, names: Names | None = None, users: str = "") -> dict[str, T]:
    """The objects of a type that a file makes, by their ids."""
    found = sections_of(conf(text, users), names or Names(), cls.TYPE)
    return {section.name: cls.from_options(section.name, section.options, section.position) for section in found}
