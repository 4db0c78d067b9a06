"""Console commands and manager actions, as the module that has the behaviour declares them.

The front ends that serve them are in ``interfaces``; a command lives beside what it shows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from asterism.core.documentation import Documentation
from asterism.core.errors import UsageError
from asterism.core.events import Fields


class ConsoleView(Protocol):
    """A connected console that shows log lines as they come, and its own verbosity."""

    verbose_level: int


@dataclass(slots=True)
class CommandCall:
    """One run of a console command.

    ``args`` are the words after the command's own. ``write(text)`` prints before the command ends
    (progress of long work); what the handler returns is printed last. ``columns`` is the width
    of the terminal, 0 when there is none. ``color`` tells whether escapes may be used. ``console`` is the
    interactive console that asks, ``None`` for ``-rx`` and the manager.
    """

    args: list[str]
    write: Callable[[str], None]
    columns: int = 0
    color: bool = False
    console: ConsoleView | None = None

    def takes_nothing(self) -> None:
        """Raise ``UsageError`` if there are arguments; for commands that take none."""
        if self.args:
            raise UsageError


CommandHandler = Callable[[CommandCall], "str | Awaitable[str]"]
Completer = Callable[[list[str]], Iterable[str]]
"""Given the words typed after the command (the last may be partial or empty), the words that fit."""


@dataclass(frozen=True, slots=True)
class Command:
    """A console command: ``words`` as typed ("pjsip show endpoints"), what runs it, what completes it.

    The handler returns the whole text with its line ends and raises
    :class:`~asterism.core.errors.UsageError` to have the usage printed. ``choice``: the last word is one of a few that
    stand for each other (``on`` and ``off``), which matters for what is said of another word in its place.
    """

    words: str
    run: CommandHandler
    complete: Completer | None = None
    choice: bool = False


class ActionCall(Protocol):
    """One manager action being served: its fields and the ways to answer it.

    ``get`` is case-insensitive on the key. Exactly one of ``success``, ``error`` or
    ``begin_list`` answers; a list goes on with ``item`` and ends with ``end_list``.
    """

    action_id: str

    def get(self, key: str, default: str = "") -> str:
        """The first value of a field."""

    def get_all(self, key: str) -> list[str]:
        """Every value of a repeated field, in order."""

    def success(self, message: str = "", fields: Fields = ()) -> None:
        """Answer ``Response: Success``."""

    def error(self, message: str) -> None:
        """Answer ``Response: Error``."""

    def begin_list(self, message: str) -> None:
        """Answer ``Response: Success`` with ``EventList: start``."""

    def item(self, event: str, fields: Fields) -> None:
        """Send one list event, with the ActionID, to this session only."""

    def end_list(self, event: str, fields: Fields = (), items: int | None = None) -> None:
        """Send the list's closing event with ``EventList: Complete`` and ``ListItems``, by default all that were."""

    def may(self, privilege: str) -> bool:
        """Whether the session's user has the write class ``privilege``."""


ActionHandler = Callable[[ActionCall], "Awaitable[None] | None"]


@dataclass(frozen=True, slots=True)
class Action:
    """A manager action; ``privilege`` names the write classes that may run it ("system,reporting")."""

    name: str
    privilege: str
    run: ActionHandler


@dataclass(slots=True)
class Mark:
    """A registration noted on a function by a decorator until ``load`` registers it with one server."""

    kind: str
    name: str
    documentation: Documentation
    extra: Mapping[str, Any] = field(default_factory=dict)


def mark(kind: str, name: str, documentation: Documentation, **extra: Any) -> Callable[[Any], Any]:
    """Decorate a function with a :class:`Mark`; a function may carry several."""

    def decorate(function: Any) -> Any:
        function.__dict__.setdefault("asterism_marks", []).append(Mark(kind, name, documentation, extra))
        return function

    return decorate


def command(
    words: str,
    documentation: Documentation,
    complete: Completer | Sequence[str] | str | None = None,
    *,
    choice: bool = False,
) -> Callable[[Any], Any]:
    """Mark a method as the handler of a console command.

    ``complete`` is a :data:`Completer`, the name of a method that is one, or the words that may follow; ``choice``
    as in :class:`Command`.
    """
    return mark("command", words, documentation, complete=complete, choice=choice)


def action(name: str, privilege: str, documentation: Documentation) -> Callable[[Any], Any]:
    """Mark a method as the handler of a manager action."""
    return mark("action", name, documentation, privilege=privilege)


def completer_of(holder: object, found: Mark) -> Completer | None:
    """The completer of a command's mark, made of whatever :func:`command` was given."""
    complete = found.extra["complete"]
    if complete is None or callable(complete):
        return complete  # type: ignore[no-any-return]
    if isinstance(complete, str):
        return getattr(holder, complete)  # type: ignore[no-any-return]
    return lambda words: complete if len(words) == 1 else ()


def marks_of(holder: object) -> Iterable[tuple[Mark, Any]]:
    """Every mark on ``holder``'s methods, with the bound method, in order of definition."""
    for cls in reversed(type(holder).__mro__):
        for name, value in vars(cls).items():
            for found in getattr(value, "asterism_marks", ()):
                yield found, getattr(holder, name)
