"""Subscriptions that others have made here: a usage of a dialog, in the notifier's role (RFC 6665 4.2)."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.api import MAX_WAITING, Delivery
from asterism.applications.pubsub.base import NOTHING, Subscription
from asterism.applications.pubsub.subscription import ENDING_STATUSES, Action, Event, Machine, Role, State
from asterism.core.containment import FAILED, attempt
from asterism.hostport import format_host_port
from asterism.sip.nat_detection import rewrites_contact
from asterism.stack.dialog import Dialog
from asterism.stack.headers import Event as EventHeader
from asterism.stack.headers import NameAddr
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.pubsub.api import BodyGenerator, Notifier
    from asterism.applications.pubsub.registry import PubSub
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.timers import Timer
    from asterism.stack.transactions.client import ClientTransaction

_STACK_MAX_FORWARDS = ("Max-Forwards", "70")
"""The header that the stack puts into requests within a dialog; moved behind our own headers."""
_FOREIGN_FLOWS = frozenset(("WS", "WSS"))
"""Transports whose clients can be reached over their own connection only (RFC 7118 5.1)."""
_OLD_STATES = {"active": "active", "terminated": "terminated;reason=timeout"}
_PORTS = {"sip": 5060, "sips": 5061}


class IncomingSubscription(Subscription):
    """One subscription that has a dialog of its own."""

    __slots__ = (
        "_anew",
        "_counts_from",
        "_dirty",
        "_event",
        "_in_flight",
        "_last",
        "_queue",
        "_timer",
        "core",
        "dialog",
        "flow",
        "held",
        "machine",
        "mark",
        "occasion",
        "stored",
        "weight",
        "work",
    )  # fmt: skip

    required: ClassVar[str] = ""
    """The option tag that its messages require."""
    durable: ClassVar[bool] = True
    """Whether it may outlast the server."""

    def __init__(
        self, pubsub: PubSub, notifier: Notifier, generator: BodyGenerator | None, resource: str, rx: Rx, dialog: Dialog
    ) -> None:
        assert rx.endpoint is not None
        self.core = pubsub.core
        self.dialog = dialog
        self.flow: Flow = rx.flow
        self.machine = Machine(Role.NOTIFIER)
        super().__init__(pubsub, notifier, generator, rx.endpoint, resource, names_in(rx.request, rx.endpoint))
        self.work = self.core.create_work(f"pubsub/{self.endpoint.id}")
        self.weight = 1
        """Number of subscriptions that it counts as towards limits."""
        self.occasion = "ESTABLISHED"
        """Why the next NOTIFY is sent, as tests are told of it."""
        self.held = True
        """No NOTIFY may go out yet: the SUBSCRIBE is not answered."""
        self.stored: Any = None
        """Its durable row, where it has one."""
        self.mark = 0
        """The CSeq with which the row must be written again."""
        self._event = event_value(notifier.event, rx.request.typed(EventHeader))
        self._in_flight = False
        """A NOTIFY is on its way: the next one waits for its answer."""
        self._dirty = False
        """There is a new state to be told."""
        self._anew = False
        """The present state is to be told, new or not."""
        self._last: tuple[str | bytes, str, str] | None = None
        """Body, its type and Subscription-State of the last NOTIFY, while it waits for its turn."""
        self._counts_from = 0
        """The CSeq of the first NOTIFY to where the subscriber is now: what becomes of earlier ones says nothing."""
        self._queue: deque[Any] | None = None
        self._timer: Timer | None = None
        self._watch_flow()

    # For notifiers.

    @property
    def event(self) -> str:
        """The value of its Event header."""
        return self._event

    @property
    def call_id(self) -> str:
        """Its Call-ID."""
        return self.dialog.call_id

    @property
    def phase(self) -> State:
        """State of the subscription."""
        return self.machine.state

    @property
    def withheld(self) -> bool:
        """Whether it is not known yet, or was never granted, that the subscriber may be told."""
        return self.machine.withheld

    @property
    def remaining(self) -> int:
        """Seconds that are left."""
        return max(round(self.machine.ends_at - self.core.layer.timers.clock()), 0)

    def notify(self, state: Any) -> None:
        """Tell the subscriber; in its turn, and not while it is pending."""
        if self.machine.state is State.TERMINATED and not self.held:
            return
        if self.notifier.delivery is Delivery.EACH and self.state is not NOTHING:
            queue = self._queue
            if queue is None:
                queue = self._queue = deque()
            if len(queue) >= MAX_WAITING:
                self.end("giveup")
                return
            queue.append(state)
        else:
            self.state = state
        if not self.held and self.machine.see(Event.CHANGE) is Action.NOTIFY:
            self._dirty = True
            if not self._in_flight:
                self.work.push(self._go_on)

    def accept(self) -> None:
        """Take a subscription that was deferred: it is active from now on."""
        if self.machine.see(Event.ACCEPT) is Action.NOTIFY and not self.held:
            self.work.push(self._tell_now)

    def end(self, reason: str = "noresource", retry_after: int = 0) -> None:
        """End it, with a last NOTIFY.

        Args:
            reason: as in Subscription-State (RFC 6665 4.1.3).
            retry_after: seconds after which the subscriber may try again; 0 says nothing of it.
        """
        if self.machine.see(Event.END) is Action.NOTIFY_END:
            self.machine.reason, self.machine.retry_after = reason, retry_after
            self.work.push(self._finish)

    # For the service.

    def start(self) -> bool:
        """Have the notifier hear of it; whether that went well."""
        notifier = self.notifier
        name = f"on_subscribe of notifier '{notifier.event}'"
        return attempt(self.pubsub.log, name, FAILED, notifier.on_subscribe, self) is not FAILED

    def start_in_turns(self, done: Callable[[bool], None]) -> None:
        """The same, in several turns of the loop where it is much; ``done`` is told whether it went well."""
        done(self.start())

    def begin(self, seconds: int) -> None:
        """Begin a period of so many seconds from now; 0 for a subscription that only fetches the state."""
        timers = self.core.layer.timers
        self.machine.renew(timers.clock(), seconds)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timers.call_later(seconds, self._due) if seconds else None

    def release(self) -> None:
        """The SUBSCRIBE is answered: send the first NOTIFY, the last one as well if it only fetches."""
        self.held = False
        if self.machine.over:
            self._finish()
        else:
            self._dirty = self._dirty or bool(self._queue)  # what was told since it began, one after the other
            self._tell_now()

    def resume(self, stored: Any, ends_at: float) -> None:
        """A renewal could not be kept: it lasts as long as before (RFC 6665 4.1.2.2)."""
        self.stored = stored
        if stored is not None:
            self.mark = stored.cseq
        timers = self.core.layer.timers
        self.begin(max(math.ceil(ends_at - timers.clock()), 1))
        self.machine.ends_at = ends_at
        self.held = False
        self.work.push(self._go_on)

    def drop(self) -> None:
        """Drop a subscription that did not come about; no NOTIFY is sent."""
        self.machine.state = State.TERMINATED
        self._forget()

    def suspend(self) -> None:
        """The server stops: what is kept of it stays, for the next start."""
        self.stored = None
        self.drop()

    # As a usage of the dialog.

    def on_request(self, rx: Rx) -> bool | None:
        """A SUBSCRIBE within the dialog; all else is somebody else's."""
        request = rx.request
        if request.method != "SUBSCRIBE":
            return False
        event = request.typed(EventHeader)
        if event is None or not self._named_by(event):
            return False
        if self.machine.over:
            rx.respond(481)
            return True
        expires = request.expires
        seconds = within_limits(self.notifier.default_expires if expires is None else expires, self.endpoint)
        least = self.endpoint.sub_min_expiry
        if seconds and seconds < least:
            rx.respond(423, headers=(("Min-Expires", str(least)),))
            return True
        if rx.flow is not self.flow:
            self._leave_flow()
            self.flow = rx.flow
            self._watch_flow()
            # Where it was before, nobody may be left to answer.
            self._in_flight = False
            self._counts_from = (self.dialog.local_seq or 0) + 1
        take_target(self.dialog, rx)
        kept = (self.stored, self.machine.ends_at)
        action = self.machine.see(Event.REFRESH if seconds else Event.UNSUBSCRIBE)
        self.held = True
        if action is Action.ANSWER_AND_NOTIFY:
            self.begin(seconds)
            self._take_accept(request)
            self.occasion = "REFRESHED"
            self._tell("on_renewed")
        self.pubsub.answered(self, rx, seconds, kept=kept)
        return True

    def _named_by(self, event: EventHeader) -> bool:
        """Whether an Event header within the dialog means this subscription."""
        name = self.notifier.event
        return event.package == name.lower() and event_value(name, event) == self._event

    def _take_accept(self, request: Request) -> None:
        """Write what a renewal asks for; what cannot be written changes nothing."""
        accepted = accepted_types(request)
        found = self.pubsub.generator_for(self.notifier, accepted) if accepted else None
        if found is not None and found is not self.generator:
            self.generator = found
            self._told = NOTHING
            self._choose_supplements()

    def on_ack(self, request: Request) -> None:
        """No INVITE, no ACK."""

    # As the user of its NOTIFYs.

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """A NOTIFY was answered."""
        if response.status < 200 or (self._counts_from and self._is_old(transaction)):
            return
        if self._last is not None:
            self._send_last(response.status not in ENDING_STATUSES)
        else:
            self.work.push(self._answered, response)

    def on_timeout(self, transaction: ClientTransaction) -> None:
        """A NOTIFY was not answered (RFC 6665 4.2.2)."""
        self._not_answered(transaction, "a NOTIFY was not answered")

    def on_transport_error(self, transaction: Any) -> None:
        """A NOTIFY could not be sent."""
        self._not_answered(transaction, "a NOTIFY could not be sent")

    def _is_old(self, transaction: ClientTransaction) -> bool:
        return transaction.request.cseq.number < self._counts_from

    def _not_answered(self, transaction: ClientTransaction, why: str) -> None:
        if self._is_old(transaction):
            return
        if self._last is not None:
            self._send_last(False)
        else:
            self.work.push(self._try_anew, why)

    def _try_anew(self, why: str) -> None:
        """A NOTIFY failed: its subscriber is gone, unless it has renewed the subscription meanwhile."""
        if self._anew:
            self._in_flight = False
            self._go_on()
        else:
            self._failed(why)

    def _answered(self, response: Response) -> None:
        self._in_flight = False
        status = response.status
        if status >= 300:
            if status in ENDING_STATUSES or (status == 408 and not self.machine.over):
                self._failed(f"a NOTIFY was answered {status}")
                return
        else:
            self.dialog.receive_response(response)
        if self._dirty or self._anew:
            self._go_on()

    def _failed(self, why: str) -> None:
        self._in_flight = False
        if self.machine.see(Event.NOTIFY_FAILED) is Action.FORGET:
            self.pubsub.log.notice(
                "the subscription of %s to %s (%s) ended: %s", self.endpoint.id, self.resource, self.notifier.event, why
            )
            self._forget()

    def _watch_flow(self) -> None:
        if self.flow.transport in _FOREIGN_FLOWS:
            self.flow.on_error.append(self._flow_failed)

    def _leave_flow(self) -> None:
        if self._flow_failed in self.flow.on_error:
            self.flow.on_error.remove(self._flow_failed)

    def _flow_failed(self, flow: Flow, _error: Exception | None) -> None:
        if flow.closed:
            self.work.push(self._failed, "its connection is gone")

    def _due(self) -> None:
        self._timer = None
        self.work.push(self._expire)

    def _expire(self) -> None:
        if self.machine.see(Event.EXPIRE) is Action.NOTIFY_END:
            self._tell("on_expired")
            self._finish()

    # NOTIFY.

    def _tell_now(self) -> None:
        """Send the present state, unless a NOTIFY is on its way: then after the answer to it."""
        if self._in_flight:
            self._anew = True
        else:
            self._send()

    def _go_on(self) -> None:
        """Send what waits, unless a NOTIFY is on its way: the answer to it comes back here."""
        if self._in_flight or self.held or self.machine.state is State.TERMINATED:
            return
        if not self._anew:
            if not self._dirty:
                return
            self._dirty = False
            queue = self._queue
            if queue:
                self.state = queue.popleft()
                self._dirty = bool(queue)
        self._send()

    def _finish(self) -> None:
        """Send the last NOTIFY, unless one is held back until the SUBSCRIBE is answered; it is over."""
        if self.held:
            return
        if self._in_flight:
            self._last = (*self._body(), self.machine.header(self.core.layer.timers.clock()))
        else:
            self._send()
        self._forget()

    def _send_last(self, wanted: bool) -> None:
        """The turn of the last NOTIFY has come; ``wanted`` says whether its subscriber may be there."""
        last, self._last = self._last, None
        if wanted and last is not None:
            self._transmit(*last)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._leave_flow()
        self.core.dialogs.remove(self.dialog, self)
        self.pubsub.remove(self)
        if self.stored is not None:
            self.pubsub.store.remove(self)
        self._tell("on_terminated")
        self.state = self._told = NOTHING
        self._queue = None
        self.work.close()

    def _send(self) -> None:
        self._anew = False
        self._transmit(*self._body(), self.machine.header(self.core.layer.timers.clock()))

    def _test(self, state: str, sent: bool) -> None:
        """Tell tests of a NOTIFY, before and after it is sent."""
        tests, word = self.core.test_events, state.partition(";")[0].upper()
        if not sent:
            tests.send("SUBSCRIPTION_STATE_SET", (("StateText", word), ("Endpoint", self.endpoint.id)))
            return
        about = "TERMINATED" if word == "TERMINATED" else self.occasion
        tests.send(f"SUBSCRIPTION_{about}", (("Resource", self.resource),))

    def _transmit(self, body: str | bytes, content_type: str, state: str) -> None:
        core, dialog = self.core, self.dialog
        tested = core.test_events.wanted
        if tested:
            self._test(state, False)
        request = dialog.create_request("NOTIFY")
        if self.endpoint.habits.old_bodies:
            # No time, and a reason even where the subscriber has ended it.
            state = _OLD_STATES.get(state.partition(";expires")[0], state)
        common = self.pubsub.common_headers()
        if self.required:
            common = (common[0], ("Require", self.required), *common[1:])
        headers = request.headers
        if _STACK_MAX_FORWARDS in headers:
            headers.remove(_STACK_MAX_FORWARDS)
        request.add_lines((("Event", self._event), ("Subscription-State", state), *common))
        if body:
            # What set_body would do; the types are those of generators.
            types = self.endpoint.habits.body_types
            headers.append(("Content-Type", types.get(content_type, content_type) if types else content_type))
            request.body = body if isinstance(body, bytes) else body.encode("utf-8", "surrogateescape")
        if self.stored is not None and (dialog.local_seq or 0) >= self.mark and not self.machine.over:
            self.pubsub.store.save_quietly(self)
        self._in_flight = True
        core.send(request, self, self.endpoint, flow_within(dialog, self.flow), dialog.next_hop)
        if tested:
            self._test(state, True)
        self.occasion = "STATE_CHANGED"


