"""``musiconhold.conf``: the classes of music."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.config.asterisk_conf import SHARE
from asterism.core.errors import ConfigError
from asterism.media.formats import FORMATS, SLIN, Format
from asterism.media.soundfiles.search import choose_file
from asterism.media.soundfiles.table import by_extension, kind_of, unreadable

if TYPE_CHECKING:
    from asterism.config import ConfigFile, Section

FILE = "musiconhold.conf"
DEFAULT = "default"
SHIPPED = Path(__file__).parents[3] / "media" / "music"
"""The folder of the music that comes with the server."""
MOH = "moh"
"""The folder of music below that of data, and the system's."""
MODES = ("files", "playlist", "custom")
SORTS = ("", "random", "alpha", "randstart")
GENERAL = ("cachertclasses", "preferchannelclass", "allow_application")
OPTIONS = (
    "mode", "directory", "entry", "application", "format", "sort", "digit", "announcement", "loop_last",
    "answeredonly", "kill_escalation_delay", "kill_method", "random",
)  # fmt: skip
_KILL_METHODS = ("process_group", "process")
MAX_FILES = 10_000
"""Files of one class that are played; more are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class MusicClass:
    """One class.

    ``files`` are what it plays, without extension, in order: those of ``directory`` or the ``entry`` lines.
    ``sort`` is one of :data:`SORTS`, ``digit`` what a listener presses to hear it. A ``custom`` one runs
    ``application``, whose standard output is audio in ``format``.
    """

    name: str
    mode: str = "files"
    directory: str = ""
    files: tuple[str, ...] = ()
    sort: str = ""
    digit: str = ""
    announcement: str = ""
    loop_last: bool = False
    answered_only: bool = False
    application: str = ""
    format: Format = SLIN
    kill_delay: float = 0.5
    """Seconds between the attempts to end ``application``."""
    kill_group: bool = True
    """Whether what ``application`` has started is ended with it."""


@dataclass(frozen=True, slots=True)
class MusicSettings:
    """The whole file; ``prefer_channel_class``: ``CHANNEL(musicclass)`` outweighs what is asked for."""

    classes: Mapping[str, MusicClass] = field(default_factory=dict)
    prefer_channel_class: bool = True
    allow_application: bool = False


def files_of(directory: Path) -> tuple[str, ...]:
    """The sound files of a folder, not of those in it: their paths without extension, each once.

    Raises:
        OSError: it cannot be read.
    """
    found: dict[str, None] = {}
    known = by_extension()
    for path in sorted(directory.iterdir()):
        if path.suffix[1:] in known and not path.name.startswith(".") and path.is_file():
            found[str(path.with_suffix(""))] = None
        if len(found) == MAX_FILES:
            break
    return tuple(found)


def built_in(system: Path = SHARE / MOH) -> MusicClass:
    """The class ``default`` of a server without one of its own: the system's music, or the tune that is shipped."""
    try:
        files = files_of(system)
    except OSError:
        files = ()
    folder = system if files else SHIPPED
    return MusicClass(DEFAULT, directory=str(folder), files=files or files_of(SHIPPED))


def read_settings(file: ConfigFile, data: Path, system: Path = SHARE) -> tuple[MusicSettings, list[ConfigError]]:
    """The classes of ``musiconhold.conf``, and what is wrong in it: a class that cannot be used is left out.

    Args:
        file: what was read.
        data: the folder that relative folders and entries are in.
        system: the folder of what packages have installed, where relative folders are that are not in ``data``.
    """
    general = file.options("general")
    classes: dict[str, MusicClass] = {}
    problems: list[ConfigError] = []
    allow = general.flag("allow_application")
    for section in file:
        if section.name.lower() == "general":
            continue
        try:
            classes[section.name] = _class_of(section, data, system, allow)
        except ConfigError as error:
            problems.append(error)
    if DEFAULT not in classes:
        classes[DEFAULT] = built_in(system / MOH)
    return MusicSettings(classes, general.flag("preferchannelclass", True), allow), problems


