"""The folder of call files, and that of those that are over. Everything here may block and runs in a thread."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from asterism.pbx.calls.spool.callfile import MAX_SIZE

MAX_FILES = 10_000
"""Files that are looked at; more wait until some are gone."""


class UnusableError(Exception):
    """A file that cannot be a call file: it is left where it is."""


class EmptyError(UnusableError):
    """It is empty: perhaps it is about to be written."""

    def __init__(self) -> None:
        super().__init__("it is empty")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the folder. Times are in seconds since 1970."""

    name: str
    due: float
    """Its time of modification, which may be set: from then on it is called."""
    changed: float
    """When it was last changed, or moved here; nobody can set that."""
    identity: tuple[int, int, int, int]
    """Changes when the file is another, or is changed."""


class Folder:
    """``outgoing`` and ``outgoing_done`` of a spool folder."""

    def __init__(self, spool: Path) -> None:
        self.path = spool / "outgoing"
        self.done = spool / "outgoing_done"

    def create(self) -> None:
        """Make the folder of call files; raises OSError."""
        self.path.mkdir(mode=0o770, parents=True, exist_ok=True)

    def scan(self) -> tuple[list[Entry], bool]:
        """The files, the earliest due first, and whether there are too many; names that begin with a dot are none."""
        found: list[Entry] = []
        more = False
        with os.scandir(self.path) as entries:
            for each in entries:
                if each.name.startswith("."):
                    continue
                if len(found) >= MAX_FILES:
                    more = True
                    break
                try:
                    found.append(_entry(each.name, each.stat(follow_symlinks=False)))
                except OSError:
                    continue  # it has gone meanwhile
        found.sort(key=lambda entry: (entry.due, entry.name))
        return found, more

    def read(self, name: str, identity: tuple[int, int, int, int] | None = None) -> bytes:
        """The content of a file.

        Raises:
            UnusableError: it is no regular file, too large, empty, or cannot be read and written.
            FileNotFoundError: it has gone, or is not the one of that identity any more.
        """
        try:
            # Not followed, and not waited for: a pipe or a link to one would block for ever.
            descriptor = os.open(self.path / name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UnusableError(_reason(self.path / name, error)) from None
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnusableError("it is no regular file")
            if identity is not None and _entry(name, status).identity != identity:
                raise FileNotFoundError(f"{name} has changed since")
            data = file.read(MAX_SIZE + 1)
        if not data:
            raise EmptyError
        if len(data) > MAX_SIZE:
            raise UnusableError(f"it has more than {MAX_SIZE // 1024} KiB")
        return data

    def append(self, name: str, text: str, due: float) -> Entry:
        """Write what happened to the end of a file, and have it looked at again at ``due``.

        Raises:
            OSError: it cannot be written, or has gone: it is not made again.
        """
        path = self.path / name
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "ab") as file:
            file.write(text.encode())
        os.utime(path, (due, due), follow_symlinks=False)
        return _entry(name, path.lstat())

    def finish(self, last: Entry, status: str, now: float, *, archive: bool, always: bool) -> bool:
        """The call is over: delete the file, or move it to the other folder with its ``status``.

        ``last`` is the file as it was left. One that somebody has given a time in the future meanwhile is kept for a
        call at that time unless ``always`` is set, and another file of its name is left alone: ``False``.

        Raises:
            OSError: it cannot be removed.
        """
        path = self.path / last.name
        try:
            current = _entry(last.name, path.lstat())
        except FileNotFoundError:
            return True
        if current.identity[0] != last.identity[0] or (current.due > now and current.due != last.due and not always):
            return False
        if archive:
            self.append(last.name, f"Status: {status}\n", current.due)
            self.done.mkdir(mode=0o770, parents=True, exist_ok=True)
            path.replace(self.done / last.name)
        else:
            path.unlink()
        return True


def _entry(name: str, status: os.stat_result) -> Entry:
    identity = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
    return Entry(name, status.st_mtime_ns / 1e9, status.st_ctime_ns / 1e9, identity)


def _reason(path: Path, error: OSError) -> str:
    try:
        mode = path.lstat().st_mode
    except OSError:
        mode = stat.S_IFREG
    if stat.S_ISLNK(mode):
        return "it is a link"
    if not stat.S_ISREG(mode):
        return "it is no regular file"
    return f"it cannot be read and written: {error.strerror}"
