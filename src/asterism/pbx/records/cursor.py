"""How far a writer has come in its journal, kept so that no kill at any moment loses or doubles what it has written.

It is written in turns to one of two small files, in place: one that was being written when the process was killed is
told by its check sum, and the other has what was true before. Writing in place needs no room on a disk that is full.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from binascii import crc32
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_MARK = 1024 * 1024
"""Octets of what a writer may have noted."""


def file_name(writer: str) -> str:
    """A writer's name as a part of names of files."""
    return re.sub(r"[^a-z0-9]+", "-", writer.lower()).strip("-") or "writer"


@dataclass(frozen=True, slots=True)
class Position:
    """What is written up to ``place``; the records from there to ``end`` were being written, if there is one."""

    place: int
    end: int | None = None
    mark: Any = None
    """What the writer noted before it began with them, as JSON has it."""


class Cursor:
    """The two files of one writer of one line."""

    def __init__(self, folder: Path, line: str, writer: str) -> None:
        """Read them; nothing is made before something is written."""
        stem = f"{line}.{file_name(writer)}.cursor"
        self._paths = [folder / f"{stem}{number}" for number in range(2)]
        self._turn = 0
        self.position: Position | None = None
        found: list[tuple[int, Position]] = [one for one in map(_read, self._paths) if one is not None]
        if found:
            self._turn, self.position = max(found, key=lambda one: one[0])
        if self.position is None and any(path.exists() for path in self._paths):
            self.position = Position(0)  # both are damaged: better twice than not at all

    def save(self, position: Position) -> None:
        """Keep a position, in a thread. Raises ``OSError``; it is the position all the same, until a kill."""
        self.position = position
        turn = self._turn + 1
        values = [turn, position.place, position.end, position.mark]
        text = json.dumps(values, separators=(",", ":")).encode("ascii")
        data = b"%08x %s\n" % (crc32(text), text)
        path = self._paths[turn % 2]
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        try:
            if os.pwrite(descriptor, data, 0) < len(data):
                raise OSError(28, os.strerror(28), str(path))
        finally:
            os.close(descriptor)
        self._turn = turn

    def remove(self) -> None:
        """Forget it."""
        for path in self._paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _read(path: Path) -> tuple[int, Position] | None:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_MARK).partition(b"\n")[0]
    except OSError:
        return None
    try:
        if int(data[:8], 16) != crc32(data[9:]):
            return None
        turn, place, end, mark = json.loads(data[9:])
        if not (type(turn) is int and type(place) is int and (end is None or type(end) is int) and place >= 0):
            return None
    except (ValueError, TypeError, RecursionError):
        return None
    return turn, Position(place, end, mark)
