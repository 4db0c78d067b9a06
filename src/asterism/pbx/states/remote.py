"""States of devices and mailboxes reported by other servers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_NAMES = 100_000
"""Maximum number of names that other servers may report."""
MAX_SOURCES = 100
"""Maximum number of sources for one name."""
MAX_NAME = 255
"""Maximum length of a name in characters."""


class RemoteStates(Generic[T]):
    """A state for each name and source; ``changed(name)`` is called as they change."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._states: dict[str, dict[str, T]] = {}

    def __len__(self) -> int:
        return len(self._states)

    def of(self, name: str) -> Sequence[T]:
        """The states that all sources report for a name."""
        found = self._states.get(name)
        return () if found is None else tuple(found.values())

    def names(self) -> list[str]:
        """Every name with a reported state."""
        return list(self._states)

    def set(self, source: str, name: str, state: T) -> bool:
        """Store a state from a source; ``False`` if the name is invalid or there are too many names or sources."""
        found = self._states.get(name)
        if found is None:
            if not name or len(name) > MAX_NAME or len(self._states) >= MAX_NAMES:
                return False
            found = self._states[name] = {}
        elif source not in found and len(found) >= MAX_SOURCES:
            return False
        if found.get(source) != state:
            found[source] = state
            self._changed(name)
        return True

    def remove(self, source: str, name: str) -> None:
        """Remove the state that a source reported for a name."""
        found = self._states.get(name)
        if found is not None and found.pop(source, None) is not None:
            if not found:
                del self._states[name]
            self._changed(name)
