"""One writer at work: it is given batches of records, one after the other, and again what it could not write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from asterism.pbx.records.backlog import Backlog
from asterism.pbx.records.cursor import Cursor, Position
from asterism.pbx.records.encoding import Record
from asterism.pbx.records.record import CallRecord, ChannelRecord

if TYPE_CHECKING:
    from asterism.core.log import ServerLogger

Result = TypeVar("Result")
Written = TypeVar("Written", CallRecord, ChannelRecord, contravariant=True)

BATCH = 512 * 1024
"""Octets of the journal that are written at once: about a thousand records."""
_AGAIN = 16 * BATCH
"""The same, of a batch that was begun and has its end: more than it can be."""
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
"""Seconds until what failed is tried again; each time twice as long."""


class WriteError(Exception):
    """Records could not be written; the text says why."""


class Attempt:
    """One attempt of a writer at a batch."""

    def __init__(
        self, before: Any, note: Callable[[Any], None], threads: Callable[[Callable[[], Any]], asyncio.Future[Any]]
    ) -> None:
        """``note`` keeps a mark; ``threads`` does something in the writer's thread."""
        self.before = before
        """What an attempt at the same records noted that has failed, or that a kill has ended; ``None``: nothing."""
        self._note = note
        self._threads = threads

    def note(self, mark: Any) -> None:
        """Keep what tells later how much of the batch was written (as JSON has it), before it is begun with.

        It blocks, and is called in the writer's thread.
        """
        self._note(mark)

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Do what blocks in the writer's thread."""
        result: Result = await self._threads(work)
        return result


class RecordWriter(Protocol[Written]):
    """Writes records to files, or to a database."""

    name: str
    """As ``cdr show status`` and ``cel show status`` list it."""

    async def write(self, records: Sequence[Written], attempt: Attempt) -> None:
        """Write all of these. Blocking work belongs into ``attempt.in_thread``.

        Raises:
            OSError, WriteError: it cannot be done now, and is tried again later, with the same records if it has
                noted something (``attempt.note``).
        """


@dataclass(eq=False)
class Writing(Generic[Record]):
    """The work of one writer, from its cursor to the place up to which it may write."""

    writer: RecordWriter[Record]
    backlog: Backlog[Record]
    cursor: Cursor
    log: ServerLogger
    written: Callable[[], None]
    """Called when it has come further."""
    released: int = 0
    failing: bool = False
    _given_up: int = 0
    """What is before this place is not written any more: it may be deleted."""
    _unsaved: bool = False
    _task: asyncio.Task[None] | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _resting: asyncio.Event = field(default_factory=asyncio.Event)
    _executor: ThreadPoolExecutor | None = None

    def __post_init__(self) -> None:
        journal = self.backlog.journal
        position = self.cursor.position
        if position is None:
            # Kept before the first record is, so that it is known after a kill that this one waits for it.
            self._save(Position(journal.end))
        elif position.place < journal.start:
            self._save(Position(max(journal.start, position.end or 0)))
            journal.advance(self.place)
        else:
            journal.advance(position.place if position.end is None else position.end)
        self.released = journal.end

    @property
    def place(self) -> int:
        """Up to where it has written, or has given up."""
        assert self.cursor.position is not None
        return max(self.cursor.position.place, self._given_up)

    def give_up(self, place: int) -> None:
        """Pass over what is before a place, with the whole of a batch that was begun before it.

        Whether such a batch was written cannot be told of a part of its records.
        """
        position = self.cursor.position
        if position is not None and self.place < place:
            self._given_up = max(place, position.end or 0)

    def _save(self, position: Position) -> None:
        try:
            self.cursor.save(position)
        except OSError as error:
            if not self._unsaved:
                self._unsaved = True
                self.log.error(
                    "what %s has written cannot be noted in '%s' (%s): after a kill records may be there twice",
                    self.writer.name, self.backlog.folder, error.strerror or error,
                )  # fmt: skip
        else:
            self._unsaved = False

    def start(self) -> None:
        """Begin, or go on."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"records {self.writer.name}")

    def release(self, place: int, *, now: bool = False) -> None:
        """Let it write up to a place; ``now``: also where it has failed, and would wait before it tries again."""
        self.released = place
        if now or not self.failing:
            self._resting.clear()
            self._wake.set()

    async def finish(self, timeout: float) -> bool:
        """Wait until everything is written that it may write; ``False`` when that cannot be done, or takes too long."""
        if self._task is None:
            return self.place >= self.released
        self._resting.clear()
        self._wake.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._resting.wait(), timeout)
        return self.place >= self.released

    def stop(self) -> None:
        """End; what is under way in its thread goes on, and is looked at when it is begun anew."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)

    def _in_thread(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, f"records {self.writer.name}")
        return asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def _run(self) -> None:
        delay = FIRST_DELAY
        while True:
            self._wake.clear()
            try:
                while self.place < self.released:
                    await self._batch()
                    delay = FIRST_DELAY
                    self._works()
                timeout = None
            except Exception as error:
                self._failed(error)
                timeout, delay = delay, min(2 * delay, LONGEST_DELAY)
            if not self._wake.is_set():
                self._resting.set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), timeout)

    async def _batch(self) -> None:
        """Write some. Raises whatever is in the way."""
        position = self.cursor.position
        assert position is not None
        if position.place < self._given_up:
            position = Position(max(self._given_up, position.end or 0))
            await self._in_thread(lambda: self._save(position))
            if position.place >= self.released:
                return
        until, most = (self.released, BATCH) if position.end is None else (position.end, _AGAIN)
        pieces = list(self.backlog.journal.pieces)
        read = await self._in_thread(lambda: self.backlog.read(pieces, position.place, until, most))
        if read.damaged:
            self.log.error(
                "%d octets of the journal of %s are damaged: %s goes on behind them",
                read.damaged, self.backlog.name, self.writer.name,
            )  # fmt: skip
        if read.records:

            def keep(mark: Any) -> None:
                self._save(Position(position.place, read.end, mark))

            await self.writer.write(read.records, Attempt(position.mark, keep, self._in_thread))
        await self._in_thread(lambda: self._save(Position(read.end)))
        self.written()

    def _failed(self, error: Exception) -> None:
        if self.failing:
            return
        self.failing = True
        expected = isinstance(error, OSError | WriteError)
        self.log.error(
            "%s cannot write records of %s: %s; they are kept, and it is tried again",
            self.writer.name, self.backlog.name, error, exc_info=None if expected else error,
        )  # fmt: skip

    def _works(self) -> None:
        if self.failing:
            self.failing = False
            self.log.warning("%s writes records of %s again", self.writer.name, self.backlog.name)
