"""Message counts of mailboxes: one table for all sources (external programs, other servers, voicemail).

Mailboxes are named as in ``mailboxes`` of endpoints and AORs, ``6001@default``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from asterism.core.containment import attempt
from asterism.pbx.states.remote import RemoteStates
from asterism.pbx.vocabulary.events import MESSAGE_WAITING

if TYPE_CHECKING:
    from asterism.core.events import EventBus
    from asterism.pbx.states.device_states import DeviceStates

DEVICE_PREFIX = "MWI"
"""Prefix of a mailbox's device name: ``MWI:6001@default`` is in use while new messages wait."""
MAX_MAILBOXES = 100_000
"""Maximum number of mailboxes; further ones are refused."""
MAX_NAME = 255
"""Characters of a mailbox's name."""
MAX_COUNT = 2**31 - 1


class MessageCounts(NamedTuple):
    """Messages of one mailbox, or of several together."""

    new: int = 0
    old: int = 0
    urgent_new: int = 0
    urgent_old: int = 0

    @property
    def waiting(self) -> bool:
        """Whether there are new messages."""
        return bool(self.new or self.urgent_new)


NONE = MessageCounts()
Watcher = Callable[[str], None]
"""Told the name of a mailbox whose counts have changed."""


class Mailboxes:
    """The counts of all mailboxes with reported messages."""

    def __init__(self, bus: EventBus, log: logging.Logger, states: DeviceStates) -> None:
        self._bus = bus
        self._log = log
        self._states = states
        self._counts: dict[str, MessageCounts] = {}
        self._watchers: dict[str, dict[Watcher, None]] = {}
        self.own_watchers: list[Watcher] = []
        """Told of every mailbox that is counted here and has changed."""
        self.remote: RemoteStates[MessageCounts] = RemoteStates(self._tell)
        """Message counts reported by other servers."""

    def get(self, mailbox: str) -> MessageCounts:
        """Message counts of a mailbox, here and at other servers; zeros if none were reported."""
        own = self.own(mailbox)
        told = self.remote.of(mailbox)
        return _sum((own, *told)) if told else own

    def own(self, mailbox: str) -> MessageCounts:
        """Message counts of a mailbox at this server."""
        return self._counts.get(mailbox, NONE)

    def total(self, mailboxes: Iterable[str]) -> MessageCounts:
        """Sum of the message counts of several mailboxes."""
        return _sum([self.get(name) for name in mailboxes])

    def known(self) -> list[tuple[str, MessageCounts]]:
        """Every mailbox that is counted here."""
        return list(self._counts.items())

    def set(self, mailbox: str, counts: MessageCounts) -> bool:
        """Store new counts and tell the watchers; ``False``: the name is too long, or there are too many mailboxes."""
        old = self._counts.get(mailbox)
        if old is None and (not mailbox or len(mailbox) > MAX_NAME or len(self._counts) >= MAX_MAILBOXES):
            return False
        self._counts[mailbox] = counts
        if old != counts:
            self._tell_own(mailbox)
        return True

    def remove(self, mailbox: str) -> bool:
        """Forget a mailbox, which counts as empty; whether there was one."""
        old = self._counts.pop(mailbox, None)
        if old is not None and old != NONE:
            self._tell_own(mailbox)
        return old is not None

    def watch(self, mailbox: str, watcher: Watcher) -> None:
        """Have ``watcher`` told of changes."""
        self._watchers.setdefault(mailbox, {})[watcher] = None

    def unwatch(self, mailbox: str, watcher: Watcher) -> None:
        """Stop telling ``watcher`` of changes."""
        found = self._watchers.get(mailbox)
        if found is not None:
            found.pop(watcher, None)
            if not found:
                del self._watchers[mailbox]

    def _tell_own(self, mailbox: str) -> None:
        self._tell(mailbox)
        for watcher in tuple(self.own_watchers):
            attempt(self._log, "a watcher of mailboxes", None, watcher, mailbox)

    def _tell(self, mailbox: str) -> None:
        self._bus.publish(MESSAGE_WAITING, mailbox, self.get(mailbox))
        self._states.changed(f"{DEVICE_PREFIX}:{mailbox}")
        for watcher in tuple(self._watchers.get(mailbox, ())):
            attempt(self._log, "a watcher of mailboxes", None, watcher, mailbox)


def _sum(found: Sequence[MessageCounts]) -> MessageCounts:
    return MessageCounts(*(sum(column) for column in zip(*found, strict=True))) if found else NONE
