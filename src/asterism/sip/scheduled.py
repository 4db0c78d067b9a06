"""Recurring tasks of the SIP modules, for ``pjsip show scheduled_tasks``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScheduledTask:
    """One recurring task.

    Attributes:
        name: as the listing shows it.
        interval: seconds between two runs.
        runs: how often it ran.
        started: when it ran last, on the clock of the timers; ``None`` if it did not.
        due: when it runs next, on the same clock.
        queued: when it was first set up, on the same clock.
    """

    name: str
    interval: int
    runs: int
    started: float | None
    due: float
    queued: float


class ScheduledTasks:
    """Sources of recurring tasks; they are asked only when the tasks are listed, so keeping them costs nothing."""

    def __init__(self) -> None:
        self._sources: list[Callable[[], Iterable[ScheduledTask]]] = []

    def add(self, source: Callable[[], Iterable[ScheduledTask]]) -> Callable[[], None]:
        """Ask ``source`` from now on; return the undo."""
        self._sources.append(source)
        return lambda: self._sources.remove(source) if source in self._sources else None

    def all(self) -> list[ScheduledTask]:
        """Every task by name."""
        return sorted((task for source in self._sources for task in source()), key=lambda task: task.name)
