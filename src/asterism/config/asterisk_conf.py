"""``asterisk.conf``: where everything lies and how the server runs."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from asterism.config.file import ConfigFile, Section
from asterism.config.values import is_true
from asterism.core.errors import ConfigError

DEFAULT_PATH = Path("/etc/asterisk/asterisk.conf")
SHARE = Path("/usr/share/asterisk")
"""Where Debian's packages of sounds and music are."""


@dataclass(slots=True)
class Directories:
    """``[directories]``, as :class:`asterism.core.module.Paths` asks for them.

    ``db``, ``key`` and ``data`` lie in ``varlib`` and ``agi`` in ``data`` unless set.
    """

    etc: Path = Path("/etc/asterisk")
    modules: Path = Path("/usr/lib/asterisk/modules")
    varlib: Path = Path("/var/lib/asterisk")
    db: Path = Path("/var/lib/asterisk")
    key: Path = Path("/var/lib/asterisk")
    data: Path = Path("/var/lib/asterisk")
    agi: Path = Path("/var/lib/asterisk/agi-bin")
    spool: Path = Path("/var/spool/asterisk")
    run: Path = Path("/var/run/asterisk")
    log: Path = Path("/var/log/asterisk")
    sbin: Path = Path("/usr/sbin")
    cache: Path = Path("/var/cache/asterisk")
    share: Path = SHARE
    """Not Asterisk's (``astsharedir``): where packages of the system have ``sounds`` and ``moh``."""

    @classmethod
    def below(cls, folder: Path) -> Directories:
        """The folders of a configuration without ``asterisk.conf``: all below ``folder``, state in its ``var``."""
        var = folder / "var"
        return cls(
            etc=folder,
            modules=folder / "modules",
            varlib=var,
            db=var,
            key=folder,
            data=var,
            agi=var / "agi-bin",
            spool=var / "spool",
            run=var,
            log=var / "log",
            cache=var / "cache",
        )

    @classmethod
    def from_section(cls, section: Section, folder: Path, etc: Path | None = None) -> Directories:
        """Read the section; a relative path counts from ``folder``.

        ``etc`` replaces the default of ``astetcdir``.
        """

        def place(option: str, default: Path) -> Path:
            text = section.get(option)
            return folder / text if text else default

        default = cls()
        varlib = place("astvarlibdir", default.varlib)
        data = place("astdatadir", varlib)
        return cls(
            etc=place("astetcdir", etc or default.etc),
            modules=place("astmoddir", default.modules),
            varlib=varlib,
            db=place("astdbdir", varlib),
            key=place("astkeydir", varlib),
            data=data,
            agi=place("astagidir", data / "agi-bin"),
            spool=place("astspooldir", default.spool),
            run=place("astrundir", default.run),
            log=place("astlogdir", default.log),
            sbin=place("astsbindir", default.sbin),
            cache=place("astcachedir", default.cache),
            share=place("astsharedir", default.share),
        )


