"""Sending requests: building them, finding the way, answering digest challenges.

``send`` is the callback form: the user gets what a stack ``ClientUser`` gets. ``send_request`` waits
for the final response. Both answer 401 and 407 with the endpoint's ``outbound_auth``, once per realm
and nonce, for the configured realms only.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from asterism.core.errors import AsterismError
from asterism.hostport import format_host_port, split_host_port
from asterism.sip.contacts import Contact
from asterism.sip.delays import seconds_of
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.habits import PJSIP
from asterism.sip.outbound_authentication import authorize
from asterism.sip.phone_numbers import as_phone, is_number
from asterism.sip.resolving import TRANSPORT_PARAMETER, Way
from asterism.sip.tags import new_call_id, new_tag
from asterism.stack.errors import ParseError, SipError
from asterism.stack.headers import NameAddr
from asterism.stack.message import Request, Response
from asterism.stack.uri import Uri
from asterism.transport.errors import NoTransportError, TransportError

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.objects.habits import Timing
    from asterism.stack.dialog import Dialog
    from asterism.stack.flow import Flow
    from asterism.stack.transactions.client import ClientTransaction

Target = Uri | Contact | Endpoint | str
"""Target of a request: a URI or its text, a contact (whose Path is used), or an endpoint: its first contact."""

_MAX_CHALLENGES = 4

_PLACEHOLDER = "@0.0.0.0"
"""Stands for our own address until the flow is known."""
_OURS = ("From", "Contact")
"""Headers in which the placeholder may occur."""
_LARGEST_DATAGRAM = 1300
"""Bytes of a request that UDP carries while the path's MTU is not known (RFC 3261 18.1.1)."""
_NO_DATAGRAM = 65_507
"""Bytes beyond which no datagram takes a request, whatever is configured."""
_LARGE_BODY = 32_768
"""A body below this is no reason to look whether the request fits."""
_VIA_ROOM = 100
"""Bytes reserved for the Via that is added later."""


class SendError(AsterismError):
    """A request could not be sent: nothing to send it to, or the target is no URI."""


class OutgoingRequest:
    """A request on its way, whatever number of transactions it takes.

    ``request`` is the one sent last (its CSeq grows with each challenge), ``transaction`` its transaction.
    """

    __slots__ = (
        "_challenges", "_large", "_oversize", "_sender", "_spare", "_way", "cancelled", "endpoint", "flow", "request",
        "transaction", "user",
    )  # fmt: skip

    def __init__(self, sender: Sender, request: Request, user: Any, endpoint: Endpoint | None) -> None:
        self._sender = sender
        self.request = request
        self.user = user
        self.endpoint = endpoint
        self.flow: Flow | None = None
        self.transaction: ClientTransaction | None = None
        self.cancelled = False
        self._challenges = 0
        self._way: Way | None = None
        self._spare: Request | None = None
        self._large: Flow | None = None
        self._oversize = 0

    def cancel(self) -> None:
        """CANCEL an INVITE (RFC 3261 9.1), or stop it from being sent if it is not yet."""
        self.cancelled = True
        self._spare = None
        transaction = self.transaction
        if transaction is not None:
            cancel = getattr(transaction, "cancel", None)
            if cancel is not None:
                cancel()

    def start(self, way: Way | Flow | None) -> None:
        """Send over a flow, or the ways of a name one after the other; without one it is a transport error."""
        sender = self._sender
        flow: Flow | None
        if isinstance(way, Way):
            flow = way.flow
            if way.left:
                self._way = way
        else:
            flow = way
        if flow is None or self.cancelled:
            # Nothing was sent, so no transaction reports the end.
            sender.later(self.user.on_transport_error, self)
            return
        if flow.transport == "UDP" and (sender.state.tcp_switch or len(self.request.body) > _LARGE_BODY):
            larger = self._larger(flow)
            if larger is None:
                sender.later(self.user.on_transport_error, self)
                return
            flow = larger
        if self._large is not None or self._way is not None:
            # What is sent gets a Via and addresses that fit this flow only.
            self._spare = self.request.copy()
        self.flow = flow
        self.transaction = sender.transmit(self.request, flow, self)

    def _larger(self, flow: Flow) -> Flow | None:
        """The TCP flow in place of a UDP one if the request is too large for that; ``None``: it cannot be sent."""
        sender, size = self._sender, len(self.request.to_bytes()) + _VIA_ROOM
        if size > _NO_DATAGRAM:
            self._oversize = size
        elif not sender.state.tcp_switch or size <= _LARGEST_DATAGRAM:
            return flow
        larger = sender.tcp_flow(flow)
        if self._oversize:
            if larger is None:
                self._refused("there is no TCP transport")
            return larger
        if larger is not None:
            self._large = flow
            return larger
        return flow

    def _refused(self, why: str) -> None:
        self._sender.log.warning(
            "a %s of %d bytes to %s is not sent: it is larger than a datagram, and %s",
            self.request.method, self._oversize, self.request.uri.host_port, why,
        )  # fmt: skip

    def _try_next(self, retry_after: float = 0.0) -> bool:
        """Send a copy to the next target (RFC 3263 4.3) if there is one and nothing was heard of this one."""
        spare, self._spare = self._spare, None
        if spare is None or self.cancelled:
            return False
        flow, self._large = self._large, None
        if flow is None:
            flow = None if self._way is None else self._way.next(retry_after)
        if flow is not None and self._oversize and flow.transport == "UDP":
            flow = self._sender.tcp_flow(flow)
        if flow is None:
            return False
        self.request = spare
        if self._way is not None and self._way.left:
            self._spare = spare.copy()
        self.flow = flow
        moved = getattr(self.user, "on_flow_changed", None)
        if moved is not None:
            moved(flow, spare)
        self.transaction = self._sender.transmit(spare, flow, self)
        return True

    # As the stack's ClientUser.

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """Pass a response on, unless it is a challenge that can be answered."""
        if response.status == 503 and self._spare is not None and self._try_next(seconds_of(response, "Retry-After")):
            return
        if response.status > 100:
            # The server that has answered is used from here on.
            self._spare = None
        if response.status in (401, 407) and not self.cancelled and self._challenges < _MAX_CHALLENGES:
            self._challenges += 1
            again = self._sender.answer_challenge(self.request, response, self.endpoint)
            if again is not None and self.flow is not None:
                self.request = again
                self.transaction = self._sender.transmit(again, self.flow, self)
                return
        self.user.on_response(transaction, response)

    def on_timeout(self, transaction: ClientTransaction) -> None:
        """Try the next target, or pass it on."""
        if not self._try_next():
            self.user.on_timeout(transaction)

    def on_transport_error(self, transaction: ClientTransaction) -> None:
        """Try the next target, or pass it on."""
        if self._oversize:
            self._refused("it cannot be reached by TCP")
        if not self._try_next():
            self.user.on_transport_error(transaction)


