"""Where finished records go: a line for those of calls and one for those of channels, each with its writers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from asterism.core.containment import FAILURES, report_failure
from asterism.core.errors import DuplicateError
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner
from asterism.pbx.records.record import CallRecord, ChannelRecord

Record = TypeVar("Record", CallRecord, ChannelRecord)
Item = TypeVar("Item")
Written = TypeVar("Written", CallRecord, ChannelRecord, contravariant=True)


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """When records that wait are written (cdr.conf, ``[general]``)."""

    enabled: bool = False
    """Whether they wait at all; otherwise each is written as soon as it is there."""
    size: int = 100
    """So many are written at once."""
    time: int = 300
    """Seconds after which fewer are written too."""
    scheduleronly: bool = False
    """Has no effect: what writes is a thread of its own in any case."""
    safeshutdown: bool = True
    """Whether a stop waits until they are written; if not they are written after the next start."""


class RecordWriter(Protocol[Written]):
    """Writes records to files, or to a database."""

    name: str
    """As ``cdr show status`` and ``cel show status`` list it."""

    def write(self, records: Sequence[Written]) -> None:
        """Write these, in a thread; raises ``OSError`` or :class:`WriteError`, and it is tried again later."""


class WriteError(Exception):
    """Records could not be written."""


class Line(Generic[Record]):
    """The way of one kind of record to whoever writes it down or wants to know of it."""

    def __init__(self, name: str, log: ServerLogger) -> None:
        """Make the line called ``name`` (``"calls"``), without any writer."""
        self.name = name
        self.batch = BatchSettings()
        self._log = log
        self._names: list[str] = []
        self._writers: dict[str, RecordWriter[Record]] = {}
        self._listeners: dict[str, Callable[[Record], None]] = {}

    @property
    def names(self) -> list[str]:
        """Names of the writers and listeners, in the order in which they came."""
        return list(self._names)

    @property
    def wanted(self) -> bool:
        """Whether anybody wants records."""
        return bool(self._names)

    def register(self, owner: Owner, writer: RecordWriter[Record]) -> Callable[[], None]:
        """Have ``writer`` write records, in the owner's name; returns a function that ends it.

        Raises :class:`~asterism.core.errors.DuplicateError` for a name that is taken.
        """
        return self._add(owner, writer.name, self._writers, writer)

    def listen(self, owner: Owner, name: str, listener: Callable[[Record], None]) -> Callable[[], None]:
        """Have ``listener`` called with each record at once, in the loop; returns a function that ends it.

        Raises :class:`~asterism.core.errors.DuplicateError` for a name that is taken.
        """
        return self._add(owner, name, self._listeners, listener)

    def _add(self, owner: Owner, name: str, table: dict[str, Item], item: Item) -> Callable[[], None]:
        if name in self._names:
            raise DuplicateError(f"records of {self.name} have a writer '{name}' already")
        self._names.append(name)
        table[name] = item

        def remove() -> None:
            self._names.remove(name)
            del table[name]

        return owner.on_release(remove)

    def put(self, record: Record) -> None:
        """Take a finished record; called in the loop. It is kept for the writers when this returns."""
        for listener in list(self._listeners.values()):
            try:
                listener(record)
            except FAILURES:
                report_failure(self._log, f"what listens to the records of {self.name}")

    def submit(self) -> None:
        """Have written what waits (``cdr submit``)."""


class Records:
    """The lines of a server."""

    def __init__(self, log: ServerLogger) -> None:
        """Make both."""
        self.calls: Line[CallRecord] = Line("calls", log)
        self.channels: Line[ChannelRecord] = Line("channels", log)
