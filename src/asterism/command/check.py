"""``asterism check DIR``: validate a configuration folder and print everything that is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from asterism.config.asterisk_conf import AsteriskConf
from asterism.config.errors import flatten
from asterism.config.file import ConfigFile
from asterism.core.errors import ConfigError

if TYPE_CHECKING:
    from asterism.data import ConfiguredObject, Data
    from asterism.data.backends import Backend

T = TypeVar("T")

USAGE = "Usage: asterism check [DIR]        (default: /etc/asterisk)\n"

_OPTIONS_OF_MODULES = ("autoload", "load", "noload", "preload", "preload-require", "require")

_REFERENCES = {
    "aors": "aor",
    "auth": "auth",
    "outbound_auth": "auth",
    "acl": "named_acl",
    "contact_acl": "named_acl",
    "transport": "transport",
}
"""Options that name objects of another type."""


def run_check(words: Sequence[str]) -> int:
    """Run the command; returns 1 when there are problems, 2 when it was called wrongly."""
    if len(words) > 1 or words[:1] in (["-h"], ["--help"]):
        print(USAGE, end="", file=sys.stderr if len(words) > 1 else sys.stdout)
        return 2 if len(words) > 1 else 0
    folder = Path(words[0] if words else "/etc/asterisk")
    if not folder.is_dir():
        print(f"asterism: '{folder}' is not a folder", file=sys.stderr)
        return 2
    problems, notes = check(folder)
    for problem in problems:
        print(problem)
    for note in notes:
        print(f"note: {note}")
    count = len(problems)
    print(f"{count} problem{'' if count == 1 else 's'} found in {folder}" if count else f"{folder}: no problems found")
    return 1 if count else 0


def check(folder: Path) -> tuple[list[ConfigError], list[ConfigError]]:
    """Every problem of a configuration folder, in order of files and lines, and notes on options without effect."""
    found = _Problems()
    conf = found.collect(lambda: AsteriskConf.load(folder / "asterisk.conf", missing_ok=True))
    allow_exec = conf.options.execincludes if conf is not None else False
    if conf is not None:
        found.add(conf.problems)
    files: dict[str, ConfigFile] = {}
    for path in sorted(folder.glob("*.conf")):
        file = found.collect(partial(ConfigFile.load, path, root=folder, allow_exec=allow_exec))
        if file is not None:
            found.add(file.warnings)
            files[path.name] = file
    for name, reader in _READERS.items():
        if name in files:
            found.add(found.collect(partial(reader, files[name])) or [])
    if conf is not None:
        found.add(found.collect(lambda: _check_manager(files)) or [])
    notes = _check_objects(folder, allow_exec, found)
    return found.sorted(), notes


class _Problems:
    """Problems, each once: a file with a syntax error is met by several readers."""

    def __init__(self) -> None:
        self._by_text: dict[str, ConfigError] = {}

    def add(self, errors: Sequence[ConfigError]) -> None:
        for error in errors:
            for single in flatten(error):
                self._by_text.setdefault(str(single), single)

    def collect(self, work: Callable[[], T]) -> T | None:
        """What ``work`` returns; ``None`` when it raised, which is noted."""
        try:
            return work()
        except ConfigError as error:
            self.add([error])
            return None

    def sorted(self) -> list[ConfigError]:
        def place(error: ConfigError) -> tuple[str, int]:
            return (error.position.path, error.position.line) if error.position else ("", 0)

        return sorted(self._by_text.values(), key=place)


def _check_modules(file: ConfigFile) -> list[ConfigError]:
    accepted = ", ".join(_OPTIONS_OF_MODULES)
    options = file.options("modules")
    return [
        option.error("not an option of modules.conf", accepted)
        for option in options
        if option.name.lower() not in _OPTIONS_OF_MODULES
    ]


def _check_extensions(file: ConfigFile) -> list[ConfigError]:
    from asterism.pbx.dialplan.loader import read

    return read(file, lambda text, _variables: text).problems


def _check_logger(file: ConfigFile) -> list[ConfigError]:
    from asterism.interfaces.logger.settings import read_settings

    return read_settings(file)[1]


def _check_http(file: ConfigFile) -> list[ConfigError]:
    from asterism.interfaces.http.settings import read_settings

    return read_settings(file)[1]


def _check_rtp(file: ConfigFile) -> list[ConfigError]:
    from asterism.media.settings import RtpSettings

    RtpSettings.from_section(file.options("general"))
    return []


_READERS: dict[str, Callable[[ConfigFile], list[ConfigError]]] = {
    "modules.conf": _check_modules,
    "extensions.conf": _check_extensions,
    "logger.conf": _check_logger,
    "http.conf": _check_http,
    "rtp.conf": _check_rtp,
}
"""Files that are no typed objects."""


def _check_manager(files: dict[str, ConfigFile]) -> list[ConfigError]:
    from asterism.interfaces.manager.settings import read_access_lists, read_settings

    if "manager.conf" not in files:
        return []
    lists = read_access_lists(files["acl.conf"]) if "acl.conf" in files else {}
    return read_settings(files["manager.conf"], lists)[1]


def _check_objects(folder: Path, allow_exec: bool, found: _Problems) -> list[ConfigError]:
    """Check the typed objects; return notes on options that have no effect."""
    import logging

    from asterism.core.registry import Owner
    from asterism.data import Data
    from asterism.data.backends import MemoryBackend
    from asterism.data.realtime.settings import RealtimeSettings
    from asterism.sip.objects import register_types

    log = logging.Logger("asterism.check")
    log.addHandler(logging.NullHandler())
    data = Data(Owner("check"), log, folder, None, allow_exec=allow_exec)
    in_database: set[str] = set()
    realtime = RealtimeSettings.load(data.files, folder)

    def make(cls: type[ConfiguredObject], arguments: list[str]) -> Backend:
        family = arguments[0] if arguments else cls.REALTIME
        if family.lower() not in realtime.families:
            raise ConfigError(f"extconfig.conf does not say in which database the family '{family}' is")
        in_database.add(cls.TYPE)
        return MemoryBackend(cls)

    data.register_backend("realtime", make)
    register_types(data)
    found.add(data.load().errors)
    found.add(realtime.problems)
    found.add(data.files.problems)
    found.add(list(data.unclaimed()))
    found.add(list(_dangling(data, in_database)))
    wrong, elsewhere = _unusable_certificates(data)
    found.add(wrong)
    return [*data.without_effect(), *data.remarks(), *elsewhere]


def _unusable_certificates(data: Data) -> tuple[list[ConfigError], list[ConfigError]]:
    """TLS transports whose files do not fit; and those whose files are not here, which may be on another machine."""
    from asterism.sip.lifecycle import settings_of
    from asterism.sip.objects.transport import TransportConfig
    from asterism.transport.errors import BindError
    from asterism.transport.tls import make_contexts

    wrong: list[ConfigError] = []
    elsewhere: list[ConfigError] = []
    for config in data.all(TransportConfig):
        if config.protocol == "tls":
            try:
                make_contexts(settings_of(config))
            except BindError as error:
                option, _, reason = error.reason.partition(": ")
                text = f"transport '{config.id}': option '{option}' cannot be used: {reason}"
                absent = isinstance(error.__cause__, (FileNotFoundError, PermissionError))
                (elsewhere if absent else wrong).append(ConfigError(text, config.position, option))
    return wrong, elsewhere


def _dangling(data: Data, in_database: set[str]) -> Iterator[ConfigError]:
    """Names of objects that do not exist, as far as their type is in files."""
    known = {cls.TYPE: {item.id for item in data.all(cls)} for cls in data.types()}
    for cls in data.types():
        for item in data.all(cls):
            for attribute, kind in _REFERENCES.items():
                spec = cls.spec(attribute)
                if spec is None or kind in in_database or cls.TYPE == "contact":
                    continue
                value = getattr(item, spec.attribute)
                for name in (value,) if isinstance(value, str) else value:
                    if name and name not in known.get(kind, ()):
                        yield ConfigError(
                            f"{cls.TYPE} '{item.id}': option '{attribute}' names the {kind.replace('named_', '')} "
                            f"'{name}', which does not exist",
                            item.position,
                            attribute,
                        )