class _Waiter:
    """The user behind ``send_request``: turns the callbacks into a future."""

    __slots__ = ("future", "on_provisional", "request")

    def __init__(self, request: Request, on_provisional: Callable[[Response], None] | None) -> None:
        self.request = request
        self.on_provisional = on_provisional
        self.future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        if response.status < 200:
            if self.on_provisional is not None:
                self.on_provisional(response)
        elif not self.future.done():
            self.future.set_result(response)

    def _local(self, status: int) -> None:
        if not self.future.done():
            headers = [line for line in self.request.headers if line[0] in ("From", "To", "Call-ID", "CSeq")]
            self.future.set_result(Response(status, "", headers))

    def on_timeout(self, transaction: ClientTransaction) -> None:
        self._local(408)

    def on_transport_error(self, transaction: Any) -> None:
        self._local(503)


class Sender:
    """Builds and sends requests for the SIP core."""

    def __init__(self, core: SipCore) -> None:
        self.state = core.state
        self.log = core.log
        self._core = core
        self._tasks: set[asyncio.Task[None]] = set()

    # Building.

    def create_request(
        self,
        method: str,
        target: Target,
        endpoint: Endpoint | None,
        headers: Sequence[tuple[str, str]],
        body: bytes | str,
        content_type: str,
    ) -> Request:
        """An out-of-dialog request; see :meth:`SipCore.create_request`. Raises :class:`SendError`."""
        core = self._core
        if isinstance(target, Endpoint):
            endpoint = endpoint or target
            target = self._contact_of(target)
        try:
            uri = (
                target if isinstance(target, Uri) else Uri.parse(target.uri if isinstance(target, Contact) else target)
            )
        except ParseError as error:
            raise SendError(f"bad URI: {error.message}") from error
        marked = endpoint is not None and endpoint.user_eq_phone
        habits = PJSIP if endpoint is None else endpoint.habits
        own = habits.own_number
        name, nobody = habits.nobody
        user = (endpoint.from_user if endpoint is not None else "") or nobody or core.state.default_from_user
        domain = endpoint.from_domain if endpoint is not None else ""
        if ":" in domain:
            domain = format_host_port(*split_host_port(domain))
        request = Request(method, _request_uri(as_phone(uri) if marked else uri))
        # The host is our own address as the peer will see it, known only once the flow is.
        phone = ";user=phone" if marked and is_number(user) else ""
        here = domain or ("0.0.0.0:0" if own else "0.0.0.0")
        shown = f'"{name}" ' if name else ""
        request.add_header("From", f"{shown}<sip:{user}@{here}{phone}>;tag={new_tag()}")
        request.add_header("To", f"<{_plain(uri, own)}>")
        request.add_header("Contact", f"<sip:{user}@0.0.0.0>")
        request.add_header("Call-ID", new_call_id())
        request.add_header("CSeq", f"{secrets.randbelow(65535) + 1} {method}")
        for route in self._routes(target, endpoint):
            request.add_header("Route", route)
        hops = endpoint.max_forwards if endpoint is not None else 0
        request.add_header("Max-Forwards", str(hops or core.state.max_forwards))
        if core.state.user_agent:
            request.add_header("User-Agent", core.state.user_agent)
        for name, value in headers:
            request.add_header(name, value)
        if body:
            request.set_body(body, content_type)
        return request

    def _routes(self, target: Target, endpoint: Endpoint | None) -> list[str]:
        routes: list[str] = []
        proxy = endpoint.outbound_proxy if endpoint is not None else ""
        if proxy:
            routes.append(f"<{str(proxy).strip('<>')}>")
        if endpoint is not None:
            routes.extend(self.state.service_routes.get(endpoint.id, ()))
        if isinstance(target, Contact) and target.path:
            routes.extend(str(item) for item in NameAddr.parse_list(target.path))
        return routes

    # Sending.

    def find_way(self, outgoing: OutgoingRequest, hop: Uri | None = None) -> None:
        """Start a request over the way that its next hop is reached by, now or once that is looked up."""
        found = self._find_way(outgoing.request, outgoing.endpoint, hop)
        if found is None or isinstance(found, Way):
            outgoing.start(found)
            return
        task = asyncio.get_running_loop().create_task(self._start_later(outgoing, found))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start_later(self, outgoing: OutgoingRequest, waiting: Awaitable[Way]) -> None:
        way: Way | None = None
        try:
            way = await waiting
        except Exception as error:
            self._core.log.warning("no way to %s: %s", outgoing.request.uri.host_port, error)
        outgoing.start(way)

    def _find_way(self, request: Request, endpoint: Endpoint | None, hop: Uri | None) -> Way | Awaitable[Way] | None:
        """The way to the next hop: the first Route if there is one, else the Request-URI (RFC 3261 8.1.2).

        Of a request whose first router was strict neither tells, but ``hop``.
        """
        routes = request.routes
        uri = hop or (routes[0].uri if routes else request.uri)
        try:
            return self._core.way_to(uri, endpoint)
        except (OSError, AsterismError, SipError, TransportError) as error:
            self._core.log.warning("no way to %s: %s", uri.host_port, error)
            return None

    def tcp_flow(self, flow: Flow) -> Flow | None:
        """A TCP flow to where ``flow`` leads, for what is too large (RFC 3261 18.1.1), if there is a transport."""
        try:
            return self.state.transports.flow_for(*flow.remote, "tcp")
        except NoTransportError:
            return None

    def transmit(self, request: Request, flow: Flow, user: Any) -> ClientTransaction:
        """Fill in what depends on the flow, run the hooks, and give the request to the stack."""
        if TRANSPORT_PARAMETER in request.uri.params:
            kept = {key: value for key, value in request.uri.params.items() if key != TRANSPORT_PARAMETER}
            request.uri = request.uri.replace(params=kept)
        state = self.state
        for name, value in request.headers:
            if _PLACEHOLDER in value and name in _OURS:
                _fill_in(request, state.layer.sent_by(flow), flow)
                break
        endpoint = getattr(user, "endpoint", None)
        for hook in state.request_hooks:
            hook(request, endpoint)
        if endpoint is None or endpoint.habits.timing is None:
            return state.layer.send_request(request, flow, user)
        return state.layer.send_request(request, flow, user, None, self._timing(endpoint, endpoint.habits.timing))

    def _timing(self, endpoint: Endpoint, timing: Timing) -> tuple[float, float]:
        """T1 and Timer B of an endpoint with timers of its own."""
        if timing.shortest:
            location = self._core.location
            for aor_id in endpoint.aors:
                for contact in location.contacts(aor_id):
                    measured = location.state(contact).rtt
                    if measured is not None:
                        return max(measured, timing.shortest), timing.timer_b
        return timing.t1, timing.timer_b

    def answer_challenge(self, request: Request, response: Response, endpoint: Endpoint | None) -> Request | None:
        """The request with credentials for the response's challenges, ``None`` when there are none to give."""
        auths = self._core.outbound_auths(endpoint) if endpoint is not None else ()
        if not auths:
            return None
        again = authorize(request, response, auths, self.state.auth_algorithms_uac, self.state.nonce_counts)
        if again is not None:
            self._count_in_dialog(again)
        return again

    def _count_in_dialog(self, request: Request) -> None:
        """Give a request that is sent again the next CSeq of its dialog, if it is in one: the number is used once."""
        tag = request.to.tag
        entry = self._core.dialogs.get(request.call_id, request.from_.tag or "", tag) if tag else None
        if entry is not None:
            number = max(entry.dialog.local_seq or 0, request.cseq.number - 1) + 1
            entry.dialog.local_seq = number
            request.set_header("CSeq", f"{number} {request.method}")

    async def send_request(
        self,
        method: str,
        target: Target | None,
        dialog: Dialog | None,
        endpoint: Endpoint | None,
        headers: Sequence[tuple[str, str]],
        body: bytes | str,
        content_type: str,
        on_provisional: Callable[[Response], None] | None,
        timeout: float | None,
    ) -> Response:
        """See :meth:`SipCore.send_request`."""
        flow = None
        if dialog is not None:
            request = dialog.create_request(method)
            for name, value in headers:
                request.add_header(name, value)
            if body:
                request.set_body(body, content_type)
            flow = getattr(dialog, "flow", None)
        else:
            if isinstance(target, Endpoint):
                endpoint = endpoint or target
            elif target is None and endpoint is not None:
                target = endpoint
            if endpoint is None and not isinstance(target, Contact):
                default = self._core.data.get(Endpoint, self.state.default_outbound_endpoint)
                endpoint = default if isinstance(default, Endpoint) else None
            if target is None:
                raise SendError("nothing to send the request to: no dialog, target or endpoint")
            request = self.create_request(method, target, endpoint, headers, body, content_type)
        waiter = _Waiter(request, on_provisional)
        outgoing = self._core.send(request, waiter, endpoint, flow)
        if timeout is None:
            return await waiter.future
        done, _ = await asyncio.wait((waiter.future,), timeout=timeout)
        if not done:
            outgoing.cancel()
            waiter.on_timeout(outgoing.transaction)  # type: ignore[arg-type]
        return await waiter.future

    def _contact_of(self, endpoint: Endpoint) -> Contact:
        for aor_id in endpoint.aors:
            for contact in self._core.location.contacts(aor_id):
                return contact
        raise SendError(f"endpoint '{endpoint.id}' has no contact to send the request to")

    def later(self, function: Callable[[Any], Any], argument: Any) -> None:
        """Call back from the loop, not from inside the caller."""
        self.state.layer.timers.call_later(0.0, function, argument)

    def stop(self) -> None:
        """Forget what still looks for its way."""
        for task in tuple(self._tasks):
            task.cancel()


