"""The SIP core: the API that every SIP module is written against.

It holds the registries (services, interception steps, identifiers, one authenticator), the works,
the dialog table and the location service, and knows nothing of calls or registrations. What each
function of the C design ``res_sip`` is called here: docs/development/res-sip-api.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from asterism.core.identifiers import RandomBytes
from asterism.core.module import Subsystem
from asterism.sip import lifecycle
from asterism.sip.authentication import AuthenticationResult, Authenticator, DigestChallenge
from asterism.sip.authentication_check import check_authentication
from asterism.sip.capabilities import capabilities_of
from asterism.sip.challenge import challenge
from asterism.sip.dialogs import DialogTable
from asterism.sip.distributor import Distributor
from asterism.sip.explain import Explanation, explain
from asterism.sip.flows import ContactFlows
from asterism.sip.identification import EndpointIdentifier, IdentifierTable, Place
from asterism.sip.implicit import ImplicitTable
from asterism.sip.location import Location
from asterism.sip.objects.auth import Auth
from asterism.sip.overload import Overload
from asterism.sip.resolving import Way, way_to
from asterism.sip.sending import OutgoingRequest, Sender, Target
from asterism.sip.services import ServiceTable, StepTable, overriding
from asterism.sip.state import SipState
from asterism.sip.style import dress_request
from asterism.sip.user_hashes import UserHashes
from asterism.sip.works import Servants, Work

if TYPE_CHECKING:
    from asterism.core.events import EventBus
    from asterism.core.log import ServerLogger
    from asterism.core.registry import Owner
    from asterism.core.test_events import TestEvents
    from asterism.data.data import Data
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.sip.service import InterceptionStep, Service
    from asterism.stack.dialog import Dialog
    from asterism.stack.errors import ParseError
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.layer import TransactionLayer
    from asterism.stack.uri import Uri
    from asterism.transport.loop import TransportManager


def _tell_all(watchers: Sequence[Callable[..., None]], transaction: object) -> None:
    for watcher in watchers:
        watcher(transaction)


class SipCore(Subsystem):
    """Everything between the stack and the SIP applications; ``server.sip``."""

    def __init__(
        self, owner: Owner, data: Data, bus: EventBus, log: ServerLogger, version: str, test_events: TestEvents
    ) -> None:
        self.owner = owner
        self.data = data
        self.bus = bus
        self.test_events = test_events
        self.log = log
        self.state = SipState(version)
        self.servants = Servants(log)
        self.overload = Overload(self.state, self.servants, log)
        self.services = ServiceTable()
        self.services.on_change = self._hook_services
        self.steps = StepTable()
        self.identifiers = IdentifierTable()
        self.dialogs = DialogTable()
        self.implicit = ImplicitTable()
        """Who keeps the subscriptions that requests make by themselves."""
        self.location = Location(data, bus, log, test_events)
        self.flows = ContactFlows(self)
        self.user_hashes = UserHashes(self)
        self.distributor = Distributor(self)
        self.sender = Sender(self)
        random = RandomBytes()
        self.random = random.take
        """Gives so many unpredictable bytes."""
        self._new_token = random.tokens(10)

    # What is plugged in below.

    @property
    def layer(self) -> TransactionLayer:
        """The stack's transaction layer."""
        return self.state.layer

    @property
    def transports(self) -> TransportManager:
        """The transports."""
        return self.state.transports

    def attach(self, layer: TransactionLayer, transports: TransportManager) -> None:
        """Plug in the stack and the transports; the layer's user must be :attr:`distributor`."""
        self.state.layer = layer
        # Undone once an endpoint without the option of this name is identified.
        layer.force_rport = True
        layer.new_token = self._new_token
        self.state.transports = transports
        self._hook_services()

    def _hook_services(self) -> None:
        """Note which services observe outgoing messages, so that others are not called."""
        state = self.state
        services = tuple(self.services)
        state.request_hooks = overriding(services, "on_outgoing_request", self.log)
        state.capabilities = capabilities_of(services)
        state.response_hooks = overriding(services, "on_outgoing_response", self.log)
        if hasattr(state, "layer"):
            watchers = overriding(services, "on_transaction_state", self.log)
            state.layer.on_state = partial(_tell_all, watchers) if watchers else None

    def follow_services(self) -> None:
        """A service can do more or less than before: say so from now on."""
        self._hook_services()

    @property
    def started(self) -> bool:
        """Whether transports are plugged in."""
        return hasattr(self.state, "transports")

    async def start(self) -> list[str]:
        """Take the settings, bind the transports, take up the stored contacts.

        Returns why transports could not be had, a text for each; the others serve.
        """
        return await lifecycle.start(self)

    async def reload(self) -> None:
        """Take the settings again, after the data layer read them."""
        await lifecycle.reload(self)

    async def stop(self) -> None:
        """Close everything that ``start`` opened."""
        await lifecycle.stop(self)

    def listening(self) -> list[tuple[str, str, str, int]]:
        """Name, protocol, host and (real) port of each transport."""
        if not self.started:
            return []
        return [(item.name, item.protocol, item.host, item.port) for item in self.transports.transports.values()]

    def way_to(self, uri: Uri, endpoint: Endpoint | None = None) -> Way | Awaitable[Way]:
        """The flows to a next hop in the order to try (RFC 3263); awaitable when a name must be looked up.

        Raises ``ResolveError`` when it leads nowhere.
        """
        if endpoint is None:
            return way_to(self.state.transports, uri)
        return way_to(self.state.transports, uri, endpoint.transport, endpoint.habits.srv_lookup)

    # Registration (docs/development/res-sip-api.md, "Service registration").

    def register_service(self, service: Service) -> None:
        """Have a service asked about requests, by priority."""
        self.services.add(self.owner, service)

    def unregister_service(self, service: Service) -> None:
        """Stop asking a service."""
        self.services.remove(service)

    def register_step(self, step: InterceptionStep) -> None:
        """Put an interception step before the services, by priority."""
        self.steps.add(self.owner, step)

    def unregister_step(self, step: InterceptionStep) -> None:
        """Take an interception step out."""
        self.steps.remove(step)

    def register_authenticator(self, authenticator: Authenticator) -> None:
        """Set the authenticator. Raises ``DuplicateError`` while another one is registered."""
        self.state.set_authenticator(self.owner, authenticator)

    def unregister_authenticator(self, authenticator: Authenticator) -> None:
        """Remove the authenticator; without one nothing can be challenged or authenticated."""
        self.state.remove_authenticator(authenticator)

    def register_endpoint_identifier(
        self, identifier: EndpointIdentifier, name: str = "", place: Place = Place.USUAL
    ) -> None:
        """Add an endpoint identifier; see :class:`~asterism.sip.identification.IdentifierTable` for the order."""
        self.identifiers.add(self.owner, identifier, name, place)

    def unregister_endpoint_identifier(self, identifier: EndpointIdentifier) -> None:
        """Stop using an endpoint identifier."""
        self.identifiers.remove(identifier)

    def add_malformed_hook(self, hook: Callable[[ParseError, Flow], None]) -> None:
        """Call ``hook(error, flow)`` for what arrives and is no SIP message."""
        state = self.state
        state.malformed_hooks = (*state.malformed_hooks, hook)

        def undo() -> None:
            state.malformed_hooks = tuple(item for item in state.malformed_hooks if item is not hook)

        self.owner.on_release(undo)

    # Works (docs/development/res-sip-api.md, "Threadpool usage").

    def create_work(self, name: str) -> Work:
        """A new work: a means of grouping tasks that must run one after the other."""
        return Work(self.servants, name)

    def destroy_work(self, work: Work) -> None:
        """``work.close()``, under the name that ``res_sip`` has for it."""
        work.close()

    def push_task(self, work: Work, task: Callable[..., Any], *args: Any) -> bool:
        """``work.push``, under the name that ``res_sip`` has for it."""
        return work.push(task, *args)

    async def run_blocking(self, work: Work, function: Callable[..., Any], *args: Any) -> Any:
        """Run a blocking function in the thread pool while ``work`` waits and the others go on."""
        return await self.servants.run_blocking(work, function, *args)

    # Identification and authentication (docs/development/res-sip-api.md, "Common SIP methods").

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """The endpoint that sent a request, by the first identifier that knows; set on ``rx`` as well."""
        return self.identifiers.identify(rx)

    def requires_authentication(self, endpoint: Endpoint, rx: Rx) -> bool | Awaitable[bool]:
        """Whether a request must authenticate. Without an authenticator: no."""
        authenticator = self.state.authenticator
        return authenticator is not None and authenticator.requires_authentication(endpoint, rx)

    def authenticate_request(
        self, endpoint: Endpoint, rx: Rx
    ) -> AuthenticationResult | Awaitable[AuthenticationResult]:
        """Check a request's credentials. Without an authenticator: success."""
        authenticator = self.state.authenticator
        if authenticator is None:
            return AuthenticationResult.SUCCESS
        return authenticator.authenticate_request(endpoint, rx)

    def get_authentication_credentials(
        self, endpoint: Endpoint, rx: Rx
    ) -> Sequence[DigestChallenge] | Awaitable[Sequence[DigestChallenge]]:
        """The data for challenging a request. Without an authenticator: none."""
        authenticator = self.state.authenticator
        return () if authenticator is None else authenticator.get_authentication_credentials(endpoint, rx)

    def check_authentication(
        self, endpoint: Endpoint, rx: Rx
    ) -> AuthenticationResult | Awaitable[AuthenticationResult]:
        """All of the above: require, check, and challenge if need be."""
        return check_authentication(self, endpoint, rx)

    def challenge_request(self, challenges: Sequence[DigestChallenge], rx: Rx) -> None:
        """Answer 401 with these challenges, statelessly."""
        challenge(challenges, rx)

    # Sending (docs/development/res-sip-api.md, ``ast_sip_send_request``).

    def create_request(
        self,
        method: str,
        target: Target,
        endpoint: Endpoint | None = None,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | str = b"",
        content_type: str = "",
    ) -> Request:
        """An out-of-dialog request to a URI, contact or endpoint, From and Contact as the endpoint's options say.

        ``target`` given as an endpoint means its first contact, and that endpoint's options where no other is given.
        Raises :class:`~asterism.sip.sending.SendError`: it has none, or the URI is none.
        """
        return self.sender.create_request(method, target, endpoint, headers, body, content_type)

    def send(
        self,
        request: Request,
        user: Any,
        endpoint: Endpoint | None = None,
        flow: Flow | Way | None = None,
        hop: Uri | None = None,
    ) -> OutgoingRequest:
        """Send a request, callback form: ``user`` is a ``ClientUser``; challenges are answered on the way.

        Without ``flow`` the way is looked for: to ``hop`` (a dialog's ``next_hop``, which may be a strict router), by
        default to the first Route or the Request-URI. The targets that a name leads to are tried one after the other.
        A user with a method ``on_flow_changed(flow, request)`` is told when another target's turn comes.
        """
        if endpoint is not None and endpoint.habits.style is not None:
            dress_request(request, endpoint.habits.style)
        outgoing = OutgoingRequest(self.sender, request, user, endpoint)
        if flow is not None and (isinstance(flow, Way) or not flow.closed):
            outgoing.start(flow)
        else:
            self.sender.find_way(outgoing, hop)
        return outgoing

    async def send_request(
        self,
        method: str,
        target: Target | None = None,
        *,
        dialog: Dialog | None = None,
        endpoint: Endpoint | None = None,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | str = b"",
        content_type: str = "",
        on_provisional: Callable[[Response], None] | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Send a request in a dialog, or out of dialog to an endpoint, contact or URI; return the final response.

        ``await sip.send_request("OPTIONS", endpoint)`` asks an endpoint's first contact, with that endpoint's options.

        A URI without an endpoint is asked as ``[global] default_outbound_endpoint`` says, if there is such an endpoint.
        A timeout gives a local 408, a transport failure a local 503. Digest challenges are answered with the
        endpoint's ``outbound_auth``, for the realm it is configured for only.

        Raises:
            SendError: There is nothing to send it to: no target, an endpoint without a contact, or no URI.
        """
        return await self.sender.send_request(
            method, target, dialog, endpoint, headers, body, content_type, on_provisional, timeout
        )

    def outbound_auths(self, endpoint: Endpoint) -> Sequence[Auth]:
        """The auth objects with which challenges to this endpoint's requests are answered."""
        if endpoint.own_auths:
            return endpoint.own_auths
        if endpoint.known_auths is not None:
            return endpoint.known_auths.get(endpoint.outbound_auth)
        found = (self.data.get(Auth, name) for name in endpoint.outbound_auth)
        return [auth for auth in found if isinstance(auth, Auth)]

    def explain(self, request: Request | bytes | str, flow: Flow | None = None) -> Awaitable[Explanation]:
        """Explain what would happen to a request, and why; nothing is changed or sent."""
        return explain(self, request, flow)
