"""The base of the two server transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.stack.transactions.machine import Machine
from asterism.stack.transactions.state import TransactionState

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.layer import TransactionLayer
    from asterism.stack.transactions.matching import AckKey


class ServerTransaction(Machine):
    """The answering side of one request; made by ``layer.create_server_transaction``.

    Attributes:
        request: what is being answered.
        flow: where responses go (not always where the request came from, RFC 3261 18.2.2); another one once the
            connection of the request has closed and a response is due.
        state: where the machine stands. Once it has finished, its memory is the layer's, not this object's.
        status: the last status sent, 0 before.
        last_response: the bytes of the last response, ``b""`` before.
        user: anything the transaction user wants to find again; the stack never looks at it.
    """

    __slots__ = ("ack_key", "flow", "key", "last_response", "merged_key", "request", "status", "user")

    def __init__(self, layer: TransactionLayer, request: Request, flow: Flow, key: str, merged_key: str) -> None:
        self.layer = layer
        self.request = request
        self.flow = flow
        self.key = key
        self.merged_key = merged_key
        self.ack_key: AckKey | None = None
        self.state = TransactionState.PROCEEDING if request.method == "INVITE" else TransactionState.TRYING
        self.status = 0
        self.last_response = b""
        self.user: Any = None
        self._ends_at = 0.0
        self._interval = 0.0

    @property
    def to_tag(self) -> str:
        """The To-tag that responses get when they bring none; also fit to be a dialog's local tag."""
        return self.layer.tag_of(self.key)

    # Each machine has its own of these four. No abstract base: isinstance on one is slow.

    def respond(self, response: Response) -> bool:
        """Send a response; a To-tag is added where one is due and missing.

        Returns ``False`` when nothing was sent because the machine takes no such response (any more).
        """
        return False

    def arm(self) -> None:
        """Start the timers of a request that was not answered at once (called by the layer)."""

    def receive_retransmission(self) -> None:
        """The same request came again."""

    def transport_failed(self) -> None:
        """The transport could not send a response."""

    def send(self, data: bytes) -> None:
        """Send the bytes of a response; over a new connection if that of the request has closed (18.2.2)."""
        if self.flow.closed:
            self.layer.reconnect(self)
        self.flow.send(data)
