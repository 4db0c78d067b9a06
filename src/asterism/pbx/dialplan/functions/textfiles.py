"""Parts of files by octets or by lines; these functions block.

All raise :class:`OSError`, and :class:`FunctionError` for a file that is too large or is no regular file.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass

from asterism.pbx.dialplan.language.foreign import NEUTRAL, is_foreign, shadow
from asterism.pbx.vocabulary.flow import FunctionError

ENDS = {"u": b"\n", "d": b"\r\n", "m": b"\r"}
MAX_READ = 65536
"""Octets that are read of a file."""
MAX_FILE = 64 * 1024 * 1024
"""Octets of a file that is looked at as a whole, or changed within."""
_END = re.compile(rb"\r\n|\n|\r")


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
    descriptor, _ = _open(name, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise FunctionError(f"'{name}' is larger than {MAX_FILE} octets")
    return data


def format_of(name: str) -> str:
    """``u``, ``d`` or ``m``, as the first line ends; ``x`` where there is no end of a line."""
    found = _END.search(whole(name))
    return "x" if found is None else next(form for form, end in ENDS.items() if end == found.group())


def _lines(data: bytes, end: bytes | None) -> list[bytes]:
    """The lines with their ends; the last one may have none."""
    if end is None:
        found = _END.search(data)
        end = b"\n" if found is None else found.group()
    parts = data.split(end)
    lines = [part + end for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def count(name: str, end: bytes | None) -> int:
    """How many lines a file has."""
    return len(_lines(whole(name), end))


def read(name: str, part: Part) -> bytes:
    """A part of a file, :data:`MAX_READ` octets at most."""
    if part.lines:
        lines = _lines(whole(name), part.end)
        start, end = part.limits(len(lines))
        return b"".join(lines[start:end])[:MAX_READ]
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
    if part.lines:
        lines = _lines(data, part.end)
        start, stop = part.limits(len(lines))
        data = b"".join((*lines[:start], value, *lines[stop:]))
    else:
        start, stop = part.limits(len(data))
        data = data[:start] + value + data[stop:]
    _put(name, data, os.O_TRUNC)


def _put(name: str, data: bytes, how: int) -> None:
    # What is no regular file is refused before it could be emptied.
    descriptor, _ = _open(name, os.O_WRONLY | os.O_CREAT | (how & os.O_APPEND))
    with os.fdopen(descriptor, "wb") as file:
        if how & os.O_TRUNC:
            file.truncate(0)
        file.write(data)
