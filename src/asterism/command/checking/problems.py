"""Problems of a configuration, each told once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from asterism.config.errors import flatten
from asterism.core.errors import ConfigError

T = TypeVar("T")


class Problems:
    """Problems, each once: a file with a syntax error is met by several readers. ``notes`` are no problems."""

    def __init__(self) -> None:
        self._by_text: dict[str, ConfigError] = {}
        self._notes: dict[str, ConfigError] = {}

    def add(self, errors: Iterable[ConfigError]) -> None:
        """Add problems."""
        for error in errors:
            for single in flatten(error):
                self._by_text.setdefault(str(single), single)

    def note(self, errors: Iterable[ConfigError]) -> None:
        """Add notes."""
        for error in errors:
            self._notes.setdefault(str(error), error)

    def collect(self, work: Callable[[], T]) -> T | None:
        """What ``work`` returns; ``None`` when it raised, which is noted."""
        try:
            return work()
        except ConfigError as error:
            self.add([error])
            return None

    def sorted(self) -> list[ConfigError]:
        """The problems in order of files and lines."""
        return sorted(self._by_text.values(), key=_place)

    def notes(self) -> list[ConfigError]:
        """The notes in order of files and lines."""
        return sorted(self._notes.values(), key=_place)


def _place(error: ConfigError) -> tuple[str, int]:
    return (error.position.path, error.position.line) if error.position else ("", 0)
