"""The INVITE server transaction: RFC 3261 figure 7, with the Accepted state of RFC 6026."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.stack.message import make_response
from asterism.stack.timers import Timer
from asterism.stack.transactions.matching import tagged_bytes
from asterism.stack.transactions.server import ServerTransaction
from asterism.stack.transactions.state import TransactionState

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.layer import TransactionLayer


class InviteServerTransaction(ServerTransaction):
    """Answers an INVITE.

    ::

                           |INVITE
                           |pass to TU, 100 unless the TU answers within `trying`
                           V
                     +-----------+  INVITE: send last 1xx
                     |Proceeding |  1xx from TU: send
                     +-----------+
       300-699 from TU |      | 2xx from TU
       send            |      | send, repeat until ACK
                       V      V
           +-----------+      +-----------+  INVITE: absorb
           | Completed |      | Accepted  |  2xx from TU: send
           +-----------+      +-----------+  ACK: pass to TU
      ACK    |   |Timer H          |
             |   |tell TU          |Timer L (tell TU if there was no ACK)
             V   |                 |
     +-----------+                 |
     | Confirmed |                 |
     +-----------+                 |
        |Timer I                   |
        V                          V
              +-----------------------+
              |      Terminated       |
              +-----------------------+

    In Completed, Timer G repeats the response (unreliable flows) and a retransmitted INVITE is answered by it.
    The repetition of a 2xx is the UAS core's duty in the RFC (13.3.1.4); it is done here because it ends where
    this machine's Timer L does. Confirmed, and Accepted once the ACK came, live in the layer's table of finished
    transactions, whose expiry is Timer I or what is left of Timer L.
    """

    __slots__ = (
        "_refresh_at",
        "_timer_2xx",
        "_timer_100",
        "_timer_g",
        "_timer_h",
        "_timer_l",
        "_timer_refresh",
    )

    def __init__(self, layer: TransactionLayer, request: Request, flow: Flow, key: str, merged_key: str) -> None:
        super().__init__(layer, request, flow, key, merged_key)
        self._timer_100: Timer | None = None
        """When a 100 is due (17.2.1)."""
        self._timer_refresh: Timer | None = None
        """Looks every minute whether the last provisional has to be repeated (13.3.1.1)."""
        self._refresh_at = 0.0
        """When that is, on the clock of the timers; a minute after the last provisional."""
        self._timer_2xx: Timer | None = None
        """Repeats the 2xx until the ACK comes (13.3.1.4)."""
        self._timer_l: Timer | None = None
        self._timer_g: Timer | None = None
        self._timer_h: Timer | None = None

    def arm(self) -> None:
        """Send 100 soon unless the user answers first (17.2.1)."""
        if self._timer_100 is None and self.status == 0 and self.state is TransactionState.PROCEEDING:
            self._timer_100 = self.layer.timers.call_later(self.layer.config.trying, self._timer_100_expired)

    def respond(self, response: Response) -> bool:
        """Send a response (see the base class)."""
        state = self.state
        status = response.status
        if state is TransactionState.PROCEEDING:
            self.last_response = data = tagged_bytes(response, self.layer.tag_of, self.key)
            self.status = status
            if status < 200:
                # 13.3.1.1: it is repeated every minute, so that no proxy on the way gives up.
                timers = self.layer.timers
                self._refresh_at = timers.clock() + self.layer.config.refresh_provisional
                if self._timer_refresh is None:
                    if self._timer_100 is not None:
                        self._timer_100.cancel()
                    self._timer_refresh = Timer(timers, self._refresh_at, self._timer_refresh_expired)
            elif status < 300:
                self._accept(response)
            else:
                self._complete()
            if status > 100 and self.flow.closed:
                self.layer.reconnect(self)
            self.flow.send(data)
            return True
        if state is TransactionState.ACCEPTED and 200 <= status < 300:
            self.last_response = data = tagged_bytes(response, self.layer.tag_of, self.key)
            self.send(data)
            return True
        return False

    def say_once(self) -> None:
        """Repeat the refusal that was sent only when the request comes again, and not by Timer G.

        For what answers a datagram whose source is anybody's word: it must not cost that source ten times as much.
        """
        if self.state is TransactionState.COMPLETED and self._timer_g is not None:
            self._timer_g.cancel()
            self._timer_g = None
            self._timer_h = self._timer_h or Timer(self.layer.timers, self._ends_at, self._timer_h_expired)

    def receive_retransmission(self) -> None:
        """Proceeding and Completed: send the last response again. Accepted: absorb."""
        if self.last_response and self.state is not TransactionState.ACCEPTED:
            self.flow.send(self.last_response)

    def receive_ack(self) -> None:
        """An ACK that matches this transaction: Completed goes to Confirmed, which only absorbs."""
        if self.state is TransactionState.COMPLETED:
            if self.flow.reliable:
                self._enter(TransactionState.TERMINATED, self._timer_g, self._timer_h)
                self.layer.forget_server(self)
            else:
                self._enter(TransactionState.CONFIRMED, self._timer_g, self._timer_h)
                self.layer.finish_server(self, b"", self.layer.config.t4)

    def acknowledged(self) -> None:
        """The ACK to the 2xx came: stop repeating, absorb late INVITEs until Timer L."""
        if self.state is TransactionState.ACCEPTED:
            self._enter(TransactionState.TERMINATED, self._timer_2xx, self._timer_l)
            self.layer.finish_server(self, b"", max(0.0, self._ends_at - self.layer.timers.clock()))

    def transport_failed(self) -> None:
        """The response could not be sent: tell the user, end (17.2.4).

        Proceeding goes on if the connection has merely closed: the next response may go over a new one. So does
        Accepted: the ACK may come over another flow, else Timer L tells the user.
        """
        if self.state is TransactionState.ACCEPTED:
            return
        if self.state is TransactionState.PROCEEDING and self.layer.can_reconnect(self):
            return
        if self._end():
            self.layer.user.on_response_error(self)

    def _accept(self, response: Response) -> None:
        layer = self.layer
        self._enter(TransactionState.ACCEPTED, self._timer_100, self._timer_refresh)
        self._interval = layer.t1
        now = layer.timers.clock()
        self._ends_at = now + layer.timeout
        if layer.timeout <= layer.t1:
            self._timer_l = Timer(layer.timers, self._ends_at, self._timer_l_expired)
        else:
            self._timer_2xx = Timer(layer.timers, now + layer.t1, self._timer_2xx_expired)
        layer.await_ack(self, response)

    def _complete(self) -> None:
        layer = self.layer
        self._enter(TransactionState.COMPLETED, self._timer_100, self._timer_refresh)
        # Not after a 2xx: its call goes on, and a late branch of it would be a second one.
        layer.release_merged(self)
        now = layer.timers.clock()
        self._interval = layer.t1
        self._ends_at = now + layer.timeout
        if self.flow.reliable or layer.timeout <= layer.t1:
            self._timer_h = Timer(layer.timers, self._ends_at, self._timer_h_expired)
        else:
            self._timer_g = Timer(layer.timers, now + layer.t1, self._timer_g_expired)

    def _timer_100_expired(self) -> None:
        self._timer_100 = None
        if self.status == 0 and self.state is TransactionState.PROCEEDING:
            self.respond(make_response(self.request, 100))

    def _timer_refresh_expired(self) -> None:
        timers = self.layer.timers
        if self._timer_refresh is None or self._timer_refresh.when == self._refresh_at:
            self._refresh_at = timers.clock() + self.layer.config.refresh_provisional
            self.send(self.last_response)
        # Else another one was sent since then, and is good for a minute of its own.
        self._timer_refresh = Timer(timers, self._refresh_at, self._timer_refresh_expired)

    def _timer_2xx_expired(self) -> None:
        """13.3.1.4: the 2xx again, T1 doubling up to T2, over any transport."""
        layer = self.layer
        if self._timer_l is None:
            self._timer_l = Timer(layer.timers, self._ends_at, self._timer_l_expired)
        self._interval = min(self._interval * 2, layer.t2)
        self._timer_2xx = layer.timers.call_later(self._interval, self._timer_2xx_expired)
        self.send(self.last_response)

    def _timer_g_expired(self) -> None:
        layer = self.layer
        if self._timer_h is None:
            self._timer_h = Timer(layer.timers, self._ends_at, self._timer_h_expired)
        self._interval = min(self._interval * 2, layer.t2)
        self._timer_g = layer.timers.call_later(self._interval, self._timer_g_expired)
        self.flow.send(self.last_response)

    def _timer_h_expired(self) -> None:
        self._end()
        self.layer.user.on_ack_timeout(self)

    def _timer_l_expired(self) -> None:
        self._end()
        self.layer.user.on_ack_timeout(self)

    def _end(self) -> bool:
        if self.state is TransactionState.TERMINATED:
            return False
        self._enter(
            TransactionState.TERMINATED,
            self._timer_100,
            self._timer_refresh,
            self._timer_2xx,
            self._timer_l,
            self._timer_g,
            self._timer_h,
        )
        self.layer.forget_server(self)
        return True
