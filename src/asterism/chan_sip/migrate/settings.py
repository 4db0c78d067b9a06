"""Files beside ``sip.conf`` and the dialplan that change with the driver."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from asterism.chan_sip.migrate.report import Entry, Outcome, Report
from asterism.chan_sip.migrate.source import Kind, SourceFile, SourceLine

_PJSIP_MODULE = re.compile(r"(chan_pjsip|res_pjsip\w*)(\.so)?\Z", re.IGNORECASE)
_SIP_MODULE = re.compile(r"chan_sip(\.so)?\Z", re.IGNORECASE)
_FAMILIES = ("sipusers", "sippeers", "sipregs")


def migrate_modules(file: SourceFile, name: str, modules: Iterable[str], report: Report) -> list[str]:
    """``modules.conf``: the new driver in place of the old one; ``modules`` are those that it needs."""
    written: list[str] = []
    autoload = _autoload(file)
    for line in file.lines:
        found = _setting(line)
        if found is None:
            written.append(line.raw)
            continue
        option, arrow, module = found
        suffix = ".so" if module.lower().endswith(".so") else ""
        if _SIP_MODULE.match(module) and option in ("load", "preload", "require"):
            names = ["chan_pjsip"] if autoload else ["chan_pjsip", *modules]
            lines = [f"{option} {arrow} {each}{suffix}" for each in dict.fromkeys(names)]
            report.add(Entry(name, line.number, Outcome.TRANSLATED, line.said, ", ".join(lines)))
            written += [f"{lines[0]}{'  ' if line.comment else ''}{line.comment}", *lines[1:]]
        elif _PJSIP_MODULE.match(module) and option == "noload":
            why = "the modules of the new driver are needed"
            report.add(Entry(name, line.number, Outcome.CHANGED, line.said, f";{line.said}", why))
            written.append(f";{line.raw}")
        else:
            written.append(line.raw)
    return written


def _autoload(file: SourceFile) -> bool:
    values = [line.said.partition("=")[2].lstrip(">").strip().lower() for line in file.lines
              if line.kind is Kind.OPTION and line.said.partition("=")[0].strip().lower() == "autoload"]  # fmt: skip
    return bool(values) and values[-1] in ("yes", "true", "y", "t", "1", "on")


def _setting(line: SourceLine) -> tuple[str, str, str] | None:
    if line.kind is not Kind.OPTION:
        return None
    option, _, value = line.said.partition("=")
    arrow = "=>" if value.startswith(">") else "="
    return option.strip().lower(), arrow, value.lstrip(">").strip()


def migrate_directories(file: SourceFile, name: str, old: Path, new: Path, report: Report) -> list[str]:
    """``asterisk.conf``: the configuration folder is the new one, so that the server can be tried with it."""
    written: list[str] = []
    for line in file.lines:
        found = _setting(line)
        if found is not None and found[0] == "astetcdir" and (old / found[2]).resolve() == old.resolve():
            changed = f"astetcdir {found[1]} {new}"
            if not found[2].startswith("/"):
                written.append(line.raw)
                continue
            why = "so that the result can be tried where it is; to be changed back when it is moved"
            report.add(Entry(name, line.number, Outcome.CHANGED, line.said, changed, why))
            written.append(f"{changed}{'  ' if line.comment else ''}{line.comment}")
        else:
            written.append(line.raw)
    return written


def realtime_lines(file: SourceFile, name: str) -> list[Entry]:
    """The lines of ``extconfig.conf`` that have phones of chan_sip in a database."""
    found: list[Entry] = []
    for line in file.lines:
        setting = _setting(line)
        if setting is not None and setting[0] in _FAMILIES:
            why = "rows are not migrated: ps_endpoints, ps_auths and ps_aors have other columns (asterism db upgrade)"
            found.append(Entry(name, line.number, Outcome.UNTRANSLATED, line.said, "", why))
    return found


def migrate_notify(file: SourceFile, name: str, report: Report) -> list[str]:
    """``sip_notify.conf``: ``pjsip_notify.conf`` has the same shape."""
    for line in file.lines:
        if line.kind in (Kind.OPTION, Kind.HEADER):
            report.add(Entry(name, line.number, Outcome.TRANSLATED, line.said))
    return [line.raw for line in file.lines]
