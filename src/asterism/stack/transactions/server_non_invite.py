"""The non-INVITE server transaction: RFC 3261 figure 8, with RFC 4320."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.stack.message import make_response
from asterism.stack.transactions.matching import tagged_bytes
from asterism.stack.transactions.server import ServerTransaction
from asterism.stack.transactions.state import TransactionState

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.timers import Timer
    from asterism.stack.transactions.layer import TransactionLayer


class NonInviteServerTransaction(ServerTransaction):
    """Answers REGISTER, OPTIONS, BYE, CANCEL and all the others.

    ::

                          |Request received
                          |pass to TU
                          V
                    +-----------+
                    |  Trying   |-------------+
                    +-----------+             |3xx-6xx, 2xx from TU
       100 after            |                 |send response
       until_t2 (RFC 4320)  |100 from TU      |
                            V                 |
                    +-----------+             |
                    |Proceeding |             |
                    +-----------+             |
         Request: send 100  |final from TU    |
                            V                 |
                    +-----------+             |
                    | Completed |<------------+
                    +-----------+  Request: send response
                            |Timer J (0 if reliable)
                            V
                    +-----------+
                    |Terminated |
                    +-----------+

    From Completed on only the response's bytes live, in the layer's table of finished transactions, whose
    expiry is Timer J; except where the response goes over a new connection, which may fail.
    """

    __slots__ = ("_timer_100", "_timer_f", "_timer_j")

    def __init__(self, layer: TransactionLayer, request: Request, flow: Flow, key: str, merged_key: str) -> None:
        super().__init__(layer, request, flow, key, merged_key)
        self._timer_100: Timer | None = None
        """When a 100 is due (RFC 4320 section 4.1)."""
        self._timer_f: Timer | None = None
        """The client's: it gives up then, and an answer is of no use any more."""
        self._timer_j: Timer | None = None

    def arm(self) -> None:
        """Expect an answer by the time at which RFC 4320 wants a 100."""
        if self._timer_100 is None and self.state is TransactionState.TRYING:
            self._timer_100 = self.layer.timers.call_later(self.layer.until_t2, self._timer_100_expired)

    def respond(self, response: Response) -> bool:
        """Send a response (see the base class).

        Provisional responses other than 100, a 100 too early on an unreliable flow and 408 are not sent: RFC 4320
        forbids them.
        """
        state = self.state
        if state is not TransactionState.TRYING and state is not TransactionState.PROCEEDING:
            return False
        status = response.status
        layer = self.layer
        if status < 200:
            if status != 100 or state is TransactionState.PROCEEDING:
                return False
            if not self.flow.reliable and layer.timers.clock() < self._received_at() + layer.until_t2:
                return False
            self._enter(TransactionState.PROCEEDING)
            self.status = 100
            self.last_response = data = response.to_bytes()
            self.flow.send(data)
            return True
        if status == 408:
            return False
        self.last_response = data = tagged_bytes(response, layer.tag_of, self.key)
        self.status = status
        layer.release_merged(self)
        if self.flow.reliable:
            if self.flow.closed and layer.reconnect(self):
                # It lives on so that the user learns of a failure of this connection too.
                self._enter(TransactionState.COMPLETED, self._timer_100, self._timer_f)
                self._timer_j = layer.timers.call_later(layer.timeout, self._end)
                self.flow.send(data)
                return True
            self._enter(TransactionState.TERMINATED, self._timer_100, self._timer_f)
            layer.forget_server(self)
        else:
            self._enter(TransactionState.COMPLETED, self._timer_100, self._timer_f)
            layer.finish_server(self, data, layer.timeout)
        self.flow.send(data)
        return True

    def receive_retransmission(self) -> None:
        """Trying: absorb. Proceeding: send the 100 again."""
        if self.state is TransactionState.PROCEEDING:
            self.flow.send(self.last_response)

    def transport_failed(self) -> None:
        """Any state: tell the user and end; but a connection that closed before the answer can be replaced."""
        if self.state is not TransactionState.COMPLETED and self.layer.can_reconnect(self):
            return
        self._end()
        self.layer.user.on_response_error(self)

    def _received_at(self) -> float:
        received = self.request.received_at
        return self.layer.timers.clock() if received is None else received

    def _timer_100_expired(self) -> None:
        """RFC 4320 section 4.1: 100 once the client's Timer E has reached T2."""
        layer = self.layer
        self._timer_f = layer.timers.call_later(layer.timeout - layer.until_t2, self._timer_f_expired)
        if self.state is TransactionState.TRYING:
            self.respond(make_response(self.request, 100))

    def _timer_f_expired(self) -> None:
        """The client has given up; RFC 4320 section 4.2: no answer would be of use any more."""
        self._end()

    def _end(self) -> None:
        if self.state is not TransactionState.TERMINATED:
            self._enter(TransactionState.TERMINATED, self._timer_100, self._timer_f, self._timer_j)
            self.layer.forget_server(self)
