"""What other servers tell of devices and mailboxes that they have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_NAMES = 100_000
"""Names that other servers may tell of."""
MAX_SOURCES = 100
"""Sources that may tell of one name."""
MAX_NAME = 255
"""Characters of one."""


class RemoteStates(Generic[T]):
    """A state for each name and source; ``changed(name)`` is called as they change."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._states: dict[str, dict[str, T]] = {}

    def __len__(self) -> int:
        return len(self._states)

    def of(self, name: str) -> Sequence[T]:
        """What all sources tell of a name."""
        found = self._states.get(name)
        return () if found is None else tuple(found.values())

    def names(self) -> list[str]:
        """Every name that is told of."""
        return list(self._states)

    def set(self, source: str, name: str, state: T) -> bool:
        """A source tells a state; ``False``: the name is no name, or too many are told of already, or by too many."""
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
        """A source has nothing to tell of a name any more."""
        found = self._states.get(name)
        if found is not None and found.pop(source, None) is not None:
            if not found:
                del self._states[name]
            self._changed(name)
