"""Parts of files by octets or by lines; these functions block.

All raise :class:`OSError`, and :class:`FunctionError` for a file that is too large or is no regular file.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from asterism.pbx.dialplan.language.foreign import NEUTRAL, is_foreign, shadow
from asterism.pbx.vocabulary.flow import FunctionError

ENDS = {"u": b"\n", "d": b"\r\n", "m": b"\r"}
MAX_READ = 65536
"""Octets that are read of a file."""
MAX_FILE = 64 * 1024 * 1024
"""Octets of a file that is looked at as a whole, or changed within."""
_PIECE = 65536
_NO_TEXT = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
"""NUL, and what stands neither for a character nor for an octet that is no UTF-8."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file, and how it is written.

    ``offset`` and ``length`` as the function FILE has them; ``lines``: they count lines, which ``end`` ends; ``bare``
    lines get no end; ``whole``: neither was given.
    """

    offset: int = 0
    length: int | None = None
    lines: bool = False
    append: bool = False
    bare: bool = False
    end: bytes | None = None
    whole: bool = True

    def limits(self, size: int) -> tuple[int, int]:
        """Start and end of it within ``size`` octets or lines."""
        start = max(size + self.offset, 0) if self.offset < 0 else min(self.offset, size)
        if self.length is None:
            return start, size
        return start, max(start, min(size, size + self.length if self.length < 0 else start + self.length))


def path_of(name: str) -> str:
    """A file's name as it is given.

    Raises :class:`FunctionError` for none, and for one of which text from outside would choose the folder.
    """
    name = name.strip()
    if not name or "\0" in name:
        raise FunctionError("it needs a file's name")
    if is_foreign(name) and ((name[0] == "/" and shadow(name)[0] == NEUTRAL) or ".." in str(name).split("/")):
        raise FunctionError(f"'{name}' is text from outside that would choose a folder")
    return str(name)


def text(data: bytes) -> str:
    """The text of octets, without NUL."""
    return data.replace(b"\0", b"").decode("utf-8", "surrogateescape")


def clean(value: str) -> str:
    """Text that a decoder of others made, without NUL; half a character (a lone surrogate) becomes U+FFFD.

    What is left can be written: to a manager, into a message, a file or a database.
    """
    return _NO_TEXT.sub(lambda found: "" if found[0] == "\0" else "\ufffd", value)


def octets(value: str) -> bytes:
    """The reverse of :func:`text`."""
    return str(value).encode("utf-8", "surrogateescape")


def _open(name: str, flags: int) -> tuple[int, int]:
    """Open a regular file without waiting for anybody; its descriptor and size."""
    descriptor = os.open(name, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise FunctionError(f"'{name}' is no regular file")
    return descriptor, found.st_size


def whole(name: str) -> bytes:
    """All of a file of at most :data:`MAX_FILE` octets."""
    descriptor, size = _open(name, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        # Room is made for what is asked for; files of the kernel (/proc) do not tell their size.
        data = file.read(min(size or MAX_FILE, MAX_FILE) + 1)
    if len(data) > MAX_FILE:
        raise FunctionError(f"'{name}' is larger than {MAX_FILE} octets")
    return data


def format_of(name: str) -> str:
    """``u``, ``d`` or ``m``, as the first line ends; ``x`` where there is no end of a line."""
    found = _first_end(whole(name))
    return next((form for form, end in ENDS.items() if end == found), "x")


def _first_end(data: bytes) -> bytes:
    """What ends the first line; nothing where none is ended."""
    new, back = data.find(b"\n"), data.find(b"\r")
    if back < 0 or 0 <= new < back:
        return b"\n" if new >= 0 else b""
    return b"\r\n" if new == back + 1 else b"\r"


def _pieces(data: bytes, end: bytes) -> Iterator[tuple[int, int, int]]:
    """Start, stop and number of ends of lines of each piece of ``data``; none divides an end.

    Piece by piece, and without an object for each line: one call for all of it would hold up all other threads, and
    a file of empty lines would take fifty times its size.
    """
    start = 0
    while start < len(data):
        stop = min(start + _PIECE, len(data))
        if len(end) > 1 and data[stop - 1 : stop + 1] == end:
            stop += 1
        yield start, stop, data.count(end, start, stop)
        start = stop


class _Lines:
    """Where the lines of a text begin; the last one may have no end."""

    def __init__(self, data: bytes, end: bytes | None) -> None:
        self._data = data
        self._end = end or _first_end(data) or b"\n"

    def count(self) -> int:
        """How many there are."""
        ends = sum(found for _, _, found in _pieces(self._data, self._end))
        return ends + (bool(self._data) and not self._data.endswith(self._end))

    def start(self, line: int) -> int:
        """Where line ``line`` begins, from 0; the end of the text for those that are not there."""
        if not line:
            return 0
        for start, _, found in _pieces(self._data, self._end):
            if found < line:
                line -= found
                continue
            for _ in range(line):
                start = self._data.index(self._end, start) + len(self._end)
            return start
        return len(self._data)

    def limits(self, part: Part) -> tuple[int, int]:
        """Where a part that counts lines begins and ends, in octets."""
        first, last = part.limits(self.count())
        return self.start(first), self.start(last)


def count(name: str, end: bytes | None) -> int:
    """How many lines a file has."""
    return _Lines(whole(name), end).count()


def read(name: str, part: Part) -> bytes:
    """A part of a file, :data:`MAX_READ` octets at most."""
    if part.lines:
        data = whole(name)
        start, end = _Lines(data, part.end).limits(part)
        return data[start : min(end, start + MAX_READ)]
    descriptor, size = _open(name, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        if part.whole:
            return file.read(MAX_READ)
        start, end = part.limits(size)
        file.seek(start)
        return file.read(min(end - start, MAX_READ))


def write(name: str, part: Part, value: bytes) -> None:
    """Write ``value`` in place of a part of a file, which is made where there is none."""
    end = part.end or b"\n"
    if part.lines and not part.bare:
        value += end
    if part.append:
        _put(name, value, os.O_APPEND)
        return
    if part.whole:
        _put(name, value, os.O_TRUNC)
        return
    data = whole(name) if os.path.exists(name) else b""
    start, stop = _Lines(data, part.end).limits(part) if part.lines else part.limits(len(data))
    _put(name, b"".join((data[:start], value, data[stop:])), os.O_TRUNC)


def _put(name: str, data: bytes, how: int) -> None:
    # What is no regular file is refused before it could be emptied.
    descriptor, _ = _open(name, os.O_WRONLY | os.O_CREAT | (how & os.O_APPEND))
    with os.fdopen(descriptor, "wb") as file:
        if how & os.O_TRUNC:
            file.truncate(0)
        file.write(data)
