"""The INVITE client transaction: RFC 3261 figure 5, with the Accepted state of RFC 6026."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from asterism.stack.message import Request
from asterism.stack.timers import Timer
from asterism.stack.transactions.client import ClientTransaction
from asterism.stack.transactions.state import TransactionState
from asterism.stack.transactions.users import NOBODY

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.message import Response
    from asterism.stack.transactions.layer import TransactionLayer
    from asterism.stack.transactions.users import ClientUser


class InviteClientTransaction(ClientTransaction):
    """Asks INVITE.

    ::

                                 |INVITE from TU
               Timer A           |send INVITE
               send INVITE       V              Timer B: timeout to TU
                           +-----------+        transport error: to TU
                           |  Calling  |--------------------------------+
                           +-----------+                                |
               300-699       |   |   | 2xx to TU                        |
               ACK, to TU    |   |1xx+------------------+               |
             +---------------+   |to TU                 |               |
             |                   V                      |               |
             |  300-699    +-----------+  2xx to TU     |               |
             |<------------|Proceeding |--------------->|               |
             |  ACK, to TU +-----------+  1xx: to TU    |               |
             |                   |                      |               |
             |                   |transport error, no final response    |
             V                   |after CANCEL: to TU   V               |
       +-----------+             |                +-----------+         |
       | Completed |             |                | Accepted  |         |
       +-----------+             |                +-----------+         |
     300-699: ACK |              |     2xx: to TU   | Timer M           |
                  | Timer D      V                  |                   |
                  |        +-----------+            |                   |
                  +------->|Terminated |<-----------+-------------------+
                           +-----------+

    Completed lives in the layer's table of finished transactions: the ACK to repeat, with Timer D as its expiry.
    """

    __slots__ = ("_timer_a", "_timer_b", "_timer_cancel", "_timer_m")

    def __init__(
        self, layer: TransactionLayer, request: Request, flow: Flow, user: ClientUser, branch: str, key: str
    ) -> None:
        super().__init__(layer, request, flow, user, branch, key)
        self._timer_a: Timer | None = None
        self._timer_b: Timer | None = None
        self._timer_cancel: Timer | None = None
        """Ends the wait for a final response after a CANCEL (9.1)."""
        self._timer_m: Timer | None = None

    def start(self, now: float) -> None:
        """Send; Timer A repeats over unreliable flows, Timer B ends the calling."""
        layer = self.layer
        self._data = self.request.to_bytes()
        t1, timeout = self.timing or (layer.t1, layer.timeout)
        self._interval = t1
        self._ends_at = now + timeout
        if self.flow.reliable or timeout <= t1:
            self._timer_b = Timer(layer.timers, self._ends_at, self._timer_b_expired)
        else:
            self._timer_a = Timer(layer.timers, now + t1, self._timer_a_expired)
        self.flow.send(self._data)

    def receive_response(self, response: Response) -> None:
        """Follow the figure; in Accepted only 2xx go to the user (forks and repetitions alike)."""
        state = self.state
        status = response.status
        if state is TransactionState.CALLING or state is TransactionState.PROCEEDING:
            if status >= 300:
                self._complete(response)
                self._dismiss().on_response(self, response)
                return
            if status < 200:
                self._proceed()
            else:
                self._accept()
            self.user.on_response(self, response)
        elif state is TransactionState.ACCEPTED and 200 <= status < 300:
            self.user.on_response(self, response)

    def cancel(self, headers: tuple[tuple[str, str], ...] = ()) -> bool:
        """Ask the other side to give up (9.1): now, or as soon as a provisional response has come.

        Args:
            headers: more headers for the CANCEL, such as ``("Reason", "SIP;cause=200")``.

        Returns:
            ``False`` when it is too late: there is a final response, or the CANCEL is on its way.

        The outcome comes to the user as a final response, normally 487 (or a 2xx that was faster), or as a
        timeout when nothing comes for Timer B after the CANCEL.
        """
        if self.cancelled or self._cancel_wanted is not None:
            return False
        if self.state is TransactionState.CALLING:
            self._cancel_wanted = headers
            return True
        if self.state is not TransactionState.PROCEEDING:
            return False
        self._cancel_wanted = headers
        self._send_cancel()
        return True

    def transport_failed(self) -> None:
        """Accepted: nothing is sent any more that could fail (RFC 6026 section 8.4). Else as the base class."""
        if self.state is not TransactionState.ACCEPTED:
            super().transport_failed()

    def _proceed(self) -> None:
        if self.state is TransactionState.CALLING:
            self._data = b""
            self._enter(TransactionState.PROCEEDING, self._timer_a, self._timer_b)
            if self._cancel_wanted is not None:
                self._send_cancel()

    def _accept(self) -> None:
        # What stays until Timer M stays for every call.
        self._data = b""
        self._enter(TransactionState.ACCEPTED, self._timer_a, self._timer_b, self._timer_cancel)
        # Rounded up: the calls answered within a second wake the loop once, and not each for itself.
        timers = self.layer.timers
        self._timer_m = Timer(timers, ceil(timers.clock() + self.layer.timeout), self._timer_m_expired)

    def _complete(self, response: Response) -> None:
        layer = self.layer
        data = self._ack(response).to_bytes()
        if self.flow.reliable:
            self._enter(TransactionState.TERMINATED, self._timer_a, self._timer_b, self._timer_cancel)
            layer.forget_client(self)
        else:
            self._enter(TransactionState.COMPLETED, self._timer_a, self._timer_b, self._timer_cancel)
            layer.finish_client(self, data, layer.config.timer_d)
        self.flow.send(data)

    def _ack(self, response: Response) -> Request:
        """The ACK to a non-2xx (17.1.1.3): the INVITE's top Via and routes, the response's To."""
        ack = self._derived("ACK")
        to = response.get("To")
        if to is not None:
            ack.set_header("To", to)
        return ack

    def _send_cancel(self) -> None:
        self.cancelled = True
        request = self._derived("CANCEL")
        for name, value in self._cancel_wanted or ():
            request.add_header(name, value)
        self._timer_cancel = self.layer.timers.call_later(self.layer.timeout, self._timer_cancel_expired)
        self.layer.send_cancel(self, request)

    def _derived(self, method: str) -> Request:
        """ACK or CANCEL: same Request-URI, top Via, From, To, Call-ID, CSeq number and routes as the INVITE."""
        invite = self.request
        request = Request(method, invite.uri)
        via = invite.get("Via")
        if via is not None:
            request.add_header("Via", via)
        for route in invite.get_all("Route"):
            request.add_header("Route", route)
        request.add_header("Max-Forwards", "70")
        for name in ("From", "To", "Call-ID"):
            value = invite.get(name)
            if value is not None:
                request.add_header(name, value)
        request.add_header("CSeq", f"{invite.cseq.number} {method}")
        return request

    def _timer_a_expired(self) -> None:
        timers = self.layer.timers
        if self._timer_b is None:
            self._timer_b = Timer(timers, self._ends_at, self._timer_b_expired)
        self.repeats += 1
        self._interval *= 2
        self._timer_a = timers.call_later(self._interval, self._timer_a_expired)
        self.flow.send(self._data)

    def _timer_b_expired(self) -> None:
        self._timed_out()

    def _timer_m_expired(self) -> None:
        self._enter(TransactionState.TERMINATED)
        self.layer.forget_client(self)
        self.user = NOBODY

    def _timer_cancel_expired(self) -> None:
        """9.1: no final response 64 * T1 after the CANCEL; the INVITE is considered dead."""
        self._timed_out()

    def _end(self) -> bool:
        if self.state is TransactionState.TERMINATED:
            return False
        self._enter(TransactionState.TERMINATED, self._timer_a, self._timer_b, self._timer_cancel, self._timer_m)
        self.layer.forget_client(self)
        return True
