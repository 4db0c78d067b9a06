"""Calls of what modules have registered: what an extension raises is told once and goes no further.

A supplement, a subscriber, an identifier, a channel technology comes from outside the core. Whatever it raises must
not end the work of those who called it: a channel would never be torn down, a peer never answered. So the core calls
nothing bare that was registered with it:

* a callback that is called often is wrapped when it is registered, by :func:`contained`: no place can forget it then;
* callbacks that are visited one after the other are joined into one, by :func:`visitor`;
* a method of an object that the core holds (a driver, a stream) is called through :func:`attempt`.

Each failure is one line of the log with its traceback, the extension's name, and the call's fields, the Call-ID among
them (:data:`~asterism.core.log.log_subject`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, TypeVar

Result = TypeVar("Result")
FAILED: Final = object()
"""A default for :func:`attempt` that no function returns itself."""
Passing = tuple[type[BaseException], ...]
"""Exceptions that are no failure of the extension and go on to the caller."""
FAILURES: Final = (Exception, asyncio.CancelledError, GeneratorExit, SystemExit)
"""Failures of an extension; the result of a cancelled future and ``sys.exit()`` must not end the server either.

Where an extension is awaited, :func:`task_ends` tells a task of ours that is cancelled from one of the extension's.
"""


def task_ends(error: BaseException) -> bool:
    """Whether ``error`` is the end of the current task, asked for from outside: it has to go on."""
    if not isinstance(error, asyncio.CancelledError | GeneratorExit):
        return False
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0 or isinstance(error, GeneratorExit)


def report_failure(log: logging.Logger, name: str) -> None:
    """Log the exception that is being handled: ``name`` says which callback of which extension raised it."""
    log.error("%s failed", name, exc_info=True, extra={"extension": name})


def attempt(
    log: logging.Logger, name: str, default: Result, function: Callable[..., Result], *args: Any, passing: Passing = ()
) -> Result:
    """``function(*args)``; ``default`` when it raises, which is logged.

    Raises:
        BaseException: one of ``passing``, or a :class:`KeyboardInterrupt`.
    """
    try:
        return function(*args)
    except passing:
        raise
    except FAILURES:
        report_failure(log, name)
        return default


def contained(
    function: Callable[..., Result], log: logging.Logger, name: str, default: Result, passing: Passing = ()
) -> Callable[..., Result]:
    """``function``, which gives ``default`` instead of raising."""
    return partial(attempt, log, name, default, function, passing=passing)


def visitor(
    callbacks: Iterable[tuple[str, Callable[..., Any]]], log: logging.Logger, passing: Passing = ()
) -> Callable[..., bool]:
    """Calls each of the named callbacks with the same arguments; stops and gives ``True`` at the first that does."""
    return partial(_visit, tuple(callbacks), log, passing)


def _visit(
    callbacks: tuple[tuple[str, Callable[..., Any]], ...], log: logging.Logger, passing: Passing, *args: Any
) -> bool:
    for name, callback in callbacks:
        try:
            if callback(*args) is True:
                return True
        except passing:
            raise
        except FAILURES:
            report_failure(log, name)
    return False
