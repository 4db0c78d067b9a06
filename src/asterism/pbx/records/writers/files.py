"""Rows at the end of files, each once: also after a kill, a full disk, or when a file was moved away in between."""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asterism.pbx.records.writing import Attempt


def in_octets(text: str) -> bytes:
    """A text as files have it: octets that were no UTF-8 are what they were, what cannot be one at all is a ``?``."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def on_one_line(text: str) -> str:
    """A text without line ends, so that what came from outside makes no row of its own."""
    if "\n" in text or "\r" in text:
        return text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")
    return text


def is_below(name: str) -> bool:
    """Whether a name is that of a file which cannot be outside its folder, nor hidden there."""
    parts = name.split("/")
    return name.isprintable() and all(
        part and not part.startswith(".") and len(part.encode(errors="replace")) <= 200 for part in parts
    )


class RowFiles:
    """Appends rows to files of a folder. Each is opened for each batch, so that one that was moved away is made anew.

    Before it is begun with, a batch's mark has for each file what it was: its number in the file system, its size, and
    length and check sum of the rows that come. Afterwards this tells what of them is there: the whole, a part, which is
    cut off, or nothing.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        """``folder`` is called for each batch."""
        self._folder = folder

    async def append(self, rows: Sequence[tuple[str, bytes]], attempt: Attempt) -> None:
        """Append rows, each with the name of its file; rows of one file together.

        Raises:
            OSError: some are not written. The next attempt writes what is missing.
        """
        batch: dict[str, list[bytes]] = {}
        for name, row in rows:
            batch.setdefault(name, []).append(row)
        data = {name: b"".join(parts) for name, parts in batch.items()}
        before = attempt.before if isinstance(attempt.before, dict) else {}
        folder = self._folder()

        def write() -> None:
            mark = _look(folder, data, before)
            attempt.note(mark)
            _write(folder, data, mark)

        await attempt.in_thread(write)


def _look(folder: Path, data: Mapping[str, bytes], before: Mapping[str, Any]) -> dict[str, Any]:
    """The mark of a batch: for each file ``[number, size, length, check sum]``; ``None`` for one that is done."""
    mark: dict[str, Any] = {}
    for name, rows in data.items():
        path = folder / name
        if name in before and (before[name] is None or _done(path, rows, before[name])):
            mark[name] = None
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _open(path)
        try:
            found = os.fstat(descriptor)
            mark[name] = [found.st_ino, found.st_size, len(rows), crc32(rows)]
        finally:
            os.close(descriptor)
    return mark


def _done(path: Path, rows: bytes, before: Any) -> bool:
    """Whether an attempt has written all of a file's rows; the part of them that it has written is cut off."""
    try:
        number, size, length, check = map(int, before)
    except (TypeError, ValueError):
        return False
    found = _find(path, number)
    if found is None:
        return False
    with open(found, "r+b") as file:
        file.seek(size)
        tail = file.read(length)
        if len(tail) == length and crc32(tail) == check:
            return True
        if tail and len(tail) < length and rows.startswith(tail):
            file.truncate(size)
    return False


def _find(path: Path, number: int) -> Path | None:
    """The file of that number: in its place, or beside it under the name that it was given since."""
    try:
        if os.stat(path).st_ino == number:
            return path
    except OSError:
        pass
    try:
        for entry in os.scandir(path.parent):
            if entry.inode() == number and entry.is_file(follow_symlinks=False):
                return Path(entry.path)
    except OSError:
        pass
    return None


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)


def _write(folder: Path, data: Mapping[str, bytes], mark: Mapping[str, Any]) -> None:
    """Write what is not done. What fails does not keep the other files from their rows."""
    failed: OSError | None = None
    for name, rows in data.items():
        if mark[name] is None:
            continue
        try:
            _append(folder / name, rows)
        except OSError as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _append(path: Path, rows: bytes) -> None:
    """Append the whole, or nothing. Raises ``OSError``, which names the file."""
    try:
        descriptor = _open(path)
        try:
            size = os.fstat(descriptor).st_size
            try:
                left = memoryview(rows)
                while left:
                    left = left[os.write(descriptor, left) :]
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
