"""Works and the servants that run them (docs/development/architecture.md, "Works").

A *work* groups tasks that must not run at the same time, those of one dialog for instance: they
run one by one, in order, while different works interleave. Everything runs on the event loop;
only :meth:`Servants.run_blocking` leaves it.

A task is a plain function or a coroutine function. A plain function pushed to an idle work runs
before ``push`` returns, so the usual request costs neither a task nor a turn of the loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from inspect import isawaitable
from typing import Any

from asterism.core.containment import FAILURES
from asterism.core.errors import AsterismError
from asterism.core.log import LogSubject, log_subject

MAX_QUEUED = 1000
"""Largest number of tasks that wait in one work before ``push`` refuses more."""

HIGH_WATER = 500
"""A work with more tasks waiting is congested: a sign of overload."""

LOW_WATER = 450
"""A congested work stays so until no more than this number of tasks wait."""

_BURST = 100
"""Largest number of plain tasks run in one go before the loop gets a turn."""


class WorkError(AsterismError):
    """A work cannot take a task."""


class WorkClosed(WorkError):  # noqa: N818 - the name says what happened, as in asyncio
    """The work was closed."""


class WorkFull(WorkError):  # noqa: N818
    """``max_queued`` tasks are waiting already."""


class WorkReentered(WorkError):  # noqa: N818
    """A task would wait for its own work, directly or through a cycle of works."""


_Run = tuple["Work"]
"""One execution of one task, by identity: what the context variable points at, so that it can go stale."""

_current: ContextVar[_Run | None] = ContextVar("asterism_work", default=None)

_Item = tuple[Callable[..., Any], tuple[Any, ...], "asyncio.Future[Any] | None"]


class Work:
    """Tasks that run one at a time, in order. A new one; see :meth:`Servants.create_work`."""

    __slots__ = ("_async_task", "_closed", "_queue", "_run", "_servants", "_waits_for", "max_depth", "max_queued",
                 "name", "processed", "subject")  # fmt: skip

    def __init__(self, servants: Servants, name: str, max_queued: int = 0) -> None:
        servants._serial += 1
        servants._works[id(self)] = self
        self.name = f"{name}-{servants._serial:08x}"
        self.max_queued = max_queued or servants.max_queued
        self.processed = 0
        self.max_depth = 0
        self.subject: LogSubject | None = None
        """The subject of log records that its tasks make."""
        self._servants = servants
        self._queue: deque[_Item] = deque()
        self._run: _Run | None = None
        self._async_task: asyncio.Task[None] | None = None
        self._closed = False
        self._waits_for: list[Work] = []

    def __repr__(self) -> str:
        return f"<Work {self.name}: {len(self._queue)} queued>"

    @property
    def queued(self) -> int:
        """Number of tasks that wait, without the running one."""
        return len(self._queue)

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        return self._run is None and not self._queue

    @property
    def closed(self) -> bool:
        """Whether the work refuses new tasks."""
        return self._closed

    def push(self, task: Callable[..., Any], *args: Any) -> bool:
        """Have ``task(*args)`` run after everything pushed before it.

        A plain function runs at once when the work is idle. What a task raises is logged and goes
        no further. Returns ``False``, with nothing queued, when the work is closed or full.
        """
        if self._closed:
            return False
        if self._run is None and not self._queue:
            if self._execute((task, args, None)) and (self._queue or self._closed):
                self._go_on()
            return True
        if len(self._queue) >= self.max_queued:
            self._servants.rejected += 1
            return False
        self._enqueue((task, args, None))
        return True

    def push_threadsafe(self, task: Callable[..., Any], *args: Any) -> None:
        """``push`` from another thread: the only entry for threads. A refusal is logged."""
        self._servants.loop_call(self._push_or_log, task, args)

    def _push_or_log(self, task: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if not self.push(task, *args):
            self._servants.log.warning("work %s refused a task from another thread", self.name)

    async def run(self, task: Callable[..., Any], *args: Any) -> Any:
        """Run ``task(*args)`` in turn and return its result or raise what it raised.

        Raises :class:`WorkReentered` when called from this work's own task or when this work waits,
        directly or through others, for the calling one; :class:`WorkClosed`; :class:`WorkFull`.
        """
        caller = current_work()
        if caller is self or (caller is not None and self._reaches(caller)):
            raise WorkReentered(f"work {self.name} would wait for itself")
        if self._closed:
            raise WorkClosed(f"work {self.name} is closed")
        if len(self._queue) >= self.max_queued:
            raise WorkFull(f"work {self.name} has {len(self._queue)} tasks waiting")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if caller is not None:
            caller._waits_for.append(self)
        try:
            if self._run is None and not self._queue:
                if self._execute((task, args, future)):
                    self._go_on()
            else:
                self._enqueue((task, args, future))
            return await future
        finally:
            if caller is not None:
                caller._waits_for.remove(self)

    def close(self) -> None:
        """Refuse new tasks; what is queued still runs. The work is forgotten once it is done."""
        self._closed = True
        if self._run is None and not self._queue:
            self._servants.forget(self)

    def cancel(self) -> None:
        """Close, drop what is queued and cancel a running coroutine; for shutdown only."""
        self._closed = True
        while self._queue:
            future = self._queue.popleft()[2]
            if future is not None:
                future.cancel()
        if self._async_task is not None:
            self._async_task.cancel()
        elif self._run is None:
            self._servants.forget(self)

    def _reaches(self, target: Work) -> bool:
        seen: set[int] = set()
        pending = list(self._waits_for)
        while pending:
            work = pending.pop()
            if work is target:
                return True
            if id(work) not in seen:
                seen.add(id(work))
                pending.extend(work._waits_for)
        return False

    def _enqueue(self, item: _Item) -> None:
        queue = self._queue
        queue.append(item)
        if len(queue) > self.max_depth:
            self.max_depth = len(queue)
        if len(queue) > self._servants.high_water:
            self._servants.fill(self)

    def _next_item(self) -> _Item:
        item = self._queue.popleft()
        if self._servants.congested:
            self._servants.drained(self)
        return item

    def _go_on(self) -> None:
        """Run what queued up meanwhile, until a coroutine or the burst ends it."""
        count = 1
        while self._queue:
            if count >= _BURST:
                # Keep the work taken so that a push in between queues behind what waits.
                self._run = (self,)
                asyncio.get_running_loop().call_soon(self._resume)
                return
            if not self._execute(self._next_item()):
                return
            count += 1
        if self._closed:
            self._servants.forget(self)

    def _resume(self) -> None:
        self._run = None
        if self._queue:
            if not self._execute(self._next_item()):
                return
            self._go_on()
        elif self._closed:
            self._servants.forget(self)

    def _execute(self, item: _Item) -> bool:
        """Run one task; ``False`` when it goes on as a coroutine, which resumes the work at its end."""
        task, args, future = item
        run = self._run = (self,)
        token = _current.set(run)
        subject = None if self.subject is None else log_subject.set(self.subject)
        try:
            result = task(*args)
            if result is not None and isawaitable(result):
                self._async_task = asyncio.get_running_loop().create_task(self._await(result, future))
                return False
            if future is not None and not future.done():
                future.set_result(result)
        except FAILURES as error:
            self._failed(error, future)
        finally:
            _current.reset(token)
            if subject is not None:
                log_subject.reset(subject)
        self._run = None
        self.processed += 1
        return True

    async def _await(self, awaitable: Awaitable[Any], future: asyncio.Future[Any] | None) -> None:
        try:
            result = await awaitable
            if future is not None and not future.done():
                future.set_result(result)
        except asyncio.CancelledError:
            if future is not None:
                future.cancel()
        except FAILURES as error:
            self._failed(error, future)
        finally:
            self._async_task = None
            self.processed += 1
            # The stale token must not make the code below look like this work's task.
            _current.set(None)
            self._resume()

    def _failed(self, error: BaseException, future: asyncio.Future[Any] | None) -> None:
        if future is not None and not future.done():
            future.set_exception(error)
        else:
            self._servants.log.error("a task of work %s failed", self.name, exc_info=error)


def current_work() -> Work | None:
    """The work whose task is running here, or ``None`` outside any work."""
    run = _current.get()
    # A context may outlive the task that set it (a spawned asyncio task inherits it).
    if run is None or run[0]._run is not run:
        return None
    return run[0]


class Servants:
    """The engine behind works: makes them, counts them, and lends threads to blocking functions."""

    def __init__(self, log: logging.Logger, max_queued: int = MAX_QUEUED, max_threads: int = 50) -> None:
        self.log = log
        self.max_queued = max_queued
        self.max_threads = max_threads
        self.high_water = HIGH_WATER
        self.low_water = LOW_WATER
        self.congested: set[Work] = set()
        """Works above the high-water mark that are not down at the low one yet."""
        self.on_congestion: Callable[[], object] | None = None
        """Called when a work became congested, or is not any more."""
        self.rejected = 0
        self.finished = 0
        self._serial = 0
        self._works: dict[int, Work] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool: ThreadPoolExecutor | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the loop that ``push_threadsafe`` and blocking functions come back to."""
        self._loop = loop

    def create_work(self, name: str, max_queued: int = 0) -> Work:
        """A new work; ``name`` shows in ``core show taskprocessors`` with a serial number behind it."""
        return Work(self, name, max_queued)

    def forget(self, work: Work) -> None:
        """Drop a finished work from the table."""
        if self._works.pop(id(work), None) is not None:
            self.finished += 1
            work.subject = None
            if work in self.congested:
                self.congested.discard(work)
                self._congestion_changed()

    def fill(self, work: Work) -> None:
        """A work passed the high-water mark."""
        if work not in self.congested:
            self.congested.add(work)
            self._congestion_changed()

    def drained(self, work: Work) -> None:
        """A task was taken from a work's queue."""
        if work in self.congested and work.queued <= self.low_water:
            self.congested.discard(work)
            self._congestion_changed()

    def _congestion_changed(self) -> None:
        if self.on_congestion is not None:
            self.on_congestion()

    def __iter__(self) -> Iterator[Work]:
        return iter(list(self._works.values()))

    def __len__(self) -> int:
        return len(self._works)

    def loop_call(self, function: Callable[..., Any], *args: Any) -> None:
        """Call ``function`` on the loop, from any thread. Raises :class:`WorkError` before ``attach``."""
        if self._loop is None:
            raise WorkError("no event loop is attached yet")
        self._loop.call_soon_threadsafe(function, *args)

    async def run_blocking(self, work: Work, function: Callable[..., Any], *args: Any) -> Any:
        """Run a blocking function in the bounded pool while ``work`` waits and the others go on."""
        if current_work() is work:
            return await self._in_pool(function, args)
        return await work.run(self._in_pool, function, args)

    async def _in_pool(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.max_threads, "asterism-servant")
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)

    def stop(self) -> None:
        """Cancel what runs and end the threads."""
        for work in self:
            work.cancel()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