def flow_within(dialog: Dialog, flow: Flow | None) -> Flow | None:
    """The flow of a subscription where it leads to the dialog's next hop; else the way must be looked for."""
    if flow is None or flow.closed:
        return None
    hop = dialog.next_hop
    host, port = flow.remote
    if hop.host == host and (hop.port or _PORTS.get(hop.scheme, 5060)) == port:
        return flow
    return flow if flow.reliable and not dialog.route_set else None


def take_target(dialog: Dialog, rx: Rx) -> None:
    """Aim requests at the Contact of ``rx``, or at where it came from, as the endpoint's ``rewrite_contact`` says.

    Where proxies put themselves between (Record-Route) the Contact is their affair, and the one next to us is reached
    where the request came from.
    """
    request, endpoint = rx.request, rx.endpoint
    dialog.update_target(request)
    if endpoint is None or not rewrites_contact(endpoint, request):
        return
    host, port = rx.flow.remote
    routes = dialog.route_set
    if not routes:
        if dialog.remote_target.is_sip:
            dialog.remote_target = dialog.remote_target.replace(host=host, port=port)
    elif not request.to.tag and routes[0].uri.is_sip:
        first = routes[0]
        routes[0] = NameAddr(first.display, first.uri.replace(host=host, port=port), first.params)


