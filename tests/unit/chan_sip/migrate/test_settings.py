"""Files beside sip.conf and the dialplan."""

from __future__ import annotations

from pathlib import Path

from asterism.chan_sip.migrate.report import Outcome, Report
from asterism.chan_sip.migrate.settings import (
    migrate_directories,
    migrate_modules,
    migrate_notify,
    realtime_lines,
)
from asterism.chan_sip.migrate.source import SourceFile, read_lines


def file(folder: Path, text: str) -> SourceFile:
    (folder / "x.conf").write_text(text)
    return read_lines(folder / "x.conf", folder)


def test_modules_that_are_loaded_by_themselves(tmp_path: Path) -> None:
    report = Report()
    source = file(tmp_path, "[modules]\nautoload=yes\nnoload => chan_pjsip.so ; old\nload = chan_sip.so\nnoload = x\n")
    lines = migrate_modules(source, "modules.conf", ("res_pjsip",), report)
    assert lines == [
        "[modules]",
        "autoload=yes",
        ";noload => chan_pjsip.so ; old",
        "load = chan_pjsip.so",
        "noload = x",
    ]
    assert [entry.outcome for entry in report.entries] == [Outcome.CHANGED, Outcome.TRANSLATED]


def test_modules_that_are_named(tmp_path: Path) -> None:
    lines = migrate_modules(file(tmp_path, "[modules]\nload => chan_sip\n"), "m", ("res_pjsip",), Report())
    assert lines == ["[modules]", "load => chan_pjsip", "load => res_pjsip"]


def test_the_folder_is_the_new_one(tmp_path: Path) -> None:
    source = file(tmp_path, f"[directories]\nastetcdir => {tmp_path}\nastlogdir => /var/log\n")
    report = Report()
    lines = migrate_directories(source, "asterisk.conf", tmp_path, Path("/new"), report)
    assert lines == ["[directories]", "astetcdir => /new", "astlogdir => /var/log"]
    assert report.entries[0].outcome is Outcome.CHANGED
    relative = file(tmp_path, "[directories]\nastetcdir => .\n")
    assert migrate_directories(relative, "asterisk.conf", tmp_path, Path("/new"), Report())[1] == "astetcdir => ."


def test_realtime_is_told(tmp_path: Path) -> None:
    found = realtime_lines(file(tmp_path, "[settings]\nsippeers => odbc,x\nqueues => odbc,x\n"), "extconfig.conf")
    assert [(entry.line, entry.outcome) for entry in found] == [(2, Outcome.UNTRANSLATED)]


def test_notify_keeps_its_shape(tmp_path: Path) -> None:
    report = Report()
    assert migrate_notify(file(tmp_path, "[a]\nEvent=>x ; y\n"), "n", report) == ["[a]", "Event=>x ; y"]
    assert len(report.entries) == 2
