"""A configuration folder of chan_sip as one of chan_pjsip: every file that changes, and the report."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from asterism.chan_sip.migrate.destinations import outside_name
from asterism.chan_sip.migrate.dialplan import learn, mentions, migrate_file
from asterism.chan_sip.migrate.names import PlainNames
from asterism.chan_sip.migrate.peers import Peers
from asterism.chan_sip.migrate.report import Entry, Outcome, Report
from asterism.chan_sip.migrate.settings import (
    migrate_directories,
    migrate_modules,
    migrate_notify,
    realtime_lines,
)
from asterism.chan_sip.migrate.source import Kind, SourceFile, read_lines, read_tree
from asterism.chan_sip.reading import read
from asterism.chan_sip.translation.general_transports import binds
from asterism.config.file import ConfigFile
from asterism.core.errors import ConfigError, Position
from asterism.sip.objects.transport import TransportConfig

SIP, NOTIFY, DIALPLAN = "sip.conf", "sip_notify.conf", "extensions.conf"
_WITH_DEVICES = (
    "queues.conf", "agents.conf", "followme.conf", "features.conf", "voicemail.conf", "res_parking.conf",
    "confbridge.conf", "ccss.conf", "minivm.conf",
)  # fmt: skip
"""Files in which ``SIP/name`` is a device or a destination."""
_ADDED = "pjsip_migrated.conf"
_NOT_READ = ("extensions.ael", "extensions.lua")
REPORT = "migration-report.txt"


@dataclass
class Migration:
    """What is to be written.

    Attributes:
        files: texts by name, of files that are new or change.
        modes: whose mode each of them gets, by name.
        left_out: names of files that are not copied: others have their place.
        report: what became of each line.
    """

    files: dict[str, str] = field(default_factory=dict)
    modes: dict[str, Path] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    report: Report = field(default_factory=Report)


def migrate(folder: Path, out: Path, modules: Mapping[str, object] | tuple[str, ...] = ()) -> Migration:
    """Migrate the configuration in ``folder``, to be written to ``out``; nothing is written yet.

    ``modules`` are those that the new driver needs where ``modules.conf`` names each.

    Raises:
        ConfigError: a file of chan_sip cannot be read at all: where, and why, for each.
    """
    return _Migrator(folder, out, tuple(modules)).run()


class _Migrator:
    def __init__(self, folder: Path, out: Path, modules: tuple[str, ...]) -> None:
        self._folder = folder
        self._out = out
        self._modules = modules
        self._done = Migration()

    def run(self) -> Migration:
        """Everything."""
        report = self._done.report
        trees = self._trees(DIALPLAN), *(self._trees(name) for name in _WITH_DEVICES)
        texts = {path: file for tree in trees for path, file in tree.items()}
        sip = self._trees(SIP)
        file = self._config(SIP)
        users = self._config("users.conf") if (self._folder / "users.conf").is_file() else None
        before, taken = self._present()
        names = PlainNames()
        names.given = self._transports(file)
        peers = Peers.read(file, users, names, taken, report, self._relative)
        realtime = self._realtime()
        world = peers.world(realtime)
        every = [*taken, *(names.endpoint(peer) for peer in peers.conf.peers.values())]
        world.destinations.outside = outside_name(every)
        learn([*texts.values(), *sip.values()], world)
        for path, each in texts.items():
            name = self._within(path)
            if name is not None:
                lines = migrate_file(each, name, world, report, self._within)
                self._change(name, each, lines)
        written = peers.write(sip, world, report, self._within, self._relative)
        self._put_peers(written, sip, before)
        self._others()
        return self._done

    # Reading

    def _trees(self, name: str) -> dict[Path, SourceFile]:
        return read_tree(self._folder / name, self._folder)

    def _config(self, name: str) -> ConfigFile:
        file = ConfigFile.load(self._folder / name, root=self._folder, allow_exec=None)
        for position in file.not_run:
            why = "#exec is not run: what it prints is not migrated"
            self._tell(position, Outcome.UNTRANSLATED, "#exec", why)
        for warning in file.warnings:
            self._tell(warning.position, Outcome.UNTRANSLATED, "line", warning.message)
        return file

    def _tell(self, position: Position | None, outcome: Outcome, before: str, why: str) -> None:
        path, line = ("", 0) if position is None else (position.path, position.line)
        self._done.report.add(Entry(self._relative(path), line, outcome, before, "", why))

    def _within(self, path: Path) -> str | None:
        """The name of a file in the folder; ``None`` for one that is elsewhere.

        It has no ``..``: a file of this name in another folder is in that folder.
        """
        try:
            return str(Path(os.path.abspath(path)).relative_to(os.path.abspath(self._folder)))
        except ValueError:
            return None

    def _relative(self, path: str) -> str:
        return self._within(Path(path)) or path

    def _present(self) -> tuple[str, list[str]]:
        """The text of a ``pjsip.conf`` that has sections, and the names of its objects."""
        path = self._folder / "pjsip.conf"
        if not path.is_file():
            return "", []
        file = ConfigFile.load(path, root=self._folder, allow_exec=None)
        if not file.sections:
            return "", []
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
        return text, [section.name for section in file.sections]

    def _transports(self, sip: ConfigFile) -> dict[str, str]:
        """The transports of a ``pjsip.conf`` in use that serve where ``sip.conf`` wants one, by protocol."""
        path = self._folder / "pjsip.conf"
        if not path.is_file():
            return {}
        wanted = binds(read(sip).general)
        found: dict[str, str] = {}
        for section in ConfigFile.load(path, root=self._folder, allow_exec=None):
            if section.get("type") == "transport":
                lines = [option for option in section.options if option.name.lower() in ("protocol", "bind")]
                with suppress(ConfigError):
                    transport = TransportConfig.from_options(section.name, lines, section.position)
                    if transport.bind is not None and wanted.get(transport.protocol) == transport.bind:
                        found.setdefault(transport.protocol, section.name)
        return found

    def _realtime(self) -> bool:
        path = self._folder / "extconfig.conf"
        if not path.is_file():
            return False
        found = realtime_lines(read_lines(path, self._folder), "extconfig.conf")
        self._done.report.extend(found)
        return bool(found)

    # Writing

    def _change(self, name: str, file: SourceFile, lines: list[str]) -> None:
        if lines != [line.raw for line in file.lines]:
            self._put(name, "\n".join(lines) + "\n", file.path)

    def _put(self, name: str, text: str, like: Path) -> None:
        self._done.files[name] = text
        self._done.modes[name] = like

    def _put_peers(self, written: dict[str, str], sip: Mapping[Path, SourceFile], before: str) -> None:
        main = self._folder / SIP
        for name, text in written.items():
            if name == "pjsip.conf" and before:
                added = before.rstrip("\n") + f"\n\n; what was in {SIP}\n#include {_ADDED}\n"
                self._put(name, added, self._folder / name)
                name = _ADDED
            self._put(name, text, main)
        elsewhere = {path for name in (DIALPLAN, *_WITH_DEVICES) for path in self._trees(name)}
        for path in sip:
            old = self._within(path)
            if old is not None and path not in elsewhere:
                self._done.left_out.add(old)

    def _others(self) -> None:
        """The files that are neither phones nor dialplan."""
        report = self._done.report
        for name in sorted(path.name for path in self._folder.glob("*.conf") if path.is_file()):
            if name in self._done.files or name in self._done.left_out or name in (DIALPLAN, *_WITH_DEVICES):
                continue
            try:
                file = read_lines(self._folder / name, self._folder)
            except (OSError, ValueError):
                continue
            if name == NOTIFY:
                self._notify(file)
            elif name == "modules.conf":
                self._change(name, file, migrate_modules(file, name, self._modules, report))
            elif name == "asterisk.conf":
                new = self._out.absolute()
                self._change(name, file, migrate_directories(file, name, self._folder.absolute(), new, report))
            elif name not in ("pjsip.conf", "users.conf"):
                report.extend(mentions(file, name))
        for name in _NOT_READ:
            if (self._folder / name).is_file():
                why = "only extensions.conf is read and migrated"
                report.add(Entry(name, 0, Outcome.UNTRANSLATED, name, "", why))

    def _notify(self, file: SourceFile) -> None:
        report = self._done.report
        lines = migrate_notify(file, NOTIFY, report)
        there = self._folder / "pjsip_notify.conf"
        self._done.left_out.add(NOTIFY)
        if there.is_file() and any(line.kind is Kind.OPTION for line in read_lines(there, self._folder).lines):
            why = "there is a pjsip_notify.conf already, which is kept: add what is missing there"
            report.add(Entry(NOTIFY, 0, Outcome.UNTRANSLATED, NOTIFY, "", why))
            return
        self._put("pjsip_notify.conf", "\n".join(lines) + "\n", file.path)


def kept_files(folder: Path, out: Path, done: Migration) -> Iterator[tuple[Path, str]]:
    """The files that are copied as they are, with their names; none of ``out``, which may be inside of ``folder``."""
    inside = out.absolute()
    for path in sorted(folder.rglob("*")):
        if inside == path.absolute() or inside in path.absolute().parents:
            continue
        name = str(path.relative_to(folder))
        if path.is_file() and name not in done.files and name not in done.left_out:
            yield path, name
