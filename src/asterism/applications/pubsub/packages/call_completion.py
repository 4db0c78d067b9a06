"""The package ``call-completion`` (RFC 6910): callers that ask by themselves, and called parties that are asked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.api import Delivery, Notifier, Subscriber
from asterism.applications.pubsub.bodies.call_completion import (
    PIDF,
    QUEUED,
    READY,
    TYPE,
    CompletionState,
    availability_text,
    read_availability,
    read_completion,
)
from asterism.applications.pubsub.outbound.table import SubscribeError
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module
from asterism.pbx.calls.completion.agents import Agent
from asterism.pbx.calls.completion.machine import State
from asterism.pbx.calls.completion.monitors import CCBS, CCNR, Monitor
from asterism.pbx.calls.completion.parameters import Parameters
from asterism.sip.decision import Decision, Outcome
from asterism.sip.devices import TECHNOLOGIES
from asterism.sip.identifiers.lookup import user_part
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.sending import SendError
from asterism.sip.service import Service
from asterism.stack.errors import ParseError
from asterism.stack.headers import Event as EventHeader
from asterism.stack.headers import NameAddr
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.pubsub.base import Subscription
    from asterism.applications.pubsub.module import PubSubServer
    from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
    from asterism.applications.pubsub.registry import PubSub
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.client import ClientTransaction

EVENT = "call-completion"
MODES = {CCBS: "BS", CCNR: "NR"}
"""The ``m`` parameter of each service (RFC 6910 5.2)."""
PUBLISHED = 3600
"""Seconds that a suspension lasts, at most."""


class NativeAgent(Agent):
    """The caller subscribes to a URI that its failed call was answered with; what is told goes there."""

    kind: ClassVar[str] = "native"

    def __init__(self, package: CallCompletion, caller: Channel, parameters: Parameters) -> None:
        super().__init__(package.pbx, caller.device, parameters.cc_max_agents)
        self.endpoint = caller.device.partition("/")[2]
        self._package = package
        self.number = caller.caller.number
        self.token = package.core.random(12).hex()
        self.subscription: Subscription | None = None
        package.agents[self.token] = self

    def acknowledged(self) -> None:
        """The request is in the queue."""
        self._tell(QUEUED)

    def callee_ready(self) -> None:
        """It is this caller's turn."""
        transaction = self.transaction
        if transaction is not None and self._tell(READY):
            transaction.wait_for_caller()

    def callee_busy(self) -> None:
        """It is this caller's turn no longer."""
        self._tell(QUEUED)

    def _tell(self, state: str) -> bool:
        subscription, transaction = self.subscription, self.transaction
        if subscription is None or transaction is None:
            return False
        uri = ""
        if state == READY:
            contact = NameAddr.parse(self._package.contact_of(subscription)).uri
            mode = MODES[transaction.monitors[0].service] if transaction.monitors else "BS"
            uri = str(contact.replace(user=transaction.exten, params={"m": mode}))
        subscription.notify(CompletionState(state, uri))
        return True

    def ended(self) -> None:
        """The subscription ends, and the URI means nothing any more."""
        self._package.agents.pop(self.token, None)
        subscription, self.subscription = self.subscription, None
        self.transaction = None
        if subscription is not None and not subscription.over:
            subscription.end("noresource")


class CompletionNotifier(Notifier):
    """Takes the requests of callers."""

    event: ClassVar[str] = EVENT
    accept: ClassVar[str] = TYPE
    delivery: ClassVar[Delivery] = Delivery.EACH

    def __init__(self, package: CallCompletion) -> None:
        self._package = package

    def new_subscribe(self, endpoint: Endpoint, resource: str, rx: Rx) -> int:
        """404 where nothing is offered (any more), 403 for what another was; 480 when there are too many requests."""
        agent = self._package.agents.get(resource)
        if agent is None or agent.transaction is None:
            return 404
        if agent.endpoint != endpoint.id or agent.subscription is not None:
            return 403
        completion = self._package.pbx.completion
        return 480 if completion.asked >= completion.settings.cc_max_requests else 200

    def on_subscribe(self, subscription: Subscription) -> None:
        """The caller requests completion."""
        agent = self._package.agents.get(subscription.resource)
        transaction = None if agent is None else agent.transaction
        if agent is None or transaction is None or agent.subscription is not None:
            subscription.end("noresource")
            return
        if not subscription.remaining:
            subscription.notify(CompletionState(QUEUED))  # it only asks, for no time
            return
        subscription.data = agent
        agent.subscription = subscription
        if not transaction.request() and not subscription.over:
            subscription.end("noresource")

    def on_terminated(self, subscription: Subscription) -> None:
        """The caller wants it no more, unless it has called."""
        agent = subscription.data
        if not isinstance(agent, NativeAgent) or agent.subscription is not subscription:
            return
        agent.subscription = None
        transaction = agent.transaction
        if transaction is not None and transaction.state is not State.RECALLING:
            transaction.fail("the caller has ended its subscription")

    def fields(self, subscription: Subscription) -> list[tuple[str, str]]:
        """The number of the completion."""
        transaction = subscription.data.transaction if isinstance(subscription.data, NativeAgent) else None
        return [] if transaction is None else [("CoreID", str(transaction.number))]


