"""Subscriptions that we make: the subscriber's role (RFC 6665 4.1).

A dialog begins with the first NOTIFY, not with the answer to SUBSCRIBE (4.4.1): either may come first, and a SUBSCRIBE
that forked brings NOTIFYs of several notifiers, each in a dialog, and a subscription, of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.pubsub.incoming import flow_within, take_target
from asterism.applications.pubsub.outbound.attempt import MAX_SECONDS, Attempt, seconds_of
from asterism.applications.pubsub.subscription import ENDING_STATUSES, Action, Event, Machine, Role, State
from asterism.core.containment import attempt
from asterism.stack.dialog import Dialog
from asterism.stack.errors import ParseError
from asterism.stack.headers import Event as EventHeader
from asterism.stack.headers import SubscriptionState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from asterism.applications.pubsub.api import Subscriber
    from asterism.applications.pubsub.outbound.table import OutgoingTable
    from asterism.sip.dialogs import DialogEntry
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.timers import Timer
    from asterism.stack.uri import Uri

MARGIN = 10.0
"""Seconds before the end at which a subscription is renewed; half its time where that is shorter."""
SHORTEST = 1.0
"""Seconds that pass at least before it is renewed, whatever the notifier says of its time."""
MAX_FORKS = 8
"""Subscriptions that one SUBSCRIBE may bring; further notifiers are answered 481."""
_MAX_ROUNDS = 5
"""Largest number of times that one attempt is repeated after a 423."""
_TOLD = {"active": Event.TOLD_ACTIVE, "terminated": Event.TOLD_TERMINATED}
"""Events by the Subscription-State of a NOTIFY; an unknown state counts as pending."""
_AT_ONCE = frozenset(("deactivated", "timeout"))
_UNREADABLE = {413: "its body is too large", 415: "its body is of a type that is not read"}
_NEVER = frozenset(("rejected", "noresource", "invariant"))


class OutgoingSubscription:
    """One subscription of ours, as :class:`~asterism.applications.pubsub.api.Subscriber` sees it.

    Attributes:
        subscriber: whose it is.
        endpoint: whom we ask, ``None`` where no endpoint was named.
        target: the Request-URI of the SUBSCRIBE, as text.
        origin: the subscription whose SUBSCRIBE brought it: itself, but for those of further notifiers.
        data: for the subscriber, and nobody else; further notifiers' subscriptions begin with that of their origin.
        options: what the subscriber is to know of it: ``@`` options and mailbox of an ``outbound-subscription``.
        status: the answer that a SUBSCRIBE of it was refused with last, 0 before; 408 and 503 also where none came.
        machine: where it stands; ``reason`` and ``retry_after`` say why it ended (4.1.3).
    """

    __slots__ = (
        "_attempt",
        "_event",
        "_left",
        "_parting",
        "_renewing",
        "_request",
        "_table",
        "_timer",
        "_timer_n",
        "_watched",
        "data",
        "dialog",
        "endpoint",
        "flow",
        "forks",
        "machine",
        "on_over",
        "options",
        "origin",
        "seconds",
        "status",
        "subscriber",
        "target",
        "work",
    )  # fmt: skip

    def __init__(
        self, table: OutgoingTable, subscriber: Subscriber, endpoint: Endpoint | None, request: Request, seconds: int
    ) -> None:
        self._table = table
        self.subscriber = subscriber
        self.endpoint = endpoint
        self.target = str(request.uri)
        self.origin = self
        self.forks = 0
        """Number of notifiers that have answered."""
        self.data: Any = None
        self.options: Mapping[str, str] = {}
        self.on_over: Callable[[OutgoingSubscription], None] | None = None
        """Called after the subscriber when the subscription is over, for the owner of this object."""
        self.status = 0
        self.seconds = seconds
        """Requested duration in seconds."""
        self.machine = Machine(Role.SUBSCRIBER)
        self.dialog: Dialog | None = None
        self.flow: Flow | None = None
        self.work = table.core.create_work(f"pubsub/out/{endpoint.id if endpoint is not None else request.uri.host}")
        self._event = request.typed(EventHeader) or EventHeader(subscriber.event)
        self._request = request
        self._attempt: Attempt | None = None
        self._timer: Timer | None = None
        self._timer_n: Timer | None = None
        self._renewing = False
        self._left = False
        self._parting = False
        """Whether the SUBSCRIBE that ends it was sent."""
        self._watched: Flow | None = None

    def __repr__(self) -> str:
        return f"<OutgoingSubscription to {self.target} ({self.subscriber.event})>"

    # For subscribers.

    @property
    def event(self) -> str:
        """The value of its Event header."""
        return str(self._event)

    @property
    def call_id(self) -> str:
        """Its Call-ID."""
        return self._request.call_id

    @property
    def phase(self) -> State:
        """State of the subscription."""
        return self.machine.state

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.machine.over

    @property
    def left(self) -> bool:
        """Whether it was us who ended it, or are about to."""
        return self._left

    @property
    def remaining(self) -> int:
        """Seconds that are left."""
        return max(round(self.machine.ends_at - self._clock()), 0)

    def end(self) -> None:
        """Unsubscribe; ``on_terminated`` follows with the last NOTIFY, or when none comes."""
        self.work.push(self._end)

    def renew(self) -> None:
        """Renew it now, which has its notifier tell how things are."""
        self.work.push(self._renew)

    def wait_before_next(self, usual: float) -> float | None:
        """Seconds until a subscription that has ended may be tried anew (RFC 6665 4.1.3).

        Args:
            usual: seconds to wait where nobody has said how long.

        Returns:
            Seconds, ``None`` for never.
        """
        machine = self.machine
        if machine.retry_after:
            return float(machine.retry_after)
        if machine.reason in _NEVER:
            return None
        return 0.0 if machine.reason in _AT_ONCE or self.status == 481 else usual

    # SUBSCRIBE.

    def begin(self) -> None:
        """Send the first SUBSCRIBE."""
        request = self._request
        self.machine.see(Event.SEND)
        self._table.expect(self, request.call_id, request.from_.tag or "")
        self._transmit(Attempt(self, self.seconds), request, None)

    def _clock(self) -> float:
        return self._table.core.layer.timers.clock()

    def _transmit(self, subscribe: Attempt, request: Request, flow: Flow | None, hop: Uri | None = None) -> None:
        self._attempt = subscribe
        self._await_notify()
        subscribe.outgoing = self._table.core.send(request, subscribe, self.endpoint, flow, hop)

    def _in_dialog(self, seconds: int, rounds: int = 0) -> None:
        dialog = self.dialog
        assert dialog is not None
        request = dialog.create_request("SUBSCRIBE")
        for name, value in self._table.lines(self, seconds):
            request.set_header(name, value)
        self._transmit(Attempt(self, seconds, rounds), request, flow_within(dialog, self.flow), dialog.next_hop)

    def _end(self) -> None:
        if self.machine.see(Event.END) is not Action.UNSUBSCRIBE:
            return
        self._left = True
        self._cancel_timer()
        self._part()

    def _part(self) -> None:
        """Send the last SUBSCRIBE: once there is a dialog to send it in, and the one before is answered."""
        ending = self.machine.state is State.ENDING
        if ending and self.dialog is not None and self._attempt is None and not self._parting:
            self._parting = True
            self._in_dialog(0)

    def _renew(self) -> None:
        if self._attempt is not None or self.dialog is None or self.machine.see(Event.RENEW) is not Action.SUBSCRIBE:
            return
        name = f"on_renew of subscriber '{self.subscriber.event}'"
        seconds = attempt(self._table.log, name, 0, self._asked)
        if seconds > 0 and not self.machine.over:
            self._renewing = True
            self.seconds = seconds
            self._in_dialog(seconds)
            self._at(self.machine.ends_at, self._expired)

    def _asked(self) -> int:
        return int(self.subscriber.on_renew(self))

    def _heard(self, notify: Request) -> int:
        return int(self.subscriber.on_notify(self, notify) or 200)

    def _resend(self, subscribe: Attempt, seconds: int) -> None:
        """Send the SUBSCRIBE once more, with another duration (423)."""
        self.seconds = seconds
        rounds = subscribe.rounds + 1
        if self.dialog is not None:
            self._in_dialog(seconds, rounds)
            return
        outgoing = subscribe.outgoing
        last = self._request if outgoing is None else outgoing.request
        again = last.copy()
        for name in ("Via", "Authorization", "Proxy-Authorization"):
            again.remove_header(name)
        again.set_header("CSeq", f"{last.cseq.number + 1} SUBSCRIBE")
        again.set_header("Expires", str(seconds))
        self._transmit(Attempt(self, seconds, rounds), again, None if outgoing is None else outgoing.flow)

    # What comes back.

    def answered(self, subscribe: Attempt, response: Response) -> None:
        """A final answer."""
        if subscribe is not self._attempt:
            return
        status = response.status
        if status < 300:
            self._granted(subscribe, response)
            return
        if status == 423 and subscribe.seconds and subscribe.rounds < _MAX_ROUNDS:
            least = seconds_of(response, "Min-Expires")
            if least > subscribe.seconds:
                self._resend(subscribe, least)
                return
        self.failed(subscribe, status, f"{status} {response.reason}", seconds_of(response, "Retry-After"))

    def _granted(self, subscribe: Attempt, response: Response) -> None:
        self._sent(subscribe)
        self.machine.see(Event.SUBSCRIBE_OK)
        dialog = self.dialog
        if dialog is not None and dialog.remote_tag == (response.to.tag or ""):
            dialog.receive_response(response)
        if subscribe.seconds and not subscribe.told:
            try:
                expires = response.expires
            except ParseError as error:
                # It was granted all the same: for as long as was asked for.
                self._table.log.notice("the answer of %s to SUBSCRIBE: %s", self.target, error.message)
                expires = None
            self._lasts(subscribe.seconds if expires is None else min(expires, subscribe.seconds))
        self._part()

    def _sent(self, subscribe: Attempt) -> None:
        """Note the number and the connection of a SUBSCRIBE that was answered."""
        self._attempt = None
        self._renewing = False
        outgoing = subscribe.outgoing
        if outgoing is None:
            return
        dialog = self.dialog
        if dialog is None:
            self._request = outgoing.request
        else:
            dialog.local_seq = max(dialog.local_seq or 0, outgoing.request.cseq.number)
        flow = outgoing.flow
        if flow is not None and not flow.closed:
            self.flow = flow
            if flow.reliable:
                self._watch(flow)

    def failed(self, subscribe: Attempt, status: int, why: str = "no answer", retry_after: int = 0) -> None:
        """The SUBSCRIBE was refused, not answered, or could not be sent."""
        if subscribe is not self._attempt:
            return
        self._sent(subscribe)
        machine = self.machine
        self.status = status
        fatal = status in ENDING_STATUSES
        if machine.see(Event.SUBSCRIBE_REFUSED if fatal else Event.SUBSCRIBE_FAILED) is Action.TELL_END:
            machine.retry_after = retry_after
            self._table.log.notice(
                "the subscription to %s (%s) has ended: %s", self.target, self.subscriber.event, why
            )  # fmt: skip
            self._over()
        elif not machine.over and machine.state is not State.ENDING:
            # It lasts until its time is over (4.1.2.2).
            self._stop_waiting()
            left = machine.ends_at - self._clock()
            again = retry_after or max(left / 2, SHORTEST)
            if again < left:
                self._at(self._clock() + again, self._renewal_due)
            else:
                self._at(machine.ends_at, self._expired)

    # NOTIFY, as a usage of the dialog.

    def on_request(self, rx: Rx) -> bool | None:
        """A NOTIFY of this subscription; all else is somebody else's."""
        request = rx.request
        if request.method != "NOTIFY" or not self.concerns(request):
            return False
        told = request.typed(SubscriptionState)
        if told is None:
            rx.respond(400, "Missing Subscription-State")
            return True
        machine, dialog = self.machine, self.dialog
        if machine.over or dialog is None:
            rx.respond(481)
            return True
        take_target(dialog, rx)
        if self.flow is None:
            self.flow = rx.flow
        action = machine.see(_TOLD.get(told.state, Event.TOLD_PENDING))
        if self._attempt is not None:
            self._attempt.told = True
        if action is Action.NOTHING:
            # It is being ended, and this is not the last one, which is waited for no longer than Timer N.
            rx.respond(200)
            self._part()
            return True
        self._stop_waiting()
        if action is Action.TELL_END:
            machine.reason, machine.retry_after = told.reason, min(told.retry_after or 0, MAX_SECONDS)
        elif told.expires is not None:
            self._lasts(min(told.expires, self.seconds))
        elif not machine.ends_at:
            self._lasts(self.seconds)
        self._tell(rx)
        if action is Action.TELL_END:
            self._over()
        return True

    def on_ack(self, request: Request) -> None:
        """No INVITE, no ACK."""

    def concerns(self, request: Request) -> bool:
        """Whether a NOTIFY is of this package and ``id``. Raises ``ParseError``."""
        event = request.typed(EventHeader)
        mine = self._event
        return event is not None and event.package == mine.package and (event.id or "") == (mine.id or "")

    def _tell(self, rx: Rx) -> None:
        """Have the subscriber read a NOTIFY, and answer what it says."""
        request, subscriber = rx.request, self.subscriber
        headers: tuple[tuple[str, str], ...] = ()
        why = "its subscriber does not take it"
        try:
            status = self._unreadable(request)
            if status:
                why = _UNREADABLE[status]
            else:
                name = f"on_notify of subscriber '{subscriber.event}'"
                status = attempt(self._table.log, name, 500, self._heard, request, passing=(ParseError,))
            if status == 415:
                headers = (("Accept", ", ".join(subscriber.accept)),)
        except ParseError as error:
            status, why = error.status, error.message
        if status >= 300:
            self._table.log.notice(
                "a NOTIFY from %s (%s, Call-ID %r) is refused with %d: %s",
                self.target, self.event, self.call_id, status, why,
            )  # fmt: skip
        if not rx.answered:
            rx.respond(status, headers=headers)

    def _unreadable(self, request: Request) -> int:
        """The status to refuse the body with, 0 if it can be read. Raises ``ParseError``."""
        body = request.body
        if not body:
            return 0
        if len(body) > self.subscriber.max_body:
            return 413
        media = request.content_type
        accepted = self.subscriber.accept
        found = "" if media is None else f"{media.type}/{media.subtype}".lower()
        return 0 if not accepted or found in accepted else 415

    # Dialogs.

    def entry_for(self, notify: Request) -> DialogEntry | None:
        """The dialog that a NOTIFY from a new notifier begins, ``None``: none (481). Raises ``ParseError``."""
        if notify.method != "NOTIFY" or not self.concerns(notify):
            return None
        dialog = Dialog.subscriber(self._last(), notify)
        # The handler of the request checks its CSeq number and then stores it.
        dialog.remote_seq = None
        owner: OutgoingSubscription | None = self
        if self.dialog is not None:
            owner = self._sibling()
        if owner is None:
            return None
        self.forks += 1
        owner.dialog = dialog
        return self._table.core.dialogs.add(dialog, owner, owner.work, self.endpoint)

    def _last(self) -> Request:
        """The latest SUBSCRIBE outside a dialog."""
        running = self._attempt
        if self.dialog is None and running is not None and running.outgoing is not None:
            return running.outgoing.request
        return self._request

    def _sibling(self) -> OutgoingSubscription | None:
        """The subscription at a further notifier, where the package has such."""
        if not self.subscriber.forks or self.forks >= MAX_FORKS or self.machine.state is State.ENDING:
            return None
        found = OutgoingSubscription(self._table, self.subscriber, self.endpoint, self._request, self.seconds)
        found.origin = self
        found.data, found.options = self.data, self.options
        found.flow = self.flow
        found.machine.see(Event.SEND)
        self._table.add(found)
        return found

    # Time.

    def _lasts(self, seconds: int) -> None:
        """Set the end to so many seconds from now, and renew before."""
        machine, now = self.machine, self._clock()
        machine.renew(now, min(seconds, MAX_SECONDS))
        if machine.state is State.ENDING or machine.over:
            return
        if not self.seconds:
            self._at(now, self._expired)
            return
        if self._watched is not None:
            self._watched.kept_until = max(self._watched.kept_until, machine.ends_at)
        # A notifier that gives no time at all is asked again all the same, and hears Timer N meanwhile.
        self._at(now + max(seconds - MARGIN, seconds / 2, SHORTEST), self._renewal_due)

    def _renewal_due(self) -> None:
        """Renew it; what the subscriber lets run out ends in its time."""
        if self._attempt is not None:
            self._at(max(self.machine.ends_at, self._clock() + SHORTEST), self._expired)
            return
        self._renew()
        if self._timer is None and not self.machine.over:
            self._at(self.machine.ends_at, self._expired)

    def _expired(self) -> None:
        if self._renewing:
            # The answer to the renewal decides, or Timer N.
            return
        if self.machine.see(Event.EXPIRE) is Action.TELL_END:
            self.machine.reason = "timeout"
            self._over()

    def _at(self, when: float, what: Any) -> None:
        self._cancel_timer()
        timers = self._table.core.layer.timers
        self._timer = timers.call_later(max(when - timers.clock(), 0.0), self._fire, what)

    def _fire(self, what: Any) -> None:
        self._timer = None
        self.work.push(what)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _await_notify(self) -> None:
        """Start Timer N (4.1.2.4)."""
        self._stop_waiting()
        layer = self._table.core.layer
        self._timer_n = layer.timers.call_later(layer.timeout, self._timer_n_fired)

    def _stop_waiting(self) -> None:
        if self._timer_n is not None:
            self._timer_n.cancel()
            self._timer_n = None

    def _timer_n_fired(self) -> None:
        self._timer_n = None
        self.work.push(self._no_notify)

    def _no_notify(self) -> None:
        if self.machine.see(Event.TIMER_N) is Action.TELL_END:
            self._table.log.notice(
                "the subscription to %s (%s) has ended: no NOTIFY came", self.target, self.subscriber.event
            )  # fmt: skip
            self._over()

    # The connection.

    def _watch(self, flow: Flow) -> None:
        if flow is not self._watched:
            self._leave_flow()
            self._watched = flow
            flow.on_error.append(self._flow_failed)
        flow.kept_until = max(flow.kept_until, self._clock() + self.seconds)

    def _leave_flow(self) -> None:
        flow, self._watched = self._watched, None
        if flow is not None and self._flow_failed in flow.on_error:
            flow.on_error.remove(self._flow_failed)

    def _flow_failed(self, flow: Flow, _error: Exception | None) -> None:
        """The way in for NOTIFYs is gone: renew over a new one."""
        if flow.closed and flow is self._watched:
            self._leave_flow()
            self.flow = None
            self.work.push(self._renew)

    # The end.

    def drop(self) -> None:
        """Forget it without a word to anybody."""
        self.machine.state = State.TERMINATED
        self._forget()

    def _over(self) -> None:
        self._forget()
        name = f"on_terminated of subscriber '{self.subscriber.event}'"
        attempt(self._table.log, name, None, self.subscriber.on_terminated, self)
        if self.on_over is not None:
            self.on_over(self)

    def _forget(self) -> None:
        self._cancel_timer()
        self._stop_waiting()
        self._leave_flow()
        self._attempt = None
        core = self._table.core
        if self.dialog is not None:
            core.dialogs.remove(self.dialog, self)
        self._table.remove(self)
        self.work.close()
