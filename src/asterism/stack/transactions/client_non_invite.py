"""The non-INVITE client transaction: RFC 3261 figure 6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.stack.timers import Timer
from asterism.stack.transactions.client import ClientTransaction
from asterism.stack.transactions.state import TransactionState

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.layer import TransactionLayer
    from asterism.stack.transactions.users import ClientUser


class NonInviteClientTransaction(ClientTransaction):
    """Asks REGISTER, OPTIONS, BYE, CANCEL and all the others.

    ::

                             |Request from TU
                             |send request
                             V
              Timer E  +-----------+  Timer F: timeout to TU
              send     |  Trying   |  transport error: to TU
                       +-----------+----------------------+
                 1xx     |       | 200-699                |
                 to TU   V       | to TU                  |
              Timer E  +-----------+  Timer F, transport  |
              send     |Proceeding |  error: to TU        |
                       +-----------+--------------------->|
                         |       |                        |
                 200-699 |       |                        |
                 to TU   V       V                        |
                       +-----------+                      |
                       | Completed |                      |
                       +-----------+                      |
                             | Timer K (0 if reliable)    |
                             V                            |
                       +-----------+                      |
                       |Terminated |<---------------------+
                       +-----------+

    Completed is an entry in the layer's table of finished transactions, whose expiry is Timer K.
    """

    __slots__ = ("_timer_e", "_timer_f")

    def __init__(
        self, layer: TransactionLayer, request: Request, flow: Flow, user: ClientUser, branch: str, key: str
    ) -> None:
        super().__init__(layer, request, flow, user, branch, key)
        self._timer_e: Timer | None = None
        self._timer_f: Timer | None = None

    def start(self, now: float) -> None:
        """Send; Timer E repeats over unreliable flows, Timer F ends the trying."""
        layer = self.layer
        self._data = self.request.to_bytes()
        t1, timeout = self.timing or (layer.t1, layer.timeout)
        self._interval = t1
        self._ends_at = now + timeout
        if self.flow.reliable or timeout <= t1:
            self._timer_f = Timer(layer.timers, self._ends_at, self._timer_f_expired)
        else:
            self._timer_e = Timer(layer.timers, now + t1, self._timer_e_expired)
        self.flow.send(self._data)

    def receive_response(self, response: Response) -> None:
        """1xx: Proceeding. Anything else: Completed, which absorbs repetitions."""
        if self.state is not TransactionState.TRYING and self.state is not TransactionState.PROCEEDING:
            return
        if response.status < 200:
            self._enter(TransactionState.PROCEEDING)
            self.user.on_response(self, response)
            return
        if self.flow.reliable:
            self._enter(TransactionState.TERMINATED, self._timer_e, self._timer_f)
            self.layer.forget_client(self)
        else:
            self._enter(TransactionState.COMPLETED, self._timer_e, self._timer_f)
            self.layer.finish_client(self, b"", self.layer.config.t4)
        self._dismiss().on_response(self, response)

    def _timer_e_expired(self) -> None:
        layer = self.layer
        if self._timer_f is None:
            self._timer_f = Timer(layer.timers, self._ends_at, self._timer_f_expired)
        if self.state is TransactionState.TRYING:
            self._interval = min(self._interval * 2, layer.t2)
        else:
            self._interval = layer.t2
        self.repeats += 1
        self._timer_e = layer.timers.call_later(self._interval, self._timer_e_expired)
        self.flow.send(self._data)

    def _timer_f_expired(self) -> None:
        self._timed_out()

    def _end(self) -> bool:
        if self.state is TransactionState.TERMINATED:
            return False
        self._enter(TransactionState.TERMINATED, self._timer_e, self._timer_f)
        self.layer.forget_client(self)
        return True
