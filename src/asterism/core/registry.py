"""Tables of things that modules add: each entry knows its owner and carries its documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from asterism.core.documentation import Documentation
from asterism.core.errors import DuplicateError, UndocumentedError

T = TypeVar("T")
Values = tuple[tuple[str, str], ...]
"""Words and what they mean, as in :attr:`Argument.values`."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One registered thing: its name as registered, the thing, its documentation, its owner."""

    name: str
    item: T
    documentation: Documentation
    owner: Owner


class Owner:
    """The owner of registrations: a module, or the server itself.

    It keeps the undo of everything registered in its name, so that unloading a module removes
    all of it in reverse order, whatever it was.
    """

    __slots__ = ("_undo", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._undo: dict[int, Callable[[], None]] = {}

    def on_release(self, undo: Callable[[], None]) -> Callable[[], None]:
        """Remember ``undo``; return a function that runs it now, once, and forgets it."""
        key = id(undo)
        self._undo[key] = undo

        def cancel() -> None:
            found = self._undo.pop(key, None)
            if found is not None:
                found()

        return cancel

    def release(self) -> None:
        """Undo every registration, last first.

        Raises:
            Exception: what the first undo that failed raised; the others have run all the same.
        """
        failed: Exception | SystemExit | None = None
        while self._undo:
            _, undo = self._undo.popitem()
            try:
                undo()
            except (Exception, SystemExit) as error:
                failed = failed or error
        if failed is not None:
            raise failed


class Registry(Generic[T]):
    """A table of :class:`Entry` by name.

    ``kind`` names the table in errors ("application"). ``fold`` turns a name into its key:
    ``str.lower`` makes look-ups case-insensitive.
    """

    def __init__(self, kind: str, fold: Callable[[str], str] = str) -> None:
        self.kind = kind
        self._fold = fold
        self._entries: dict[str, Entry[T]] = {}
        self._explained: dict[str, list[tuple[str, Values]]] = {}

    def add(self, owner: Owner, name: str, item: T, documentation: Documentation) -> Callable[[], None]:
        """Add ``item``; return a function that removes it.

        Raises :class:`DuplicateError` for a name already taken, :class:`UndocumentedError` for
        documentation without a synopsis.
        """
        key = self._fold(name)
        if key in self._entries:
            raise DuplicateError(f"{self.kind} '{name}' is already registered by {self._entries[key].owner.name}")
        if not documentation.synopsis:
            raise UndocumentedError(f"{self.kind} '{name}' has no synopsis")
        entry = Entry(name, item, documentation, owner)
        self._entries[key] = entry

        def remove() -> None:
            if self._entries.get(key) is entry:
                del self._entries[key]

        return owner.on_release(remove)

    def explain(self, owner: Owner, name: str, argument: str, values: Values) -> Callable[[], None]:
        """Add words that an argument of ``name`` may hold, with their meaning; return a function that takes them away.

        For what one module registers and others have a part in, such as the items of ``CHANNEL``. The entry may be
        registered later.
        """
        key = self._fold(name)
        more = (argument, values)
        self._explained.setdefault(key, []).append(more)

        def remove() -> None:
            left = self._explained[key] = [one for one in self._explained[key] if one is not more]
            if not left:
                del self._explained[key]

        return owner.on_release(remove)

    def _whole(self, key: str, entry: Entry[T]) -> Entry[T]:
        """The entry with what others have explained."""
        more = self._explained.get(key)
        if more is None:
            return entry
        documentation = entry.documentation
        arguments = list(documentation.arguments)
        for name, values in more:
            arguments = [replace(one, values=one.values + values) if one.name == name else one for one in arguments]
        return replace(entry, documentation=replace(documentation, arguments=tuple(arguments)))

    def get(self, name: str) -> T | None:
        """The thing registered under ``name``, or ``None``."""
        entry = self._entries.get(self._fold(name))
        return None if entry is None else entry.item

    def entry(self, name: str) -> Entry[T] | None:
        """The whole entry of ``name``, or ``None``."""
        key = self._fold(name)
        found = self._entries.get(key)
        return None if found is None else self._whole(key, found)

    def __iter__(self) -> Iterator[Entry[T]]:
        """Entries in order of registration."""
        return iter([self._whole(key, entry) for key, entry in self._entries.items()])

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: str) -> bool:
        return self._fold(name) in self._entries
