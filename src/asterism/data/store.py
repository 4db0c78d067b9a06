"""The embedded store: SQLite, one commit per batch of input, replies after the commit.

What is written while one batch of input is handled (one drain pass of a socket) is committed
once, by a callback of the event loop's next turn. What must wait for it (the 200 to a REGISTER)
is given to :meth:`Store.after_commit`. A commit writes to the WAL file before it returns, so
what was acknowledged survives ``kill -9``; with ``full`` also a power loss.

The loop never waits for another process that has the file locked: the batch stays open and is tried again
every :data:`BUSY_STEP` seconds, for :data:`BUSY_SECONDS`; then it fails, and so does every batch at its first
try until one succeeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from asterism.core.errors import AsterismError
from asterism.data.private import make_private

CHECKPOINT_AFTER = 1000
"""Writes between two checkpoints."""
WAL_LIMIT = 32 * 1024 * 1024
"""Size of the WAL file, in bytes, at which a checkpoint also makes it start over."""

BUSY_SECONDS = 0.25
"""How long a batch waits for another process that has the file locked."""
BUSY_STEP = 0.02
"""Seconds between two tries of it."""
CHECKPOINT_SECONDS = 5.0
"""How long a batch waits while a checkpoint of our own, on another thread, has the file."""
START_SECONDS = 5.0
"""How long opening, migrating and closing wait: no request is served then."""

LARGEST_INTEGER = 1 << 63
"""Numbers are stored from minus this up to below it."""

Callback = tuple[Callable[..., object], tuple[Any, ...]]


class StoreError(AsterismError):
    """The store could not be opened, migrated, read or written."""


def _storable(value: Any) -> Any:
    """Text with bytes that are no UTF-8 (kept as surrogates) as those bytes."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogateescape")
    return value


def _is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection has the file locked, which passes."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def text_of(value: Any) -> Any:
    """The inverse: stored bytes as text; other values as they are."""
    return value.decode("utf-8", "surrogateescape") if type(value) is bytes else value


