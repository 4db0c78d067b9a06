"""Where finished records go: a line for those of calls and one for those of channels, each with its writers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

from asterism.core.containment import FAILURES, report_failure
from asterism.core.errors import DuplicateError
from asterism.core.registry import Owner
from asterism.pbx.records.backlog import Backlog
from asterism.pbx.records.cursor import file_name
from asterism.pbx.records.encoding import Record
from asterism.pbx.records.readers import Reader
from asterism.pbx.records.record import CallRecord, ChannelRecord
from asterism.pbx.records.writing import RecordWriter, Writing

if TYPE_CHECKING:
    from asterism.core.log import ServerLogger

Item = TypeVar("Item")
FOLDER = "records"
"""The folder of the journals, below the spool folder."""
TOGETHER = 0.1
"""Seconds of which records are written together where they are not batched: each writing costs as much as a record."""
STOP_TIMEOUT = 10.0
"""Seconds for which a stop waits until a writer has written what it may."""


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """When records that wait are written (cdr.conf, ``[general]``)."""

    enabled: bool = False
    """Whether they wait; otherwise those of a tenth of a second are written together."""
    size: int = 100
    """So many are written at once."""
    time: int = 300
    """Seconds after which fewer are written too."""
    scheduleronly: bool = False
    """Has no effect: what writes is a thread of its own in any case."""
    safeshutdown: bool = True
    """Whether a stop waits until they are written; if not they are written after the next start."""


class Line(Generic[Record]):
    """The way of one kind of record to whoever writes it down or wants to know of it."""

    def __init__(self, name: str, kind: type[Record], log: ServerLogger, folder: Callable[[], Path]) -> None:
        """Make the line called ``name`` (``"calls"``), without any writer; its journal is below ``folder()``."""
        self.name = name
        self._kind: type[Record] = kind
        self._batch = BatchSettings()
        self._log = log
        self._folder = folder
        self._names: list[str] = []
        self._writings: dict[str, Writing[Record]] = {}
        self._listeners: dict[str, Callable[[Record], None]] = {}
        self._readers: WeakSet[Reader[Record]] = WeakSet()
        self._backlog: Backlog[Record] | None = None
        self._places: dict[str, int] = {}
        """Up to where each writer has written: also those that are not loaded at present, for whom it is kept."""
        self._ends: dict[str, Callable[[], None]] = {}
        self._started = False
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self.waiting = 0
        """Records that wait for their batch."""

    @property
    def names(self) -> list[str]:
        """Names of the writers and listeners, in the order in which they came."""
        return list(self._names)

    @property
    def wanted(self) -> bool:
        """Whether anybody wants records."""
        return bool(self._names or self._readers) or self._backlog is not None

    @property
    def batch(self) -> BatchSettings:
        """When records are written; with other settings those that wait are written at once."""
        return self._batch

    @batch.setter
    def batch(self, settings: BatchSettings) -> None:
        changed, self._batch = settings != self._batch, settings
        if changed and self._backlog is not None:
            self.submit()

    @property
    def next_batch(self) -> float:
        """Seconds until what waits is written."""
        return self._batch.time if self._timer is None else max(0.0, self._due - time.monotonic())

    # -- who wants records ----------------------------------------------------------------------------

    def register(self, owner: Owner, writer: RecordWriter[Record]) -> Callable[[], None]:
        """Have ``writer`` write records, in the owner's name; returns a function that ends it.

        It is given what waits for it since an earlier run, or since it was ended, if it was there then.
        Raises :class:`~asterism.core.errors.DuplicateError` for a name that is taken, or is another one in files only.
        """
        self._check(writer.name)
        if file_name(writer.name) in map(file_name, self._writings):
            raise DuplicateError(f"records of {self.name} have a writer with the files of '{writer.name}' already")
        if self._backlog is None:
            self._backlog = Backlog(
                self._folder() / FOLDER, self.name, self._kind, self._log, make_room=self._make_room
            )
        writing = Writing(writer, self._backlog, self._backlog.cursor(writer.name), self._log, self._written)
        self._places[writer.name] = writing.place
        if self._started:
            writing.start()
        remove = self._add(writer.name, self._writings, writing)

        def end() -> None:
            writing.stop()
            self._places[writer.name] = writing.place
            del self._ends[writer.name]
            remove()

        self._ends[writer.name] = undo = owner.on_release(end)
        return undo

    async def remove(self, writer: str) -> None:
        """End a writer that is no longer configured, once it has written what waits; the rest is forgotten."""
        writing = self._writings.get(writer)
        if writing is not None and self._backlog is not None:
            writing.release(self._backlog.journal.end)
            if not await writing.finish(STOP_TIMEOUT):
                self._log.warning(
                    "%s is no longer configured, and has not written all records of %s: %d octets are forgotten",
                    writer, self.name, writing.released - writing.place,
                )  # fmt: skip
        if writing is not None and self._writings.get(writer) is writing:
            self._ends[writer]()
            writing.cursor.remove()
        if writer not in self._writings:
            self._forget(writer)

    def _forget(self, writer: str) -> None:
        """Nothing is kept for a writer any more; without any other there is no journal."""
        self._places.pop(writer, None)
        if self._places:
            self._written()
        elif self._backlog is not None:
            self._drop_timer()
            self.waiting = 0
            backlog, self._backlog = self._backlog, None
            backlog.close(backlog.journal.end)

    def listen(self, owner: Owner, name: str, listener: Callable[[Record], None]) -> Callable[[], None]:
        """Have ``listener`` called with each record at once, in the loop; returns a function that ends it.

        Raises :class:`~asterism.core.errors.DuplicateError` for a name that is taken.
        """
        self._check(name)
        return owner.on_release(self._add(name, self._listeners, listener))

    def read(self) -> Reader[Record]:
        """A reader of the records from now on."""
        reader: Reader[Record] = Reader(self.name, self._log, self._readers.discard)
        self._readers.add(reader)
        return reader

    def _check(self, name: str) -> None:
        if name in self._names:
            raise DuplicateError(f"records of {self.name} have a writer '{name}' already")

    def _add(self, name: str, table: dict[str, Item], item: Item) -> Callable[[], None]:
        self._names.append(name)
        table[name] = item

        def remove() -> None:
            self._names.remove(name)
            del table[name]

        return remove

    # -- records --------------------------------------------------------------------------------------

    def put(self, record: Record) -> None:
        """Take a finished record; called in the loop. It is kept for the writers when this returns."""
        backlog = self._backlog
        if backlog is not None:
            try:
                backlog.put(record)
            except FAILURES:
                report_failure(self._log, f"the journal of {self.name}")
            self.waiting += 1
            batch = self._batch
            if batch.enabled and self.waiting >= batch.size:
                self._release()
            elif self._timer is None and self._started:
                delay = batch.time if batch.enabled else TOGETHER
                self._due = time.monotonic() + delay
                self._timer = asyncio.get_running_loop().call_later(delay, self._release)
        for listener in list(self._listeners.values()):
            try:
                listener(record)
            except FAILURES:
                report_failure(self._log, f"what listens to the records of {self.name}")
        for reader in list(self._readers):
            reader.put(record)

    def submit(self) -> None:
        """Have written what waits (``cdr submit``), also by writers that have failed."""
        self._release(now=True)

    def _release(self, *, now: bool = False) -> None:
        self._drop_timer()
        self.waiting = 0
        if self._backlog is not None:
            for writing in self._writings.values():
                writing.release(self._backlog.journal.end, now=now)

    def _drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _written(self) -> None:
        """A writer has come further: what all of them have written is deleted, those that are not loaded included."""
        for name, writing in self._writings.items():
            self._places[name] = writing.place
        if self._backlog is not None and self._started:
            self._backlog.journal.release(min(self._places.values()))

    def _make_room(self) -> bool:
        """The journal is full: whoever is farthest behind gives up its oldest piece, so that the others go on."""
        if self._backlog is None or not self._backlog.journal.pieces:
            return False
        journal = self._backlog.journal
        piece = journal.pieces[0]
        for name, writing in self._writings.items():
            self._places[name] = writing.place
        for name, place in self._places.items():
            if place >= piece.end:
                continue
            if name in self._writings:
                self._writings[name].give_up(piece.end)
                self._places[name] = self._writings[name].place
            else:
                self._places[name] = piece.end
            lost = self._places[name] - max(place, piece.start)
            self._log.error(
                "the journal of %s is full: %s loses the oldest records that wait for it, %d octets (about %d records)",
                self.name, name, lost, self._backlog.count(piece, place, lost),
            )  # fmt: skip
        start = journal.start
        journal.release(min(self._places.values(), default=journal.end))
        return journal.start > start

    # -- start and stop -------------------------------------------------------------------------------

    def start(self) -> None:
        """Every writer that is configured is there by now: let them write."""
        self._started = True
        if self._backlog is not None:
            self._backlog.forget_cursors(list(self._writings))
            for name in self._places.keys() - self._writings.keys():
                self._forget(name)
        elif (self._folder() / FOLDER).is_dir():
            nobody = Backlog(self._folder() / FOLDER, self.name, self._kind, self._log)
            nobody.forget_cursors([])
            nobody.close(nobody.journal.end)
        self.submit()
        for writing in self._writings.values():
            writing.start()

    async def finish(self, writer: str) -> None:
        """Let a writer write what waits, before it is taken away; what it cannot write waits for the next start."""
        writing = self._writings.get(writer)
        if writing is None or self._backlog is None:
            return
        if self._batch.safeshutdown or not self._batch.enabled:
            writing.release(self._backlog.journal.end)
        if not await writing.finish(STOP_TIMEOUT):
            self._log.warning("%s has not written all records of %s: the rest waits", writer, self.name)
        self._places[writer] = writing.place

    def close(self) -> None:
        """Close the journal; what is not written waits in it for the next start."""
        self._drop_timer()
        backlog, self._backlog = self._backlog, None
        if backlog is not None:
            backlog.close(min(self._places.values(), default=0))
        for reader in list(self._readers):
            reader.close()


class Records:
    """The lines of a server."""

    def __init__(self, log: ServerLogger, paths: Any) -> None:
        """Make both; ``paths`` are the folders of the server."""
        self.calls: Line[CallRecord] = Line("calls", CallRecord, log, lambda: Path(paths.spool))
        self.channels: Line[ChannelRecord] = Line("channels", ChannelRecord, log, lambda: Path(paths.spool))
        self.channel_dates = ""
        """How ``${eventtime}`` is written, as for ``strftime``; empty: seconds with six decimals (``cel.conf``)."""
