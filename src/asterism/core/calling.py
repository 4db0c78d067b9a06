"""Checks that functions registered by modules can be called as they must be."""

from __future__ import annotations

import inspect
from typing import Any

from asterism.core.errors import NotAsyncError


def is_async(function: Any) -> bool:
    """Whether calling ``function`` gives something to await: ``async def``, also behind a partial or an object."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def require_async(function: Any, what: str) -> None:
    """Raise :class:`NotAsyncError` unless ``function``, which ``what`` names, is ``async def``."""
    if not is_async(function):
        raise NotAsyncError(f"{what} must be an 'async def': {_name(function)} is not")


def require_plain(function: Any, what: str) -> None:
    """Raise :class:`NotAsyncError` where ``function``, which ``what`` names, would have to be awaited."""
    if is_async(function):
        raise NotAsyncError(f"{what} must be a plain 'def', nobody awaits it: {_name(function)} is 'async'")


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))