def within_limits(seconds: int, endpoint: Endpoint) -> int:
    """The time of a subscription, brought into the limits that the endpoint's driver keeps to silently; 0 stays 0."""
    least, most = endpoint.habits.subscription_limits
    if not seconds:
        return 0
    return max(min(seconds, most) if most else seconds, least)


def event_value(package: str, event: EventHeader | None) -> str:
    """The Event of a subscription's NOTIFYs: the ``id`` as it was received, quotes too (RFC 6665 8.2.1)."""
    raw = None if event is None else event.params.get("id")
    return f"{package};id={raw}" if raw else package


def names_in(request: Request, endpoint: Endpoint) -> tuple[str, str, str]:
    """The watched URI, the watcher's URI, and the User-Agent of a SUBSCRIBE."""
    watcher = request.from_.uri
    return (
        str(request.uri.replace(params={}, headers="", password=None)),
        str(
            watcher.replace(
                port=watcher.port if endpoint.habits.old_bodies else None, params={}, headers="", password=None
            )
        ),
        (request.get("User-Agent") or "")[:255],
    )


def accepted_types(request: Request) -> list[str]:
    """The content types of Accept, in lower case, without parameters, in order."""
    found = []
    for value in request.get_all("Accept"):
        for part in value.split(","):
            name = part.partition(";")[0].strip().lower()
            if name:
                found.append(name)
    return found


def contact_of(core: Any, endpoint: Endpoint, flow: Flow, own: str = "") -> str:
    """The Contact of our side of a dialog over ``flow``; its user is ``own`` where the endpoint has none for it."""
    where = core.state.layer.sent_by(flow)
    transport = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
    user = endpoint.contact_user
    if not user and own:
        user = str(Uri("sip", own, "host"))[4:-5]
    return f"<sip:{user}@{where}{transport}>" if user else f"<sip:{where}{transport}>"


def address_text(flow: Flow) -> str:
    """The remote address of a flow, for the log."""
    return f"{flow.transport}:{format_host_port(*flow.remote)}"
