"""The faxes that are under way, and how many there were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from asterism.core.errors import AsterismError
from asterism.pbx.calls.fax.settings import FaxSettings

if TYPE_CHECKING:
    from asterism.media.fax.terminal import Transfer
    from asterism.pbx.channels.channel import Channel

MOST_SESSIONS = 500
"""Faxes at a time."""


class FaxError(AsterismError):
    """A fax cannot be sent or received; ``code`` is what ``FAXERROR`` says."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Operation(StrEnum):
    """What a session does, as the manager calls it."""

    SEND = "send"
    RECEIVE = "receive"
    GATEWAY = "gateway"


class SessionState(StrEnum):
    """How far a session is, as the manager calls it."""

    INITIALIZED = "Initialized"
    OPEN = "Open"
    ACTIVE = "Active"
    COMPLETE = "Complete"


AUDIO, T38 = "G.711", "T.38"
"""Types of sessions."""
TECHNOLOGY = "Spandsp"


@dataclass(slots=True, eq=False)
class FaxSession:
    """One fax."""

    number: int
    channel: Channel
    operation: Operation
    files: tuple[str, ...] = ()
    state: SessionState = SessionState.INITIALIZED
    type: str = AUDIO
    transfer: Transfer | None = None
    """What has passed so far."""
    debug: bool = False


@dataclass(slots=True)
class FaxCounts:
    """Numbers since the server's start."""

    sent: int = 0
    """Attempts to send."""
    received: int = 0
    completed: int = 0
    failed: int = 0
    modes: dict[tuple[str, str], int] = field(default_factory=dict)
    """Successes and failures by type of session."""

    def count(self, kind: str, success: bool) -> None:
        """A fax is over."""
        if success:
            self.completed += 1
        else:
            self.failed += 1
        key = (kind, "success" if success else "failure")
        self.modes[key] = self.modes.get(key, 0) + 1


class Faxes:
    """All faxes of a server; iterated in the order in which they began."""

    def __init__(self) -> None:
        """Begin without any."""
        self._running: dict[int, FaxSession] = {}
        self._last = 0
        self.counts = FaxCounts()
        self.settings = FaxSettings()
        self.debug = False
        """Whether new sessions tell what they do (``fax set debug on``)."""

    def __iter__(self) -> Iterator[FaxSession]:
        return iter(list(self._running.values()))

    def __len__(self) -> int:
        return len(self._running)

    def get(self, number: int) -> FaxSession | None:
        """The running session with this number."""
        return self._running.get(number)

    def of(self, channel: Channel) -> FaxSession | None:
        """The running session of a channel."""
        return next((one for one in self._running.values() if one.channel is channel), None)

    def begin(self, channel: Channel, operation: Operation, files: tuple[str, ...] = ()) -> FaxSession:
        """Enter a new session.

        Raises:
            FaxError: there are too many, or the channel has one.
        """
        if len(self._running) >= MOST_SESSIONS:
            raise FaxError("MEMORY_ERROR", f"there are {MOST_SESSIONS} faxes already")
        if self.of(channel) is not None:
            raise FaxError("CHANNEL PROBLEMS", f"{channel.name} has a fax already")
        self._last += 1
        session = FaxSession(self._last, channel, operation, files, debug=self.debug)
        self._running[session.number] = session
        if operation is Operation.SEND:
            self.counts.sent += 1
        elif operation is Operation.RECEIVE:
            self.counts.received += 1
        return session

    def end(self, session: FaxSession, success: bool) -> None:
        """A session is over."""
        if self._running.pop(session.number, None) is not None:
            session.state = SessionState.COMPLETE
            self.counts.count(session.type, success)