def _class_of(section: Section, data: Path, system: Path, allow_application: bool) -> MusicClass:
    mode = section.get("mode", "files").lower()
    where = section.find("mode")
    if mode not in MODES:
        message = f"mode '{mode}' of music class '{section.name}' is not known"
        raise ConfigError(message, where.position if where else section.position, "mode", ", ".join(MODES))
    sort = section.get("sort").lower() or ("random" if section.flag("random") else "")
    if sort not in SORTS:
        option = section.find("sort")
        assert option is not None
        raise option.error(f"'{sort}' is no order", ", ".join(SORTS[1:]))
    digit = section.get("digit")
    if len(digit) > 1 or (digit and digit not in "0123456789*#"):
        option = section.find("digit")
        assert option is not None
        raise option.error(f"'{digit}' is no key", "one of 0-9 * #")
    method = section.get("kill_method", _KILL_METHODS[0])
    if method not in _KILL_METHODS:
        option = section.find("kill_method")
        assert option is not None
        raise option.error(f"'{method}' is not known", ", ".join(_KILL_METHODS))
    directory = section.get("directory")
    files: tuple[str, ...] = ()
    application = ""
    if mode == "files":
        directory, files = _folder(section, directory, data, system)
    elif mode == "playlist":
        files = tuple(str(_below(data / "sounds", one)) for one in _local(section))
    else:
        application = section.get("application")
        if not application:
            raise ConfigError(f"music class '{section.name}' has no application", section.position, "application")
        if not allow_application:
            message = f"music class '{section.name}' runs a program; 'allow_application = yes' in [general] allows it"
            raise ConfigError(message, section.position, "application")
    return MusicClass(
        section.name,
        mode,
        directory,
        files,
        sort,
        digit,
        section.get("announcement"),
        section.flag("loop_last"),
        section.flag("answeredonly"),
        application,
        _format(section),
        section.integer("kill_escalation_delay", 500, 1, 60_000) / 1000,
        method == _KILL_METHODS[0],
    )


def _folder(section: Section, directory: str, data: Path, system: Path) -> tuple[str, tuple[str, ...]]:
    if not directory:
        raise ConfigError(f"music class '{section.name}' has no directory", section.position, "directory")
    folder = _below(data, directory)
    if not folder.is_dir() and (system / directory).is_dir():
        folder = system / directory
    try:
        files = files_of(folder)
    except OSError as error:
        raise ConfigError(
            f"music class '{section.name}': cannot read {folder}: {error.strerror}", section.position, "directory"
        ) from error
    if not files:
        raise ConfigError(
            f"music class '{section.name}': no sound files in {folder}", section.position, "directory",
            ", ".join(sorted(by_extension())),
        )  # fmt: skip
    why = _unreadable(files)
    if why:
        raise ConfigError(
            f"music class '{section.name}': no file in {folder} can be read here, it {why}", section.position,
            "directory",
        )  # fmt: skip
    return str(folder), files


def _unreadable(files: Iterable[str]) -> str:
    """Why none of these files can be read here, if so."""
    why = ""
    for name in files:
        path = choose_file(Path(name), ())
        this = "" if path is None else unreadable(kind_of(path))
        if not this:
            return ""
        why = why or this
    return why


def _local(section: Section) -> Iterable[str]:
    entries = section.get_all("entry")[:MAX_FILES]
    if not entries:
        raise ConfigError(f"music class '{section.name}' has no entry", section.position, "entry")
    for entry in entries:
        if "://" in entry:
            raise ConfigError(f"music class '{section.name}': '{entry}' is no file", section.position, "entry")
    return entries


def _below(folder: Path, name: str) -> Path:
    return folder / name  # an absolute name replaces the folder


def _format(section: Section) -> Format:
    option = section.find("format")
    if option is None:
        return SLIN
    found = FORMATS.get(option.value.strip().lower())
    if found is None or not found.frame_bytes:
        raise option.error(f"'{option.value}' is no format of audio", "ulaw, alaw, slin, slin16")
    return found