@dataclass(slots=True)
class Options:
    """``[options]`` and ``[files]``; a repeated option counts with its last value.

    Each field is the option of that name. Fields beyond Asterisk's: ``mute`` (the foreground
    console is silent), ``show_secrets`` (listings print passwords), ``store_synchronous``
    (``normal`` or ``full``: whether an acknowledged write also survives a power loss), ``recording_commands``
    (whether the command of a MixMonitor is run when it is over), ``dialplan_commands`` (whether ``System``,
    ``TrySystem`` and ``SHELL`` run commands).
    """

    verbose: int = 0
    debug: int = 0
    trace: int = 0
    nofork: bool = False
    alwaysfork: bool = False
    console: bool = False
    quiet: bool = False
    mute: bool = False
    nocolor: bool = False
    timestamp: bool = False
    dumpcore: bool = False
    highpriority: bool = False
    initcrypto: bool = False
    execincludes: bool = False
    dontwarn: bool = False
    maxcalls: int = 0
    maxload: float = 0.0
    maxfiles: int = 0
    minmemfree: int = 0
    systemname: str = ""
    autosystemname: bool = False
    mindtmfduration: int = 80
    transmit_silence: bool = False
    transcode_via_sln: bool = True
    languageprefix: bool = True
    cache_media_frames: bool = True
    cache_record_files: bool = False
    record_cache_dir: str = ""
    internal_timing: bool = True
    defaultlanguage: str = "en"
    documentation_language: str = "en_US"
    live_dangerously: bool = False
    runuser: str = ""
    rungroup: str = ""
    rtp_use_dynamic: bool = True
    rtp_pt_dynamic: int = 35
    entityid: str = ""
    lockconfdir: bool = False
    lightbackground: bool = False
    forceblackbackground: bool = False
    hideconnect: bool = False
    stdexten: str = "gosub"
    hide_messaging_ami_events: bool = False
    sounds_search_custom_dir: bool = False
    disable_remote_console_shell: bool = False
    phoneprov_enabled: bool = False
    astctlpermissions: str = ""
    astctlowner: str = ""
    astctlgroup: str = ""
    astctl: str = "asterisk.ctl"
    show_secrets: bool = False
    store_synchronous: str = "normal"
    recording_commands: bool = False
    dialplan_commands: bool = False
    unknown: dict[str, str] = field(default_factory=dict)
    """Options of other names, which have no effect."""

    @classmethod
    def from_sections(cls, options: Section, files: Section) -> tuple[Options, list[ConfigError]]:
        """Read both sections; a value that is no number keeps the default and is reported."""
        result = cls()
        problems: list[ConfigError] = []
        kinds = {item.name: type(getattr(result, item.name)) for item in fields(cls) if item.name != "unknown"}
        for option in (*options, *files):
            name = option.name.lower()
            kind = kinds.get(name)
            if kind is None:
                result.unknown[name] = option.value
            elif kind is bool:
                setattr(result, name, is_true(option.value))
            elif kind is str:
                setattr(result, name, option.value)
            elif kind is int and name in ("verbose", "debug", "trace") and not option.value.lstrip("-").isdigit():
                # Asterisk takes these as switches too: "verbose = yes" is level 1.
                setattr(result, name, int(is_true(option.value)))
            else:
                try:
                    setattr(result, name, kind(option.value))
                except ValueError:
                    problems.append(option.error(f"'{option.value}' is not a number", "a number"))
        if result.store_synchronous not in ("normal", "full"):
            last = options.find("store_synchronous")
            if last is not None:
                problems.append(last.error(f"'{last.value}' is not known", "normal, full"))
            result.store_synchronous = "normal"
        return result, problems


@dataclass(slots=True)
class AsteriskConf:
    """The whole file: ``directories``, ``options``, and what was wrong but not fatal."""

    directories: Directories = field(default_factory=Directories)
    options: Options = field(default_factory=Options)
    problems: list[ConfigError] = field(default_factory=list)
    path: Path | None = None

    @classmethod
    def load(cls, path: Path = DEFAULT_PATH, *, missing_ok: bool = False) -> AsteriskConf:
        """Read ``path``; relative includes and paths count from its folder.

        Raises :class:`ConfigError` for a file that cannot be read or parsed; with ``missing_ok`` an absent
        file means all defaults. When ``astetcdir`` is not set and ``path`` is not the standard
        one, the folder of ``path`` is the configuration folder.
        """
        folder = path.absolute().parent
        # Whether #exec may run stands in this very file, so here it never runs.
        file = ConfigFile.load(path, root=folder, missing_ok=missing_ok)
        directories = Directories.from_section(file.options("directories"), folder, folder)
        options, problems = Options.from_sections(file.options("options"), file.options("files"))
        return cls(directories, options, [*file.warnings, *problems], path)


OPTIONS = (
    *(item.name for item in fields(Options) if item.name != "unknown"),
    "lockconfdir",
    "stdexten",
    "rtp_use_dynamic",
)
"""The options of ``[options]`` and ``[files]``, and those of Asterisk whose names are like them."""
DIRECTORIES = (
    "astetcdir", "astmoddir", "astvarlibdir", "astdbdir", "astkeydir", "astdatadir", "astagidir", "astspooldir",
    "astrundir", "astlogdir", "astsbindir", "astcachedir", "astsharedir",
)  # fmt: skip
"""The options of ``[directories]``."""
