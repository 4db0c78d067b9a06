"""The files of a fax: what is sent, put together; what is received, under another name until it is whole."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from asterism.media.fax.documents import DocumentError, count_pages, end_after, join_documents
from asterism.media.fax.terminal import LONGEST_PATH
from asterism.pbx.calls.fax.session import FaxError
from asterism.pbx.calls.recording.settings import RecordingError, file_path

FOLDER = "fax"
"""The folder of relative names, below the spool folder."""
OLD = 60.0
"""Seconds that nothing was written to what is taken for the rest of a server that has crashed."""
_EXTENSION = "tif"
_PREFIX, _SUFFIX = ".asterism-fax-", ".part"
"""Of the names of what is being received."""


def fax_path(name: str, spool: Path) -> Path:
    """The path of a file: a relative name is below the folder ``fax`` of the spool folder.

    Raises:
        FaxError: it is no name, or leads where it may not.
    """
    try:
        return file_path(name, spool / FOLDER, _EXTENSION)
    except RecordingError as error:
        raise FaxError("INVALID_ARGUMENTS", str(error)) from error


class Outgoing:
    """What is sent: one file, or several put together in one that is deleted afterwards.

    A file whose path is too long for the library is copied as well.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Of one or more files."""
        self._paths = paths
        self._made: Path | None = None
        self.path = paths[0]

    def prepare(self) -> None:
        """Look at the files, and put several together. It blocks.

        Raises:
            FaxError: one of them cannot be sent.
        """
        try:
            if len(self._paths) == 1 and len(os.fsencode(self.path)) <= LONGEST_PATH:
                count_pages(self.path)
                return
            handle, name = tempfile.mkstemp(suffix=f".{_EXTENSION}", prefix="asterism-fax-")
            os.close(handle)
            self.path = self._made = Path(name)
            join_documents(self._paths, self.path)
        except DocumentError as error:
            raise FaxError("FILE_ERROR", str(error)) from error
        except OSError as error:
            raise FaxError("FILE_ERROR", f"the files cannot be put together: {error.strerror}") from error

    def finish(self) -> None:
        """Delete what was made. It blocks."""
        if self._made is not None:
            with suppress(OSError):
                self._made.unlink()


class Incoming:
    """What is received: written beside its place, and put there when a page was acknowledged to the far end.

    Attributes:
        path: its place.
        part: where it is written, under a name that no other fax has or had.
        kept: where it is once it was kept, which is not its place where that could not be written.
    """

    def __init__(self, path: Path) -> None:
        """Of what is to be at ``path``."""
        self.path = path
        self._token = secrets.token_hex(8)
        self.part = path.with_name(f"{_PREFIX}{self._token}{_SUFFIX}")
        self.kept: Path | None = None
        self._lock = -1
        """Holds the lock of the file: whose is free has crashed."""

    def prepare(self) -> list[Path]:
        """See that it can be written; what a server that crashed has left here is what comes back. It blocks.

        Raises:
            FaxError: it cannot.
        """
        if self.path.exists() and not self.path.is_file():
            raise FaxError("FILE_ERROR", f"{self.path} is a folder or a device")
        if len(os.fsencode(self.part)) > LONGEST_PATH:
            raise FaxError("FILE_ERROR", f"{self.path} cannot be written: its path is too long")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            found = _recovered(self.path.parent)
            self._lock = os.open(self.part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
            with suppress(OSError):  # a file system without locks: what is left there stays
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FaxError("FILE_ERROR", f"{self.path} cannot be written: {error.strerror}") from error
        return found

    def keep(self, whole: bool, pages: int = 0) -> Path:
        """Put it in its place; what is not whole takes no other file's place but one beside it. It blocks.

        With ``pages`` it ends after so many: the next could not be written.

        Raises:
            FaxError: it cannot have its place; ``kept`` tells where it is instead.
        """
        why = ""
        if pages:
            with suppress(OSError):  # then the pages are there, and one more that is broken
                end_after(self.part, pages)
        beside = self.path.with_name(f"{self.path.stem}-{self._token}{self.path.suffix}")
        for target in (self.path, beside):
            try:
                self._put(target, over=whole and target is self.path)
            except FileExistsError:
                continue
            except OSError as error:
                why = why or f"{self.path} cannot be written: {error.strerror}"
                continue
            self.kept = target
            break
        else:
            self.kept = self.part if self.part.exists() else None
            why = why or f"{self.path} and {beside} are there already"
        self._release()
        if why:
            where = "nothing is left of it" if self.kept is None else f"what was received is {self.kept}"
            raise FaxError("FILE_ERROR", f"{why}; {where}")
        return target

    def _put(self, target: Path, *, over: bool) -> None:
        """Give it a name: in the place of another file, or one that is free."""
        if not over:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        try:
            self.part.replace(target)
        except OSError:
            if not over:
                target.unlink()
            raise

    def abandon(self) -> None:
        """Delete what was written, unless it was kept. It blocks."""
        if self.kept is None:
            with suppress(OSError):
                self.part.unlink()
        self._release()

    def _release(self) -> None:
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def _recovered(folder: Path) -> list[Path]:
    """What faxes of servers that have crashed have left in a folder: whole pages are kept, the rest is deleted.

    Those pages were acknowledged to who has sent them. Returns where they are now.
    """
    found: list[Path] = []
    for part in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):  # it is another's, or gone
            held = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                status = os.fstat(held)
                ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
                if not ours or time.time() - status.st_mtime < OLD:
                    continue
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                try:
                    count_pages(part)
                except DocumentError:
                    part.unlink()
                else:
                    token = part.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
                    found.append(part.rename(folder / f"recovered-{token}.{_EXTENSION}"))
            finally:
                os.close(held)
    return found
