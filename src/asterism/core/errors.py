"""The two families of errors: the caller misused the API, or the configuration is wrong.

What a *peer* does wrong on the network is never one of these: it is answered, counted and
logged where it arrives (``stack.errors`` holds the parser's own error).
"""

from __future__ import annotations

from dataclasses import dataclass


class AsterismError(Exception):
    """Base of every error that Asterism raises on purpose."""


class UsageError(AsterismError):
    """A console command or an API call was given arguments it does not take."""


class CommandError(AsterismError):
    """A console command could not do what it was asked; the text is printed, then that it failed."""


class ModuleError(AsterismError):
    """A module cannot be loaded, unloaded or reloaded; the text says why."""


class AlreadyRunningError(ModuleError):
    """Another server runs on the same configuration; this one must not start."""


class NotAsyncError(AsterismError):
    """A function that is awaited is not ``async``, or one that is not awaited is."""


class DuplicateError(AsterismError):
    """A registry already has an entry of that name."""


class UndocumentedError(AsterismError):
    """An entry came to a registry without the documentation that it must carry."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a configuration file; ``line`` 0 where there are no lines, as in a database."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


class ConfigError(AsterismError):
    """A configuration file or object is wrong.

    ``position`` is the place (``None`` when the object did not come from a file), ``option`` the
    offending option and ``accepted`` what would have been taken, both empty when not applicable.
    """

    def __init__(self, message: str, position: Position | None = None, option: str = "", accepted: str = "") -> None:
        super().__init__(f"{position}: {message}" if position else message)
        self.message = message
        self.position = position
        self.option = option
        self.accepted = accepted
