"""The base of the two client transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.stack.transactions.machine import Machine
from asterism.stack.transactions.state import TransactionState
from asterism.stack.transactions.users import NOBODY

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.layer import TransactionLayer
    from asterism.stack.transactions.users import ClientUser


class ClientTransaction(Machine):
    """The asking side of one request; made by ``layer.send_request``.

    Attributes:
        request: what was sent, with its Via.
        flow: where it was sent.
        user: called with the outcome; ``NOBODY`` once there is nothing more to report.
        branch: the branch parameter of the Via, unique.
        state: where the machine stands. Once it has finished, its memory is the layer's, not this object's.
        repeats: how often the request was sent again.
        timing: T1 and Timer B of this peer in seconds, ``None`` for those of the layer.
        cancelled: a CANCEL has been sent.
    """

    __slots__ = (
        "_cancel_wanted",
        "_data",
        "branch",
        "cancelled",
        "flow",
        "key",
        "repeats",
        "request",
        "timing",
        "user",
    )

    def __init__(
        self, layer: TransactionLayer, request: Request, flow: Flow, user: ClientUser, branch: str, key: str
    ) -> None:
        self.layer = layer
        self.request = request
        self.flow = flow
        self.user = user
        self.branch = branch
        self.key = key
        self.state = TransactionState.CALLING if request.method == "INVITE" else TransactionState.TRYING
        self._data = b""
        self._ends_at = 0.0
        self._interval = 0.0
        self.repeats = 0
        self.cancelled = False
        self.timing: tuple[float, float] | None = None
        self._cancel_wanted: tuple[tuple[str, str], ...] | None = None

    # Each machine has its own of these three. No abstract base: every response asks isinstance, which that makes slow.

    def start(self, now: float) -> None:
        """Send the request and start the timers (called by the layer)."""

    def receive_response(self, response: Response) -> None:
        """A response that matches this transaction."""

    def transport_failed(self) -> None:
        """The request (or its ACK) could not be sent, or the connection broke before the final response."""
        if self._end():
            self._dismiss().on_transport_error(self)

    def cancel(self, headers: tuple[tuple[str, str], ...] = ()) -> bool:
        """Ask the other side to give up; only an INVITE can be cancelled (9.1), so this returns ``False``."""
        del headers
        return False

    def terminate(self) -> None:
        """Drop the transaction without telling anybody: the user has lost interest."""
        self._end()
        self._dismiss()

    def _dismiss(self) -> ClientUser:
        """The user, to be told for the last time: it holds the transaction, and the two must not hold each other."""
        user, self.user = self.user, NOBODY
        return user

    def _timed_out(self) -> None:
        if self._end():
            self._dismiss().on_timeout(self)

    def _end(self) -> bool:
        """Enter Terminated and stop every timer; return whether the machine was not there already."""
        return False