def _request_uri(uri: Uri) -> Uri:
    """A URI as it may stand in a request line: no headers, no ``method`` (RFC 3261 19.1.1)."""
    if uri.headers or "method" in uri.params:
        return uri.replace(headers="", params={k: v for k, v in uri.params.items() if k != "method"})
    return uri


def _plain(uri: Uri, port: bool) -> str:
    """A URI as it stands in To: none of the parameters, and with its ``port`` or without (as Asterisk 22 does)."""
    if not uri.is_sip:
        return str(uri)
    return str(uri.replace(port=uri.port if port else None, params={}, headers="", password=None))


def _fill_in(request: Request, sent_by: str, flow: Flow) -> None:
    """Put our address into From and Contact where ``0.0.0.0`` holds its place."""
    host = flow.local[0]
    if host in ("0.0.0.0", "::"):
        host = split_host_port(sent_by)[0]
    host = format_host_port(host)
    value = request.get("From")
    if value is not None and "@0.0.0.0:0>" in value:
        request.set_header("From", value.replace("@0.0.0.0:0", f"@{sent_by}", 1))
    elif value is not None and ("@0.0.0.0>" in value or "@0.0.0.0;" in value):
        request.set_header("From", value.replace("@0.0.0.0", f"@{host}", 1))
    value = request.get("Contact")
    if value is not None and ("@0.0.0.0>" in value or "@0.0.0.0;" in value):
        suffix = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
        request.set_header("Contact", value.replace("@0.0.0.0", f"@{sent_by}{suffix}", 1))
