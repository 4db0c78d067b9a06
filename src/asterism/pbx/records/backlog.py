"""The records of a line that are not written by every writer yet: its journal, and what is said when it fails."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic

from asterism.pbx.records.cursor import Cursor, file_name
from asterism.pbx.records.encoding import MAX_LINE, Record, decode, encode
from asterism.pbx.records.journal import LIMIT, Journal, Piece, read_lines

if TYPE_CHECKING:
    from asterism.core.log import ServerLogger

_RETRY = 1.0
"""Seconds between two attempts at a folder that cannot be written to."""
_COMPLAIN = 60.0
"""Seconds between two lines about records that are lost."""


@dataclass(slots=True)
class Read(Generic[Record]):
    """What was read: the records up to the place ``end``, and how many octets were none."""

    records: list[Record]
    end: int
    damaged: int


class Backlog(Generic[Record]):
    """The journal of one line."""

    def __init__(
        self,
        folder: Path,
        name: str,
        kind: type[Record],
        log: ServerLogger,
        limit: int = LIMIT,
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        """Open the journal called ``name`` in a folder, which no other server may use at the same time.

        ``make_room`` deletes some of a journal that is full; ``False``: it cannot.
        """
        self.folder = folder
        self.name = name
        self._kind: type[Record] = kind
        self._log = log
        self._make_room = make_room
        self._lock = -1
        self._retry_at = 0.0
        self._failing = False
        self._lost = 0
        self._complained_at = 0.0
        try:
            self._lock = _locked(folder, name)
            self.journal = Journal(folder, name, limit)
        except OSError as error:
            self.failed(error)
            # Another's files are not read, and not written to: the folder is one that cannot be made.
            self.journal = Journal(Path(os.devnull), name, limit)

    def cursor(self, writer: str) -> Cursor:
        """The cursor of a writer, beginning at the end where it has none."""
        return Cursor(self.folder if self._lock >= 0 else Path(os.devnull), self.name, writer)

    def forget_cursors(self, writers: list[str]) -> None:
        """Forget the cursors of all others: who is no longer configured gets nothing of what waits."""
        if self._lock < 0:
            return
        kept = tuple(f"{self.name}.{file_name(writer)}.cursor" for writer in writers)
        with suppress(OSError):
            for path in self.folder.glob(f"{self.name}.*.cursor?"):
                if not path.name.startswith(kept):
                    path.unlink(missing_ok=True)

    def put(self, record: Record) -> None:
        """Keep a record: in the journal, in memory where that cannot be written, or not at all where that is full."""
        line, journal = encode(record), self.journal
        if self._failing and time.monotonic() < self._retry_at:
            kept = journal.remember(line)
        else:
            try:
                kept = journal.append(line)
                if self._failing:
                    self._works()
            except OSError as error:
                self.failed(error)
                kept = journal.remember(line)
        if not kept:
            if not journal.has_room(len(line)) and self._make_room():
                self.put(record)
            else:
                self._lose()
        elif self._lost and not self._failing:
            self._log.warning("records of %s are kept again; %d were lost", self.name, self._lost)
            self._lost = 0

    def failed(self, error: OSError) -> None:
        """The folder cannot be written to."""
        self._retry_at = time.monotonic() + _RETRY
        if not self._failing:
            self._failing = True
            self._log.error(
                "records of %s cannot be kept in '%s' (%s): those that are not written yet are only in memory",
                self.name, self.folder, error.strerror or error,
            )  # fmt: skip

    def _works(self) -> None:
        self._failing = False
        self._log.warning("records of %s are kept in '%s' again", self.name, self.folder)

    def _lose(self) -> None:
        self._lost += 1
        now = time.monotonic()
        if self._lost == 1 or now >= self._complained_at + _COMPLAIN:
            self._complained_at = now
            where = "memory is" if self._failing else f"'{self.folder}' is"
            self._log.error(
                "no room for records of %s, %s full (%d octets wait): %d lost",
                self.name, where, self.journal.end - self.journal.start, self._lost,
            )  # fmt: skip

    def read(self, pieces: list[Piece], place: int, until: int, most: int) -> Read[Record]:
        """The records between two places, in a thread; raises ``OSError``."""
        found = read_lines(pieces, place, until, most, MAX_LINE)
        records: list[Record] = []
        damaged = found.skipped
        for line in found.lines:
            record = decode(self._kind, line)
            if record is None:
                damaged += len(line) + 1
            else:
                records.append(record)
        return Read(records, found.end, damaged)

    def count(self, piece: Piece, place: int, size: int) -> int:
        """How many records about that many octets from a place of a piece on are; 0 where it cannot be read."""
        place = max(place, piece.start)
        data = b""
        with suppress(OSError):
            data = piece.read(place, min(size, piece.end - place))
        return data.count(b"\n") * size // len(data) if data else 0

    def close(self, place: int) -> None:
        """Delete what was read, up to a place, and let others use the folder."""
        journal = self.journal
        with suppress(OSError):
            journal.write_remembered()
        journal.close()
        journal.release(place)
        if journal.in_memory:
            self._log.error("records of %s are lost: %d octets could not be kept", self.name, journal.in_memory)
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def _locked(folder: Path, name: str) -> int:
    """A descriptor that holds the lock of a journal; raises ``OSError``."""
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    lock = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise OSError(error.errno, "another server keeps its records there") from error
    return lock
