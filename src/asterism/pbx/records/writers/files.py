"""Rows at the end of files, each once: also after a kill, a full disk, or when a file was moved away in between."""

from __future__ import annotations

import errno
import os
from binascii import crc32
from collections.abc import Callable, Collection, Mapping, Sequence
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


_WAITED_FOR = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""What is in the way of all files of a disk, and may pass."""


class RowFiles:
    """Appends rows to files of a folder. Each is opened for each batch, so that one that was moved away is made anew.

    Before it is begun with, a batch's mark has for each file what it was: its number in the file system, its size, and
    length and check sum of the rows that come. Afterwards this tells what of them is there: the whole, a part, which is
    cut off, or nothing.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        """``folder`` is called for each batch."""
        self._folder = folder

    async def append(
        self,
        rows: Sequence[tuple[str, bytes]],
        attempt: Attempt,
        dispensable: Collection[str] = (),
        skipped: Callable[[OSError], None] = lambda _: None,
    ) -> None:
        """Append rows, each with the name of its file; rows of one file together.

        Those for a ``dispensable`` file that cannot be written for another reason than a lack of room, or a damage,
        are left out, and ``skipped`` is called, in the writer's thread, with what is in the way.

        Raises:
            OSError: some are not written, which keeps no other file from its rows. The next attempt writes what is
                missing.
        """
        batch: dict[str, list[bytes]] = {}
        for name, row in rows:
            batch.setdefault(name, []).append(row)
        data = {name: b"".join(parts) for name, parts in batch.items()}
        before = attempt.before if isinstance(attempt.before, dict) else {}
        folder = self._folder()

        def write() -> None:
            mark, failed = _look(folder, data, before)
            attempt.note(mark)
            failed |= _write(folder, data, mark, failed)
            for name, error in failed.items():
                if name not in dispensable or error.errno in _WAITED_FOR:
                    raise error
                skipped(error)

        await attempt.in_thread(write)


def _look(
    folder: Path, data: Mapping[str, bytes], before: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, OSError]]:
    """The mark of a batch: for each file ``[number, size, length, check sum]``; ``None`` for one that is done.

    And what is in the way of which file: its mark is that of the attempt before, if there was one.
    """
    mark: dict[str, Any] = {}
    failed: dict[str, OSError] = {}
    for name, rows in data.items():
        path = folder / name
        try:
            if name in before and (before[name] is None or _done(path, rows, before[name])):
                mark[name] = None
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _open(path)
        except OSError as error:
            if name in before:
                mark[name] = before[name]
            failed[name] = _named(error, path)
            continue
        try:
            found = os.fstat(descriptor)
            mark[name] = [found.st_ino, found.st_size, len(rows), crc32(rows)]
        finally:
            os.close(descriptor)
    return mark, failed


def _named(error: OSError, path: Path) -> OSError:
    return OSError(error.errno, error.strerror, str(path))


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


def _write(
    folder: Path, data: Mapping[str, bytes], mark: Mapping[str, Any], passed_over: Collection[str]
) -> dict[str, OSError]:
    """Write what is not done. What fails does not keep the other files from their rows; it is told by its name."""
    failed: dict[str, OSError] = {}
    for name, rows in data.items():
        if name in passed_over or mark[name] is None:
            continue
        try:
            _append(folder / name, rows)
        except OSError as error:
            failed[name] = error
    return failed


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
        raise _named(error, path) from error
