"""Problems of a configuration, each told once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from asterism.config.errors import flatten
from asterism.config.file import ConfigFile
from asterism.core.errors import ConfigError
from asterism.core.nearest import suggestion

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
        """Call ``work`` and return its result; ``None`` when it raised, which is added to the problems."""
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


def mistaken(file: ConfigFile, known: Mapping[str, Sequence[str]]) -> Iterator[ConfigError]:
    """Names that are nearly those of a section or option there is: they were meant to be it, and have no effect.

    ``known`` has the options of each section; of a section without options only the name is compared. Names that are
    like none are passed over: they may be Asterisk's.
    """
    for section in file:
        options = known.get(section.name.lower())
        if options is None:
            near = suggestion(section.name, known)
            if near:
                yield ConfigError(f"section [{section.name}] is not read{near}", section.position)
            continue
        for option in section if options else ():
            near = suggestion(option.name, options)
            if near and option.name.lower() not in options:
                yield option.error(f"there is no such option{near}")
