"""The faxes that are under way, and how many there were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
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
    outcome: str = "Unknown Error"
    """What it ends in where it fails."""


SUCCESS = "Success"
_OUTCOMES: Mapping[str, frozenset[int]] = MappingProxyType(
    {
        "Call Dropped": frozenset({49}),
        "No FAX": frozenset({2, 3}),
        "Negotiation Failed": frozenset(range(8, 13)),
        "Train Failure": frozenset({6}),
        "Retries Exceeded": frozenset({48}),
        "Protocol Error": frozenset({1, 4, 5, 7, 13}),
        "TX Protocol Error": frozenset(range(14, 23)),
        "RX Protocol Error": frozenset(range(23, 41)),
        "File Error": frozenset(range(41, 47)),
        "Memory Error": frozenset({47}),
        "Unknown Error": frozenset(),
    }
)
"""What a fax may end in, as ``fax show stats`` counts it: the completion codes of T.30."""
SWITCHED = "Switched to T.38"
"""An outcome of a fax in audio, which goes on."""
OUTCOMES = (SUCCESS, *_OUTCOMES)


def outcome_of(code: int | None) -> str:
    """The outcome that a completion code is; ``None``: T.30 has not come to an end."""
    if code == 0:
        return SUCCESS
    if code is None:
        return "Call Dropped"
    return next((name for name, codes in _OUTCOMES.items() if code in codes), "Unknown Error")


@dataclass(slots=True)
class FaxCounts:
    """Numbers since the server's start."""

    sent: int = 0
    """Attempts to send."""
    received: int = 0
    completed: int = 0
    failed: int = 0
    outcomes: dict[tuple[str, str], int] = field(default_factory=dict)
    """By type of session and outcome."""

    def count(self, kind: str, outcome: str) -> None:
        """A fax, or its part in audio, has come to an outcome."""
        key = (kind, outcome)
        self.outcomes[key] = self.outcomes.get(key, 0) + 1


class Faxes:
    """All faxes of a server; iterated in the order in which they began."""

    def __init__(self) -> None:
        """Begin without any."""
        self._running: dict[int, FaxSession] = {}
        self._next = 0
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
        session = FaxSession(self._next, channel, operation, files, debug=self.debug)
        self._next += 1
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
            if success:
                self.counts.completed += 1
            else:
                self.counts.failed += 1
            self.counts.count(session.type, SUCCESS if success else session.outcome)
