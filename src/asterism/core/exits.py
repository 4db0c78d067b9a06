"""``sys.exit()`` in the middle of a running server: it ends only the task or callback that called it.

asyncio lets :class:`SystemExit` and :class:`KeyboardInterrupt` through every task and callback, out of the loop, which
ends with them. An extension must not be able to do that to all calls. A task of its code is *held*: what would end the
loop becomes a :class:`TaskExit` there, told once. The process of the server goes on after what comes from a callback
(:func:`run_on`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any, TypeVar

Result = TypeVar("Result")

_EXITS = (SystemExit, KeyboardInterrupt)
_holder: ContextVar[logging.Logger | None] = ContextVar("exits_held", default=None)


class TaskExit(Exception):  # noqa: N818 - it stands for an exit
    """A task has called ``sys.exit()``, or raised :class:`KeyboardInterrupt`, which was logged."""


class _Held(Coroutine[Any, Any, Result]):
    """A coroutine that cannot end the loop."""

    __slots__ = ("_coroutine", "_log", "_told_of")

    def __init__(self, coroutine: Coroutine[Any, Any, Result], log: logging.Logger) -> None:
        self._coroutine = coroutine
        self._log = log
        self._told_of = False

    def retrieve(self, task: asyncio.Future[Any]) -> None:
        """Its task has ended: an exit that was told need not be told once more for want of a waiter."""
        if self._told_of and not task.cancelled():
            task.exception()

    def send(self, value: Any) -> Any:
        """Go on."""
        try:
            return self._coroutine.send(value)
        except _EXITS as error:
            raise self._told(error) from error

    def throw(self, *args: Any) -> Any:
        """Go on with an exception."""
        try:
            return self._coroutine.throw(*args)
        except _EXITS as error:
            raise self._told(error) from error

    def close(self) -> None:
        """End it."""
        try:
            self._coroutine.close()
        except _EXITS as error:
            self._told(error)

    def __await__(self) -> Any:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:  # how asyncio shows a coroutine
        return getattr(self._coroutine, name)

    def _told(self, error: BaseException) -> TaskExit:
        self._told_of = True
        name = getattr(self._coroutine, "__qualname__", "a coroutine")
        self._log.error("%s failed", name, exc_info=error, extra={"extension": name})
        return TaskExit(f"{name} has raised {error!r}")


def held(coroutine: Coroutine[Any, Any, Result], log: logging.Logger) -> Coroutine[Any, Any, Result]:
    """``coroutine``, which fails with :class:`TaskExit` where it would end the loop."""
    return _Held(coroutine, log)


class _Factory:
    """Makes the tasks of a loop; those that code with held exits starts are held, and those that these start."""

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Any,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Future[Any]:
        log = _holder.get() if context is None else context.get(_holder)
        kept: _Held[Any] | None = None
        if log is not None and asyncio.iscoroutine(coroutine) and not isinstance(coroutine, _Held):
            coroutine = kept = _Held(coroutine, log)
        if context is not None:
            options["context"] = context
        made: asyncio.Future[Any]
        if self._before is None:
            made = asyncio.Task(coroutine, loop=loop, **options)
        else:
            made = self._before(loop, coroutine, **options)
        if kept is not None:
            made.add_done_callback(kept.retrieve)
        return made


def hold_exits(loop: asyncio.AbstractEventLoop, log: logging.Logger) -> None:
    """Hold the tasks that the code which runs from here on, in this context, starts on ``loop``."""
    factory = loop.get_task_factory()
    if not isinstance(factory, _Factory):
        loop.set_task_factory(_Factory(factory))
    _holder.set(log)


@contextmanager
def exits_held(log: logging.Logger) -> Iterator[None]:
    """Hold the tasks that are started meanwhile; see :func:`hold_exits`."""
    before = _holder.get()
    hold_exits(asyncio.get_running_loop(), log)
    try:
        yield
    finally:
        _holder.set(before)


def run_on(runner: asyncio.Runner, coroutine: Coroutine[Any, Any, Result], log: logging.Logger) -> Result:
    """Run ``coroutine`` to its end, whatever a task or callback next to it does.

    Raises:
        SystemExit: from ``coroutine`` itself; so for :class:`KeyboardInterrupt` and everything else.
    """
    loop = runner.get_loop()
    main = loop.create_task(coroutine)

    async def wait() -> Result:
        return await main

    while True:
        try:
            return main.result() if main.done() else runner.run(wait())
        except _EXITS as error:
            if main.done() and (main.cancelled() or main.exception() is error):
                raise
            log.exception("sys.exit() in the middle of the server: it goes on")