class AvailabilityService(Service):
    """Takes the PUBLISH by which a caller suspends and resumes its request (RFC 6910 6.5)."""

    name: ClassVar[str] = "call_completion"
    priority: ClassVar[int] = 79
    methods: ClassVar[frozenset[str]] = frozenset({"PUBLISH"})

    def __init__(self, package: CallCompletion) -> None:
        self._package = package

    def evaluate(self, rx: Rx) -> Decision | None:
        """Whether it is for a request here, of who made it."""
        endpoint, request = rx.endpoint, rx.request
        agent = self._package.agents.get(user_part(request.uri.user))
        if endpoint is None or agent is None:
            return None
        where = f"endpoint {endpoint.id}"

        def refuse(status: int, reason: str) -> Decision:
            return Decision(Outcome.REJECT, reason, status, where, endpoint.position)

        if agent.endpoint != endpoint.id:
            return refuse(403, "the request for call completion is another's")
        try:
            event, media = request.typed(EventHeader), request.content_type
            available = None
            if request.body:
                if media is None or f"{media.type}/{media.subtype}".lower() != PIDF:
                    return refuse(415, f"no body of type {PIDF}")
                available = read_availability(request.body)
            if request.expires == 0:
                available = True  # a suspension that is taken back
        except ParseError as error:
            return refuse(error.status, error.message)
        if event is None or event.package != "presence":
            return refuse(489, "call completion is suspended by presence")
        return Decision(
            Outcome.TAKE, "a caller's availability", 200, where, endpoint.position, (agent, available)
        )  # fmt: skip

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Refuse, or answer and go on."""
        if decision.outcome is not Outcome.TAKE:
            headers = (("Accept", PIDF),) if decision.status == 415 else ()
            rx.respond(decision.status, headers=headers)
            return
        agent, available = decision.data
        expires = rx.request.expires
        seconds = PUBLISHED if expires is None else min(expires, PUBLISHED)
        rx.respond(200, headers=(("SIP-ETag", agent.token), ("Expires", str(seconds))))
        transaction = agent.transaction
        if transaction is None or available is None:
            return
        if available:
            transaction.caller_is_free()
        else:
            transaction.caller_is_busy()


class NativeMonitor(Monitor):
    """The called side has offered a URI to subscribe to, and says by NOTIFY when it is our turn."""

    kind: ClassVar[str] = "native"

    def __init__(
        self, package: CallCompletion, endpoint: Endpoint, uri: Uri, service: str, device: str, destination: str
    ) -> None:
        super().__init__(package.pbx, device, destination, service, package.parameters_of(endpoint))
        self._package = package
        self._endpoint = endpoint
        self._uri = uri.with_params(m=MODES[service])
        self._subscription: OutgoingSubscription | None = None
        self._ready = False
        self._availability = _Availability(package.core, endpoint, self._uri)

    def request(self) -> None:
        """Subscribe."""
        seconds = self.parameters.ccbs_available_timer if self.service == CCBS else self.parameters.ccnr_available_timer
        try:
            self._subscription = self._package.tables.subscribe(
                self._package.subscriber, self._uri, self._endpoint, expires=max(seconds, 1), data=self
            )
        except (SendError, SubscribeError) as error:
            self.fail(f"the called side cannot be asked: {error}")

    def told(self, state: CompletionState) -> None:
        """A NOTIFY came."""
        transaction = self.transaction
        if transaction is None:
            return
        if transaction.state is State.REQUESTED:
            transaction.acknowledged(self)
        self._ready = state.state == READY
        if self._ready:
            self.recall_uri = state.uri
            transaction.callee_is_free(self)
        else:
            transaction.callee_is_busy(self)

    def over(self, why: str) -> None:
        """The called side has ended it; on a recall it may."""
        self._subscription = None
        if self.transaction is not None and self.transaction.state is not State.RECALLING:
            self.fail(why)

    def suspend(self) -> None:
        """Tell the called side, which gives the turn to others."""
        self._ready = False
        self._availability.tell(False)

    def resume(self) -> None:
        """Take part again; where it has been our turn all the time there is nothing to wait for."""
        if self._ready and self.transaction is not None:
            self.transaction.callee_is_free(self)
            return
        self._availability.tell(True)

    def cancel(self) -> None:
        """Unsubscribe."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.data = None
            subscription.end()


