"""``asterism migrate DIR``: write a configuration for chan_pjsip from one for chan_sip, and report each line."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.config.errors import flatten
from asterism.core.errors import ConfigError

if TYPE_CHECKING:
    from asterism.chan_sip.migrate.migration import Migration

USAGE = """\
Usage: asterism migrate DIR [--out OUT] [--force] [--all]

Makes pjsip.conf of sip.conf, and changes the dialplan and the files that name phones accordingly. DIR is only read. The
whole configuration is written to OUT, files that do not change included, so that it can be checked and tried there; a
report of each line is printed, and is in OUT/migration-report.txt. sip.conf itself is left out.

  --out OUT   where to write; without it, DIR-migrated
  --force     write although OUT has files of these names: they are replaced
  --all       print lines that are translated without a change, too

The exit status is 0 if everything has been translated, 1 if something has not been and wants a look, 2 if nothing was
written.
"""


@dataclass
class _Arguments:
    folder: Path
    out: Path
    force: bool = False
    everything: bool = False


def _parse(words: Sequence[str]) -> _Arguments:
    """Read the command line. Raises ``ValueError``."""
    rest, folders, out = list(words), [], ""
    found = _Arguments(Path(), Path())
    while rest:
        word = rest.pop(0)
        if word == "--force":
            found.force = True
        elif word == "--all":
            found.everything = True
        elif word == "--out" or word.startswith("--out="):
            out = word.partition("=")[2] or (rest.pop(0) if rest and "=" not in word else "")
            if not out:
                raise ValueError("--out needs a folder")
        elif word.startswith("-"):
            raise ValueError(f"'{word}' is not an option of asterism migrate")
        else:
            folders.append(word)
    if len(folders) != 1:
        raise ValueError("one folder is needed" if not folders else f"which of {' and '.join(folders)} is meant?")
    folder = Path(folders[0])
    if folder.name == "sip.conf" and folder.is_file():
        folder = folder.parent
    found.folder = folder
    found.out = Path(out) if out else folder.absolute().with_name(f"{folder.absolute().name}-migrated")
    return found


def run_migrate(words: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    if words[:1] in (["-h"], ["--help"]):
        print(USAGE, end="")
        return 0
    try:
        arguments = _parse(words)
    except ValueError as error:
        print(f"asterism: {error}\n\n{USAGE}", end="", file=sys.stderr)
        return 2
    refusal = _refusal(arguments)
    if refusal:
        print(f"asterism: {refusal}", file=sys.stderr)
        return 2
    from asterism.chan_sip.migrate.migration import migrate

    try:
        done = migrate(arguments.folder, arguments.out, _modules())
    except ConfigError as error:
        for each in flatten(error):
            print(each, file=sys.stderr)
        print("asterism: nothing was written", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"asterism: cannot read '{error.filename}': {error.strerror or error}", file=sys.stderr)
        return 2
    try:
        written = _write(arguments, done)
    except OSError as error:
        print(f"asterism: cannot write '{error.filename}': {error.strerror or error}", file=sys.stderr)
        return 2
    if written is None:
        return 2
    return _tell(arguments, done)


def _refusal(arguments: _Arguments) -> str:
    folder, out = arguments.folder, arguments.out
    if not folder.is_dir():
        return f"'{folder}' is not a folder; which is meant? asterism migrate DIR"
    if not (folder / "sip.conf").is_file():
        return f"there is no sip.conf in '{folder}'"
    if out.absolute().resolve() == folder.resolve():
        return "OUT cannot be DIR: what is there stays as it is"
    if out.exists() and not out.is_dir():
        return f"'{out}' is not a folder"
    return ""


def _modules() -> tuple[str, ...]:
    """The modules of chan_pjsip, for a ``modules.conf`` that names each one."""
    from asterism.server.discovery import builtin_modules

    names = {name for each in builtin_modules() for name in (*each.aliases, *each.covers)}
    return tuple(sorted(name for name in names if name.startswith("res_pjsip")))


def _write(arguments: _Arguments, done: Migration) -> int | None:
    """Write everything; returns the number of files, or ``None`` when some are there already."""
    from asterism.chan_sip.migrate.migration import REPORT, kept_files

    folder, out = arguments.folder, arguments.out
    kept = list(kept_files(folder, out, done))
    names = [*done.files, *(name for _, name in kept), REPORT]
    present = [name for name in names if (out / name).exists()]
    if present and not arguments.force:
        shown = ", ".join(present[:5]) + (", ..." if len(present) > 5 else "")
        print(f"asterism: '{out}' has {shown}; --force replaces them", file=sys.stderr)
        return None
    out.mkdir(parents=True, exist_ok=True)
    shutil.copymode(folder, out)
    for path, name in kept:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, out / name)
    for name, text in done.files.items():
        _put(out / name, text, done.modes[name])
    report = "".join(f"{entry}\n" for entry in done.report.ordered())
    _put(out / REPORT, f"{report}{done.report.summary()}\n", folder / "sip.conf")
    return len(names)


def _put(path: Path, text: str, like: Path) -> None:
    """Write a file that only those can read who could read ``like``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = like.stat().st_mode & 0o777
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    path.chmod(mode)


def _tell(arguments: _Arguments, done: Migration) -> int:
    from asterism.chan_sip.migrate.migration import REPORT
    from asterism.chan_sip.migrate.report import Outcome

    report = done.report
    for entry in report.ordered():
        if arguments.everything or entry.outcome is not Outcome.TRANSLATED:
            print(str(entry).encode("utf-8", "replace").decode())
    for name in sorted(done.files):
        print(f"wrote {arguments.out / name}")
    print(f"{report.summary()}; every line: {arguments.out / REPORT}")
    print(f"Next: asterism check {arguments.out}")
    return 1 if report.count(Outcome.UNTRANSLATED) else 0