class Store:
    """One SQLite database, used from the loop's thread only.

    ``path`` is the file, ``:memory:`` for none. ``call_soon`` schedules the commit of a batch;
    by default the running loop's, and without a running loop the caller commits; ``call_later`` is the same for
    another try of a commit. ``full`` asks for an ``fsync`` per commit. A new file can be read by its owner and group
    only (0640). Raises :class:`StoreError` when the file cannot be opened.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        log: logging.Logger,
        call_soon: Callable[[Callable[[], object]], object] | None = None,
        call_later: Callable[[float, Callable[[], object]], object] | None = None,
        full: bool = False,
    ) -> None:
        self.path = str(path)
        self._log = log
        self._call_soon = call_soon
        self._call_later = call_later
        self._in_file = self.path != ":memory:"
        self._batch = False
        self._begun = False
        """Whether the batch has its transaction: it starts with the first statement that is run."""
        self._waiting: list[tuple[str, list[Sequence[Any]]]] = []
        """Statements that are run with the commit, each with the arguments of those that follow one another."""
        self._failure: sqlite3.Error | None = None
        self._blocked: sqlite3.Error | None = None
        """Another process has the file locked, and nothing of the batch was run yet: it can be tried again."""
        self._blocked_since: float | None = None
        self._failing = ""
        """Why batches fail by now; empty as long as they do not."""
        self._after: list[Callback] = []
        self._undo: list[Callback] = []
        self._failed: list[Callback] = []
        self._unsaved = 0
        self._checkpointer: ThreadPoolExecutor | None = None
        self._checkpointing = False
        self.commits = 0
        """Batches committed so far."""
        self.writes = 0
        """Statements written so far."""
        try:
            if self._in_file:
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
                make_private(self.path, log)
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=START_SECONDS, cached_statements=256)
            # One cursor for all: what it finds is taken at once.
            cursor = self._db.cursor()
            self._execute = cursor.execute
            self._executemany = cursor.executemany
            # Of a new file: a commit writes whole pages, of which little is new.
            self._execute("PRAGMA page_size=2048")
            self._execute("PRAGMA journal_mode=WAL").fetchone()
            self._execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            self._execute("PRAGMA wal_autocheckpoint=0")
            self._execute("PRAGMA temp_store=MEMORY")
            self._execute(
                "CREATE TABLE IF NOT EXISTS migrations"
                " (component TEXT NOT NULL, version INTEGER NOT NULL, applied REAL NOT NULL,"
                " PRIMARY KEY (component, version))"
            )
            self._execute("PRAGMA busy_timeout=0").fetchone()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open the store '{self.path}': {error}") from error

    # Writing

    def write(self, sql: str, args: Sequence[Any] = ()) -> None:
        """Run one statement in the current batch, starting it if there is none.

        A failure of the database (disk full) is kept and fails the whole batch: what waits for it hears by the
        ``failed`` of :meth:`after_commit`. While another process has the file locked, the statement waits.
        Raises :class:`StoreError` for a value that the table does not take, which leaves the batch as it was. A misuse
        of SQL's parameters raises sqlite3's errors.
        """
        if not self._batch:
            self._open()
        self._run_waiting()
        if self._blocked is not None:
            self._waiting.append((sql, [[_storable(value) for value in args]]))
        elif self._failure is None:
            self._write(sql, args)

    def write_last(self, sql: str, args: Sequence[Any]) -> None:
        """Run one statement with the commit of the current batch, or before what is written or read meanwhile.

        It must be one that may be run twice. All of a batch together cost less than each by itself: what is in the
        processor's caches stays there. Every failure fails the batch, so whoever calls this makes sure beforehand that
        the table takes the values (see :data:`LARGEST_INTEGER`).
        """
        if not self._batch:
            self._open()
        waiting = self._waiting
        if waiting and waiting[-1][0] == sql:
            waiting[-1][1].append(args)
        else:
            waiting.append((sql, [args]))

    def _run_waiting(self, begin: bool = True) -> None:
        """Start the transaction if there is none, and run what waits; one statement alone needs none to ``begin``."""
        self._blocked = None
        if begin and not self._begun:
            try:
                self._execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                self._not_run(error)
                return
            self._begun = True
        waiting = self._waiting
        if not waiting:
            return
        self._waiting = []
        for sql, rows in waiting:
            if self._failure is not None:
                return
            try:
                self._executemany(sql, rows)
                self.writes += len(rows)
            except sqlite3.Error as error:
                if begin:
                    self._failure = error
                else:
                    self._waiting = waiting
                    self._not_run(error)
                    return
            except (UnicodeEncodeError, OverflowError):
                # One at a time, and once more those that were run: they may be repeated.
                for args in rows:
                    self._write_kept(sql, args)

    def _not_run(self, error: sqlite3.Error) -> None:
        """Nothing of the batch was run: it can be tried again if the file is locked, and fails otherwise."""
        if _is_busy(error):
            self._blocked = error
            if self._blocked_since is None:
                self._blocked_since = time.monotonic()
        else:
            self._failure = error

    def _write_kept(self, sql: str, args: Sequence[Any]) -> None:
        try:
            self._write(sql, args)
        except StoreError as error:
            self._failure = sqlite3.DataError(str(error))

    def _write(self, sql: str, args: Sequence[Any]) -> None:
        try:
            self._execute(sql, args)
            self.writes += 1
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError) as error:
            raise StoreError(f"the store '{self.path}' does not take a value: {error}") from error
        except sqlite3.Error as error:
            self._failure = error
        except UnicodeEncodeError:
            self._write(sql, [_storable(value) for value in args])

    def after_commit(
        self,
        function: Callable[..., object],
        *args: Any,
        undo: Callable[[], object] | None = None,
        failed: Callable[[], object] | None = None,
    ) -> None:
        """Call ``function(*args)`` once everything written so far is committed.

        At once when no batch is open; otherwise after the batch's commit, in order. If the batch fails, what was given
        as ``undo`` is called, to take back changes in memory, last first; then what was given as ``failed``, in order
        (the 500 to a request).
        """
        if not self._batch:
            function(*args)
            return
        self._after.append((function, args))
        if undo is not None:
            self._undo.append((undo, ()))
        if failed is not None:
            self._failed.append((failed, ()))

    @property
    def in_batch(self) -> bool:
        """Whether something is written and not yet committed."""
        return self._batch

    @property
    def waits(self) -> bool:
        """Whether something is written that no query finds yet: another process, or a checkpoint, has the file."""
        return bool(self._waiting)

    def _open(self) -> None:
        self._batch = True
        call_soon = self._call_soon
        if call_soon is None:
            try:
                call_soon = asyncio.get_running_loop().call_soon
            except RuntimeError:
                return
        call_soon(self._turn)

    def _turn(self) -> None:
        """Commit the batch, or have that tried again in a moment when the file is locked."""
        if self._batch:
            error = self._run_batch()
            if error is None or not self._try_later():
                self._end(error)

    def _try_later(self) -> bool:
        since = self._blocked_since
        if self._blocked is None or since is None:
            return False
        limit = CHECKPOINT_SECONDS if self._checkpointing else 0.0 if self._failing else BUSY_SECONDS
        if time.monotonic() - since >= limit:
            return False
        call_later = self._call_later
        if call_later is None:
            try:
                call_later = asyncio.get_running_loop().call_later
            except RuntimeError:
                return False
        call_later(BUSY_STEP, self._turn)
        return True

    def commit(self, wait: float = 0.0) -> bool:
        """End the batch now; return whether it was committed. Without a batch nothing happens.

        ``wait`` is how many seconds the caller, and the loop with it, may wait for another process.
        """
        if not self._batch:
            return True
        if not wait:
            return self._end(self._run_batch())
        with self._patient(wait):
            return self._end(self._run_batch())

    @contextlib.contextmanager
    def _patient(self, seconds: float) -> Iterator[None]:
        """Have SQLite wait for a locked file in the block."""
        self._execute(f"PRAGMA busy_timeout={int(seconds * 1000)}").fetchone()
        try:
            yield
        finally:
            self._execute("PRAGMA busy_timeout=0").fetchone()

    def _run_batch(self) -> sqlite3.Error | None:
        """Run what waits and COMMIT; return what went wrong."""
        waiting = self._waiting
        # A statement is a transaction by itself, durable when it has run.
        alone = not self._begun and len(waiting) == 1 and len(waiting[0][1]) == 1
        self._run_waiting(begin=not alone)
        error = self._failure or self._blocked
        if error is None and not alone:
            try:
                self._execute("COMMIT")
            except sqlite3.Error as failure:
                error = failure
        return error

    def _end(self, error: sqlite3.Error | None) -> bool:
        """Run the callbacks for the end of the batch; return whether it was committed."""
        after, undo, failed = self._after, self._undo, self._failed
        self._after, self._undo, self._failed = [], [], []
        self._batch, self._begun, self._failure = False, False, None
        self._blocked = self._blocked_since = None
        if error is None:
            self.commits += 1
            self._unsaved += 1
            told = after
            if self._failing:
                self._failing = ""
                self._log.warning("the store '%s' takes changes again", self.path)
        else:
            self._roll_back(error)
            told = [*reversed(undo), *failed]
        for function, args in told:
            try:
                function(*args)
            except Exception:
                self._log.exception("a callback of the store failed")
        if self._unsaved >= CHECKPOINT_AFTER and self._in_file:
            self._start_checkpoint()
        return error is None

    def _roll_back(self, error: sqlite3.Error) -> None:
        self._waiting = []
        if str(error) != self._failing:
            # Once until it is mended: every request would say the same.
            self._failing = str(error)
            self._log.error("the store '%s' could not commit: %s", self.path, error)
        try:
            if self._db.in_transaction:
                self._execute("ROLLBACK")
        except sqlite3.Error as failure:
            self._log.error("the store '%s' could not roll back: %s", self.path, failure)

    # Reading

    def read(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, what the current batch wrote included. Raises :class:`StoreError`."""
        if self._waiting:
            self._run_waiting()
        try:
            try:
                return self._execute(sql, args).fetchall()
            except UnicodeEncodeError:
                return self._execute(sql, [_storable(value) for value in args]).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"the store '{self.path}' cannot be read: {error}") from error

    # Schema

    def version(self, component: str) -> int:
        """How many of ``component``'s migrations are applied."""
        rows = self.read("SELECT max(version) FROM migrations WHERE component = ?", (component,))
        return int(rows[0][0] or 0)

    def migrate(self, component: str, steps: Sequence[str]) -> None:
        """Apply those of ``steps`` not applied yet; step *n* of the list brings version *n + 1*.

        A step is one or several statements separated by ``;``. Each is applied with its entry in
        one transaction. Raises :class:`StoreError`, also when the database is newer than ``steps``.
        """
        self.commit(START_SECONDS)
        current = self.version(component)
        if current > len(steps):
            raise StoreError(
                f"the store '{self.path}' was written by a newer version: {component} is at {current}, not {len(steps)}"
            )
        for number in range(current, len(steps)):
            statements: list[tuple[str, Sequence[Any]]] = [
                (statement, ()) for statement in steps[number].split(";") if statement.strip()
            ]
            entry = (component, number + 1, time.time())
            try:
                self._transaction([*statements, ("INSERT INTO migrations VALUES (?, ?, ?)", entry)])
            except sqlite3.Error as error:
                raise StoreError(f"migration {number + 1} of {component} failed: {error}") from error

    def alter(self, statements: Sequence[str]) -> None:
        """Run statements that change the schema, all or none, after what is open. Raises :class:`StoreError`."""
        self.commit(START_SECONDS)
        try:
            self._transaction([(statement, ()) for statement in statements])
        except sqlite3.Error as error:
            raise StoreError(f"the store '{self.path}' could not be extended: {error}") from error

    def _transaction(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Run statements in a transaction of their own. Raises ``sqlite3.Error``; then nothing has changed."""
        with self._patient(START_SECONDS):
            try:
                self._execute("BEGIN IMMEDIATE")
                for sql, args in statements:
                    self._execute(sql, args)
                self._execute("COMMIT")
            except sqlite3.Error:
                if self._db.in_transaction:
                    self._execute("ROLLBACK")
                raise

    # Checkpoints

    def _start_checkpoint(self) -> None:
        if self._checkpointing:
            return
        self._checkpointing = True
        self._unsaved = 0
        if self._checkpointer is None:
            self._checkpointer = ThreadPoolExecutor(1, "store-checkpoint")
        self._checkpointer.submit(self._checkpoint)

    def _checkpoint(self) -> None:
        """Copy the WAL into the database file, on a connection and a thread of its own.

        ``PASSIVE`` never makes the writer wait. Only a WAL grown past :data:`WAL_LIMIT` is also
        started over, which holds the writer for the few pages that came meanwhile.
        """
        try:
            db = sqlite3.connect(self.path, isolation_level=None, timeout=1.0)
            try:
                db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                if Path(self.path + "-wal").stat().st_size > WAL_LIMIT:
                    db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            finally:
                db.close()
        except (sqlite3.Error, OSError) as error:
            self._log.warning("the store '%s' could not be checkpointed: %s", self.path, error)
        finally:
            self._checkpointing = False

    def close(self) -> None:
        """Commit what is open, checkpoint and close."""
        self.commit(START_SECONDS)
        if self._checkpointer is not None:
            self._checkpointer.shutdown(wait=True)
        try:
            if self._in_file:
                self._execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            self._log.warning("the store '%s' could not be checkpointed: %s", self.path, error)
        self._db.close()
