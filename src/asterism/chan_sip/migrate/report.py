"""What became of each line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """What became of a line; the later ones want more attention."""

    TRANSLATED = "translated"
    CHANGED = "changed"
    UNTRANSLATED = "not translated"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the report.

    ``path`` is the file's name in the configuration folder, ``before`` the line without its comment, ``after`` what it
    became (empty for nothing), ``why`` what differs, or why nothing stands for it.
    """

    path: str
    line: int
    outcome: Outcome
    before: str
    after: str = ""
    why: str = ""

    def __str__(self) -> str:
        became = f" -> {_shown(self.after)}" if self.after else ""
        why = f" ({self.why})" if self.why else ""
        return f"{self.path}:{self.line}: {self.outcome.value}: {_shown(self.before)}{became}{why}"


def _shown(text: str) -> str:
    """On one line, without control characters."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(char if char.isprintable() else "?" for char in line)


@dataclass(slots=True)
class Report:
    """The entries, in the order of files and lines."""

    entries: list[Entry] = field(default_factory=list)
    _known: set[Entry] = field(default_factory=set)

    def add(self, *entries: Entry) -> None:
        """Add entries; one that is there already is left out."""
        for entry in entries:
            if entry not in self._known:
                self._known.add(entry)
                self.entries.append(entry)

    def extend(self, entries: Iterable[Entry]) -> None:
        """Add entries."""
        self.add(*entries)

    def ordered(self) -> list[Entry]:
        """By file and line."""
        return sorted(self.entries, key=lambda entry: (entry.path, entry.line))

    def count(self, outcome: Outcome) -> int:
        """How many lines had this outcome."""
        return Counter(entry.outcome for entry in self.entries)[outcome]

    def summary(self) -> str:
        """The numbers, in one line."""
        return (
            f"{self.count(Outcome.TRANSLATED)} lines translated, {self.count(Outcome.CHANGED)} with a change, "
            f"{self.count(Outcome.UNTRANSLATED)} not translated"
        )
