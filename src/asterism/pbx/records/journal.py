"""A journal of records: pieces of one endless text, in files that are only appended to and deleted when done with.

A place in it is the number of octets that were written before, since its beginning. Each file is named by the place of
its first octet. A file of an earlier run is read, but never appended to: what a crash left at its end is passed over.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

LIMIT = 64 * 1024 * 1024
"""Octets of one journal."""
MEMORY_LIMIT = 4 * 1024 * 1024
"""Octets of it that are kept in memory while its folder cannot be written to."""
PIECE = 1024 * 1024
"""Octets after which a new file is begun."""
_SUFFIX = ".journal"


@dataclass(slots=True)
class Piece:
    """A part of the journal: a file, or a text in memory."""

    start: int
    size: int
    path: Path | None = None
    text: bytearray | None = None

    @property
    def end(self) -> int:
        """The place behind its last octet."""
        return self.start + self.size

    def read(self, place: int, most: int) -> bytes:
        """Up to ``most`` octets from a place on; raises ``OSError``."""
        text = self.text  # the loop may write it to a file, and set the path first, in between
        if text is not None:
            return bytes(text[place - self.start : place - self.start + most])
        assert self.path is not None
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(descriptor, min(most, self.end - place), place - self.start)
        finally:
            os.close(descriptor)


class Journal:
    """The pieces of one journal, and the file that is appended to."""

    def __init__(self, folder: Path, name: str, limit: int = LIMIT) -> None:
        """Read which files there are; nothing is made before something is written. Raises ``OSError``."""
        self._folder = folder
        self._name = name
        self._limit = limit
        self._descriptor = -1
        self.pieces: list[Piece] = sorted(self._found(), key=lambda piece: piece.start)
        for piece, following in pairwise(self.pieces):
            piece.size = min(piece.size, following.start - piece.start)
        self.end = self.pieces[-1].end if self.pieces else 0
        """The place at which the next record is written."""
        self.in_memory = 0
        """Octets in memory."""

    def _found(self) -> Iterator[Piece]:
        pattern = re.compile(rf"{re.escape(self._name)}\.(\d{{20}}){re.escape(_SUFFIX)}")
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for entry in os.scandir(self._folder):
                found = pattern.fullmatch(entry.name)
                if found is not None and entry.is_file(follow_symlinks=False):
                    size = entry.stat().st_size
                    if size:
                        yield Piece(int(found.group(1)), size, Path(entry.path))
                    else:
                        os.unlink(entry.path)

    @property
    def start(self) -> int:
        """The place of the first octet that is there."""
        return self.pieces[0].start if self.pieces else self.end

    def has_room(self, size: int) -> bool:
        """Whether there is room for so many octets more."""
        return self.end - self.start + size <= self._limit

    def advance(self, place: int) -> None:
        """Begin no earlier than there: somebody has read up to there what is no longer here."""
        if place > self.end:
            self.end = place

    def append(self, line: bytes) -> bool:
        """Write a line at the end, by one call of the system; ``False`` where the journal is full.

        Raises:
            OSError: it cannot be written; nothing of it is there. :meth:`remember` keeps it meanwhile.
        """
        if not self.has_room(len(line)):
            return False
        if self.in_memory:
            self._write_remembered()
        last = self.pieces[-1] if self._descriptor >= 0 else None
        if last is None or last.size >= PIECE:
            last = self._begin()
        self._write(last, line)
        self.end += len(line)
        return True

    def _begin(self) -> Piece:
        """Begin a file at the end."""
        self.close()
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        path = self._folder / f"{self._name}.{self.end:020}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(path, flags, 0o640)
        piece = Piece(self.end, 0, path)
        self.pieces.append(piece)
        return piece

    def _write(self, piece: Piece, data: bytes) -> None:
        try:
            written = os.write(self._descriptor, data)
            if written < len(data):
                raise OSError(28, os.strerror(28), str(piece.path))
        except OSError:
            # What was written of it is behind the end of the piece; where it cannot be cut off, the file is left.
            try:
                os.ftruncate(self._descriptor, piece.size)
            except OSError:
                self.close()
            if not piece.size:
                self.close()
                self.pieces.remove(piece)
            raise
        piece.size += len(data)

    def remember(self, line: bytes) -> bool:
        """Keep a line in memory, at the end; ``False`` where there is no room for it."""
        if self.in_memory + len(line) > MEMORY_LIMIT or not self.has_room(len(line)):
            return False
        last = self.pieces[-1] if self.pieces else None
        if last is None or last.text is None or last.end != self.end:
            self.close()
            last = Piece(self.end, 0, text=bytearray())
            self.pieces.append(last)
        assert last.text is not None
        last.text += line
        last.size += len(line)
        self.in_memory += len(line)
        self.end += len(line)
        return True

    def write_remembered(self) -> None:
        """Write down what is in memory, now that it may be possible again. Raises ``OSError``."""
        if self.in_memory:
            self._write_remembered()

    def _write_remembered(self) -> None:
        for piece in self.pieces:
            if piece.text is None:
                continue
            self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            path = self._folder / f"{self._name}.{piece.start:020}{_SUFFIX}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(path, flags, 0o640)
            try:
                if os.write(descriptor, piece.text) < piece.size:
                    os.ftruncate(descriptor, 0)
                    raise OSError(28, os.strerror(28), str(path))
            finally:
                os.close(descriptor)
            self.in_memory -= piece.size
            piece.path, piece.text = path, None

    def release(self, place: int) -> None:
        """Delete the pieces that are over before a place, for nobody will read them."""
        while self.pieces and self.pieces[0].end <= place:
            piece = self.pieces[0]
            if piece is self.pieces[-1] and self._descriptor >= 0:
                if piece.size < PIECE:
                    return
                self.close()
            if piece.path is not None:
                try:
                    piece.path.unlink(missing_ok=True)
                except OSError:
                    return
            if piece.text is not None:
                self.in_memory -= piece.size
            del self.pieces[0]

    def close(self) -> None:
        """Append no more to the file that is open."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


@dataclass(slots=True)
class Lines:
    """What was read from a journal: whole lines, and how many octets were none."""

    lines: list[bytes]
    end: int
    """The place up to which all is known; the next is to be read from there."""
    skipped: int


def read_lines(pieces: list[Piece], place: int, until: int, most: int, longest: int) -> Lines:
    """The lines between two places of a journal, in a thread; about ``most`` octets of them, at least one line.

    What has no line feed at the end of a piece, or none within ``longest`` octets, was not written by us, or not to
    its end: it is passed over. So is a piece whose file is missing. Raises ``OSError``.
    """
    found: list[bytes] = []
    skipped, taken = 0, 0
    for piece in pieces:
        if piece.end <= place or piece.start >= until:
            continue
        if piece.start > place:
            place = piece.start
        limit = min(piece.end, until)
        while place < limit:
            if taken >= most:
                return Lines(found, place, skipped)
            try:
                data = piece.read(place, min(limit - place, max(most, longest)))
            except FileNotFoundError:
                data = b""
            lines = data.split(b"\n")
            rest = lines.pop()
            for line in lines:
                place += len(line) + 1
                found.append(line)
                taken += len(line) + 1
                if taken >= most:
                    return Lines(found, place, skipped)
            if len(rest) >= longest or not lines:
                lost = len(rest) or limit - place  # nothing more can be read of this piece
                skipped += lost
                place += lost
    return Lines(found, until if taken < most else place, skipped)
