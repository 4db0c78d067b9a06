"""The files of a fax: what is sent, put together; what is received, under another name until it is whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from asterism.media.fax.documents import DocumentError, count_pages, join_documents
from asterism.pbx.calls.fax.session import FaxError
from asterism.pbx.calls.recording.settings import RecordingError, file_path

FOLDER = "fax"
"""The folder of relative names, below the spool folder."""
_EXTENSION = "tif"


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
    """What is sent: one file, or several put together in one that is deleted afterwards."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Of one or more files."""
        self._paths = paths
        self._made: Path | None = None
        self.path = paths[0]
        self.pages = 0

    def prepare(self) -> None:
        """Look at the files, and put several together. It blocks.

        Raises:
            FaxError: one of them cannot be sent.
        """
        try:
            if len(self._paths) == 1:
                self.pages = count_pages(self.path)
                return
            handle, name = tempfile.mkstemp(suffix=f".{_EXTENSION}", prefix="asterism-fax-")
            os.close(handle)
            self.path = self._made = Path(name)
            self.pages = join_documents(self._paths, self.path)
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
    """What is received: written beside its place, and put there when a page was acknowledged to the far end."""

    def __init__(self, path: Path, number: int) -> None:
        """Of the session with a number."""
        self.path = path
        self.part = path.with_name(f".{path.name}.{os.getpid()}.{number}.part")

    def prepare(self) -> None:
        """See that it can be written. It blocks.

        Raises:
            FaxError: it cannot.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        except OSError as error:
            raise FaxError("FILE_ERROR", f"{self.path} cannot be written: {error.strerror}") from error
        if self.path.is_dir():
            self.abandon()
            raise FaxError("FILE_ERROR", f"{self.path} is a folder")

    def keep(self, success: bool) -> Path:
        """Put it in its place; where it is not whole and there is a file already, under a name of its own.

        It blocks; raises ``FaxError`` where that is not possible.
        """
        target = self.path
        if not success and target.exists():
            target = target.with_name(f"{target.stem}-{os.getpid()}-{self.part.suffixes[-2][1:]}{target.suffix}")
        try:
            self.part.replace(target)
        except OSError as error:
            self.abandon()
            raise FaxError("FILE_ERROR", f"{target} cannot be written: {error.strerror}") from error
        return target

    def abandon(self) -> None:
        """Delete what was written. It blocks."""
        with suppress(OSError):
            self.part.unlink()