class _Availability:
    """Publishes our caller's availability to the called side (RFC 3903).

    One PUBLISH is under way at a time; the latest state follows it.
    """

    def __init__(self, core: SipCore, endpoint: Endpoint, uri: Uri) -> None:
        self._core = core
        self._endpoint = endpoint
        self._uri = uri
        self._told = True
        self._wanted = True
        self._tag = ""
        self._running = False

    def tell(self, available: bool) -> None:
        """Say whether the caller could be called."""
        self._wanted = available
        if not self._running and self._told is not available:
            self._send()

    def _send(self) -> None:
        self._told = self._wanted
        headers = [("Event", "presence"), ("Expires", str(PUBLISHED))]
        if self._tag:
            headers.append(("SIP-If-Match", self._tag))
        body = availability_text(str(self._uri.without_params("m")), self._wanted)
        try:
            request = self._core.create_request("PUBLISH", self._uri, self._endpoint, headers, body, PIDF)
        except SendError:
            return
        self._running = True
        self._core.send(request, self, self._endpoint)

    def on_response(self, _transaction: ClientTransaction, response: Response) -> None:
        """An answer; a final one lets the next go."""
        if response.status >= 200:
            self._tag = response.get("SIP-ETag") or "" if response.status < 300 else ""
            self._answered()

    def on_timeout(self, _transaction: ClientTransaction) -> None:
        """No answer."""
        self._answered()

    def on_transport_error(self, _transaction: Any) -> None:
        """The PUBLISH could not be sent."""
        self._answered()

    def _answered(self) -> None:
        self._running = False
        if self._told is not self._wanted:
            self._send()


class CompletionSubscriber(Subscriber):
    """Reads what called parties tell."""

    event: ClassVar[str] = EVENT
    accept: ClassVar[tuple[str, ...]] = (TYPE,)

    def on_notify(self, subscription: OutgoingSubscription, notify: Request) -> int | None:
        """The state of a request."""
        state = read_completion(notify.body) if notify.body else None
        monitor = subscription.data
        if state is not None and isinstance(monitor, NativeMonitor) and not subscription.over:
            monitor.told(state)
        return None

    def on_terminated(self, subscription: OutgoingSubscription) -> None:
        """The subscription is over."""
        monitor, subscription.data = subscription.data, None
        if isinstance(monitor, NativeMonitor):
            status = f"the answer was {subscription.status}" if subscription.status else ""
            monitor.over(f"the called side has ended it: {status or subscription.machine.reason or 'no reason'}")


class CallCompletion:
    """State shared by the parts of the call completion package."""

    def __init__(self, tables: PubSub, pbx: Pbx) -> None:
        self.tables = tables
        self.core = tables.core
        self.pbx = pbx
        self.agents: dict[str, NativeAgent] = {}
        """Agents by subscribed resource; one per call completion transaction, whose number is limited."""
        self.subscriber = CompletionSubscriber()

    def agent(self, caller: Channel, parameters: Parameters) -> NativeAgent:
        """The agent of a caller."""
        return NativeAgent(self, caller, parameters)

    def monitors(self, endpoint: str, uri: str, service: str) -> Callable[[str, str], Monitor] | None:
        """A factory of the monitor for a service that an endpoint has offered; ``None`` if the offer cannot be used."""
        found = self.core.data.get(Endpoint, endpoint)
        try:
            parsed = Uri.parse(uri)
        except ParseError:
            return None
        if not isinstance(found, Endpoint) or service not in MODES or parsed.scheme not in ("sip", "sips"):
            return None
        return partial(NativeMonitor, self, found, parsed, service)

    def parameters_of(self, endpoint: Endpoint) -> Parameters:
        """The options of an endpoint that is called."""
        names = ("ccbs_available_timer", "ccnr_available_timer", "cc_max_monitors")
        return Parameters(**{name: getattr(endpoint, name) for name in names})

    def contact_of(self, subscription: Any) -> str:
        """Our Contact in the dialog of a subscription."""
        contact: str = subscription.dialog.contact
        return contact


class CallCompletionModule(Module):
    """Registers all of it."""

    name = "pubsub_call_completion"
    part_of = ("res_pjsip_pubsub",)
    requires = ("pubsub", "pubsub_call_completion_body")
    description = "SIP event package call-completion"

    def load(self, server: PubSubServer) -> None:
        """Take requests, and make them."""
        found = pubsub(server)
        package = CallCompletion(found, server.pbx)
        found.register_notifier(CompletionNotifier(package))
        found.register_subscriber(package.subscriber)
        server.sip.register_service(AvailabilityService(package))
        completion = server.pbx.completion
        for technology in TECHNOLOGIES:
            completion.register_native(server.owner, technology, package.agent)
        completion.register_native_monitors(server.owner, package.monitors)
