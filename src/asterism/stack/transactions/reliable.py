"""Reliable provisional responses (RFC 3262): the UAS that repeats them until PRACK, the UAC that puts them in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from asterism.stack.headers.cseq import RAck
from asterism.stack.transactions.state import TransactionState

if TYPE_CHECKING:
    from asterism.stack.message import Message, Request, Response
    from asterism.stack.timers import Timer
    from asterism.stack.transactions.server_invite import InviteServerTransaction

_MAX_QUEUED = 16


def supports_100rel(message: Message) -> bool:
    """Whether the peer understands PRACK."""
    return message.has_option("Supported", "100rel") or message.has_option("Require", "100rel")


def requires_100rel(message: Message) -> bool:
    """Whether the peer insists on PRACK, or whether a response is a reliable one."""
    return message.has_option("Require", "100rel")


class Acknowledged(Enum):
    """The result of matching a PRACK to a reliable response."""

    NEW = "new"
    """The response that waits for it."""
    BEFORE = "before"
    """A response that was acknowledged before: answer 2xx, and do nothing else."""
    NOTHING = "nothing"
    """No response of ours: answer 481."""


class ReliableResponder:
    """Sends the provisional responses of one INVITE reliably, one at a time (section 3).

    Responses that have to wait are made when their turn comes, so that each says how things are then.

    Args:
        transaction: the INVITE's.
        on_timeout: called when a response was not acknowledged for 64 * T1; the INVITE should be refused with 5xx.
        first: RSeq of the first response, 1 to 2**31 - 1.
    """

    __slots__ = (
        "_described", "_first", "_interval", "_on_timeout", "_outstanding", "_queue", "_rseq", "_started", "_timer",
        "_transaction", "_waits",
    )  # fmt: skip

    def __init__(self, transaction: InviteServerTransaction, on_timeout: Callable[[], object], first: int = 1) -> None:
        self._transaction = transaction
        self._on_timeout = on_timeout
        self._first = first
        self._rseq = first - 1
        self._queue: deque[tuple[Callable[[], Response | None], bool]] = deque()
        self._waits = False
        self._outstanding = b""
        self._described = False
        self._interval = 0.0
        self._started = 0.0
        self._timer: Timer | None = None

    @property
    def pending(self) -> bool:
        """Whether a response waits for its PRACK, and is repeated until then."""
        return self._outstanding != b""

    @property
    def holds_answer(self) -> bool:
        """Whether a 2xx must wait: a response with a description is not acknowledged, or not even sent (section 3)."""
        return (self._described and self._outstanding != b"") or any(described for _, described in self._queue)

    def send(self, make: Callable[[], Response | None], described: bool = False) -> bool:
        """Send a 101 to 199, now or after those before it.

        Args:
            make: makes the response when its turn has come; ``None``: there is nothing to send after all.
            described: it is to carry a description.

        Returns:
            ``False`` if it cannot be sent any more, or too many wait.
        """
        if self._outstanding:
            if len(self._queue) >= _MAX_QUEUED:
                return False
            self._queue.append((make, described))
            return True
        response = make()
        if response is None:
            return False
        self._rseq += 1
        response.set_header("RSeq", str(self._rseq))
        if not response.has_option("Require", "100rel"):
            response.add_header("Require", "100rel")
        if not self._transaction.respond(response):
            return False
        self._waits = True
        self._described = bool(response.body)
        layer = self._transaction.layer
        self._outstanding = self._transaction.last_response
        self._interval = layer.t1
        self._started = layer.timers.clock()
        self._timer = layer.timers.call_later(layer.t1, self._timer_expired)
        return True

    def receive_prack(self, request: Request) -> Acknowledged:
        """Match a PRACK to a response; also after the final response, for the two may cross.

        Raises:
            ParseError: RAck is malformed.
        """
        rack = request.rack
        cseq = self._transaction.request.cseq
        if rack is None or (rack.cseq, rack.method) != (cseq.number, cseq.method):
            return Acknowledged.NOTHING
        if not self._first <= rack.rseq <= self._rseq:
            return Acknowledged.NOTHING
        if rack.rseq < self._rseq or not self._waits:
            return Acknowledged.BEFORE
        self._waits = False
        self._stop()
        return Acknowledged.NEW

    def send_next(self) -> None:
        """Send what waited for a PRACK that has been answered."""
        while self._queue and not self._outstanding:
            self.send(*self._queue.popleft())

    def close(self) -> None:
        """Stop repeating: a final response is sent, or the INVITE is given up. A PRACK is still matched."""
        self._queue.clear()
        self._stop()

    def _stop(self) -> None:
        self._outstanding = b""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _timer_expired(self) -> None:
        transaction = self._transaction
        layer = transaction.layer
        if transaction.state is not TransactionState.PROCEEDING:
            self.close()
        elif layer.timers.clock() >= self._started + layer.timeout:
            self.close()
            self._on_timeout()
        else:
            self._interval *= 2
            remaining = self._started + layer.timeout - layer.timers.clock()
            self._timer = layer.timers.call_later(min(self._interval, remaining), self._timer_expired)
            transaction.send(self._outstanding)


class ReliableReceiver:
    """Puts the reliable provisional responses of one early dialog in order (section 4)."""

    __slots__ = ("_rseq",)

    def __init__(self) -> None:
        self._rseq = 0

    def receive(self, response: Response) -> RAck | None:
        """The RAck of the PRACK to send; ``None`` for a response that is not reliable, repeated or out of order.

        A response that is not reliable is the user's as it is; check :func:`requires_100rel` first.
        """
        if not 100 < response.status < 200 or not requires_100rel(response):
            return None
        text = (response.get("RSeq") or "").strip()
        if not (text.isascii() and text.isdigit()) or len(text) > 10:
            return None
        rseq = int(text)
        if not 1 <= rseq < 2**32 or (self._rseq and rseq != self._rseq + 1):
            return None
        self._rseq = rseq
        cseq = response.cseq
        return RAck(rseq, cseq.number, cseq.method)
