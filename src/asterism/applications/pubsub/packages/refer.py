"""The event package ``refer`` (RFC 3515): what became of a REFER, in the dialog that it came in.

Nobody can ask for such a subscription: a REFER makes it, and whoever carries the REFER out tells it what to say
(:mod:`asterism.sip.implicit`). From then on it is a subscription as any other: it is listed, renewed and ended by
SUBSCRIBE, expires, and ends when a NOTIFY is refused.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.api import MAX_WAITING, Delivery, Notifier
from asterism.applications.pubsub.base import NOTHING
from asterism.applications.pubsub.incoming import IncomingSubscription, event_value
from asterism.applications.pubsub.registry import PubSub, pubsub
from asterism.applications.pubsub.subscription import Action, Event
from asterism.core.module import Module

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.pubsub.module import PubSubServer
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.dialog import Dialog
    from asterism.stack.headers import Event as EventHeader
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.client import ClientTransaction

PACKAGE = "refer"
CONTENT_TYPE = "message/sipfrag;version=2.0"
"""The type of the bodies (RFC 3420)."""
EXPIRES = 600
"""Seconds that a subscription lasts; renewed, as long as the renewal says."""


class ReferNotifier(Notifier):
    """Announces the package; refuses subscriptions that no REFER has made (RFC 3515 2.4.4)."""

    event: ClassVar[str] = PACKAGE
    default_expires: ClassVar[int] = EXPIRES
    delivery: ClassVar[Delivery] = Delivery.EACH

    def new_subscribe(self, endpoint: Endpoint, resource: str, rx: Rx) -> int:
        """Nobody may."""
        return 403


class ReferSubscription(IncomingSubscription):
    """A subscription that a REFER has made; see :class:`~asterism.sip.implicit.ImplicitSubscription`.

    It counts towards no limit of subscriptions: there are no more of them than calls.
    """

    __slots__ = ("_closing", "_ended", "_ending", "_id")

    durable: ClassVar[bool] = False

    def __init__(
        self, table: PubSub, notifier: Notifier, rx: Rx, dialog: Dialog, resource: str, ended: Callable[[], None] | None
    ) -> None:
        super().__init__(table, notifier, None, resource, rx, dialog)
        self.weight = 0
        self.held = False
        self._id = str(rx.request.cseq.number)
        if self.endpoint.habits.refer_at_once:
            self._event = f"{PACKAGE};id={self._id}"
        self._ended = ended
        self._closing: str | None = None
        """The reason of the end, once its last state waits for its turn."""
        self._ending = False
        """Whether the last NOTIFY waits for the answer to the one before."""
        self._queue = deque()
        self.machine.see(Event.SUBSCRIBE)
        self.machine.see(Event.ACCEPT)
        # As observed: a second less than the answer to the REFER says.
        self.begin(EXPIRES - 1)

    # For whoever carries out the REFER.

    def notify(self, state: Any) -> None:
        """Tell the subscriber, in its turn."""
        if self._closing is None:
            self._put(state)

    def close(self, body: str, reason: str = "noresource") -> None:
        """Tell the last, and end the subscription with it."""
        if self._closing is None:
            self._closing = reason
            self._put(body)

    def _put(self, state: Any) -> None:
        queue = self._queue
        if self.machine.over or queue is None:
            return
        if len(queue) >= MAX_WAITING:
            self.end("giveup")
            return
        queue.append(state)
        self._dirty = True
        self.work.push(self._go_on)

    # As a usage of the dialog.

    def _named_by(self, event: EventHeader) -> bool:
        """By the package alone, or with the CSeq number of the REFER as id (RFC 3515 2.4.6); kept from then on."""
        named = event.params.get("id")
        if event.package != PACKAGE or named not in (None, self._id):
            return False
        self._event = event_value(PACKAGE, event)
        return True

    def _take_accept(self, request: Request) -> None:
        """There is only one type."""

    def release(self) -> None:
        """A SUBSCRIBE within the dialog is answered: say again how it stands."""
        self.held = False
        if self.machine.over:
            self._finish()
        elif not self._queue and self.state is not NOTHING:
            self._put(self.state)
        else:
            self._go_on()

    # NOTIFY.

    def _body(self) -> tuple[str | bytes, str]:
        return ("", "") if self.state is NOTHING else (self.state, CONTENT_TYPE)

    def _go_on(self) -> None:
        queue = self._queue
        if self._in_flight or self.held or not queue or self.machine.over:
            return
        self.state = queue.popleft()
        self._dirty = bool(queue)
        if not queue and self._closing is not None and self.machine.see(Event.END) is Action.NOTIFY_END:
            self.machine.reason = self._closing
            self._finish()
        else:
            self._send()

    def _expire(self) -> None:
        self.machine.reason = "timeout"
        super()._expire()

    def _finish(self) -> None:
        self._ending = self._in_flight
        if not self._in_flight:
            super()._finish()

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """A NOTIFY was answered."""
        if response.status >= 200 and not self._goes_on():
            return
        super().on_response(transaction, response)

    def on_timeout(self, transaction: ClientTransaction) -> None:
        """A NOTIFY was not answered."""
        if self._goes_on():
            super().on_timeout(transaction)

    def on_transport_error(self, transaction: Any) -> None:
        """A NOTIFY could not be sent."""
        if self._goes_on():
            super().on_transport_error(transaction)

    def _goes_on(self) -> bool:
        """Whether the subscription lasts; if not, an answer has the last NOTIFY sent, or was the answer to that."""
        if not self.machine.over:
            return True
        self._in_flight = False
        if self._ending:
            self.work.push(self._finish)
        else:
            self._settle()
        return False

    def _forget(self) -> None:
        super()._forget()
        if not self._in_flight:
            self._settle()

    def _settle(self) -> None:
        """Nothing more will be sent."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()


class ReferSubscriptions:
    """Keeps the subscriptions (:class:`~asterism.sip.implicit.ImplicitSubscriptions`)."""

    expires: int = EXPIRES

    def __init__(self, table: PubSub, notifier: ReferNotifier) -> None:
        self._table = table
        self._notifier = notifier

    def open(self, rx: Rx, dialog: Dialog, resource: str, ended: Callable[[], None] | None = None) -> ReferSubscription:
        """Begin a subscription; nothing is sent."""
        made = ReferSubscription(self._table, self._notifier, rx, dialog, resource, ended)
        self._table.core.dialogs.add(dialog, made, made.work, made.endpoint)
        self._table.add(made)
        return made


class ReferModule(Module):
    """Registers the package."""

    name = "pubsub_refer"
    part_of = ("res_pjsip_refer",)
    requires = ("pubsub",)
    description = "SIP event package refer"

    def load(self, server: PubSubServer) -> None:
        """Keep the subscriptions that REFERs make."""
        table = pubsub(server)
        notifier = ReferNotifier()
        table.register_notifier(notifier)
        server.sip.implicit.register(server.owner, PACKAGE, ReferSubscriptions(table, notifier))
