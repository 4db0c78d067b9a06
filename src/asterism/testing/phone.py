"""A simulated SIP phone on a real socket."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol, Self

from asterism.hostport import format_host_port
from asterism.stack.dialog import DialogId, received_request_id
from asterism.stack.digest import ClientSession, challenges, ha1
from asterism.stack.errors import ParseError
from asterism.stack.message import Request, Response, make_response
from asterism.stack.uri import Uri
from asterism.testing.call import PhoneCall
from asterism.testing.sdp import PCMA, PCMU
from asterism.testing.subscription import PhoneSubscription
from asterism.testing.waiting import PATIENCE, PhoneError, until
from asterism.testing.wire import Exchange, Wire, open_wire

if TYPE_CHECKING:
    import ssl

    from asterism.stack.flow import Flow
    from asterism.stack.transactions.config import TimerConfig
    from asterism.stack.transactions.server import ServerTransaction
    from asterism.stack.transactions.server_invite import InviteServerTransaction


class HasSipAddress(Protocol):
    """A server in process."""

    def sip_address(self, transport: str) -> tuple[str, int]:
        """The address and port of its transport."""


class Phone:
    """A phone with one account on one server.

    Typical use::

        async with Phone("101", server, "secret") as phone:
            await phone.register()
            call = await phone.dial("102")

    Attributes:
        user: the account, also the user part of its addresses.
        server: where requests go.
        contact: the value of its Contact headers.
        codecs: payload types offered and accepted, in order of preference: 0 for u-law, 8 for A-law.
        dtmf: the payload type of telephone-event, ``None`` for none.
        video: encodings of video offered and accepted (``H264``, ``VP8``), in order of preference; empty: no video.
        most_videos: how many streams of video it has at most in one call.
        auto_answer: take every call at once.
        calls: every call, in order.
        messages: bodies of the MESSAGEs received.
    """

    def __init__(
        self,
        user: str,
        server: HasSipAddress | tuple[str, int],
        password: str = "",
        *,
        host: str = "127.0.0.1",
        display: str = "",
        username: str = "",
        timers: TimerConfig | None = None,
        transport: str = "udp",
        context: ssl.SSLContext | None = None,
    ) -> None:
        """Open the phone's socket on ``host``; needs a running loop.

        Args:
            user: the account.
            server: a server in process, or an address and port.
            password: for digest authentication.
            host: the address to bind.
            display: the display name that From shows.
            username: for digest authentication, where it is not ``user``.
            timers: SIP timers, to make a test of time-outs short.
            transport: ``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``; a connection is opened by the first request.
            context: for ``tls`` and ``wss``, to check the server's certificate or to show one; by default any will do.
        """
        self.user = user
        self.server: tuple[str, int] = server if isinstance(server, tuple) else server.sip_address(transport)
        self.password = password
        self.username = username or user
        self.host = host
        self.display = display
        self.codecs = [PCMU, PCMA]
        self.dtmf: int | None = 101
        self.video: list[str] = []
        self.most_videos = 1
        self.auto_answer = False
        self.wire: Wire = open_wire(transport, self, host, self.server, timers, context)
        self.port = self.wire.local[1]
        where = f"{format_host_port(self.wire.local[0])}:{self.port}" if self.port else self.wire.local[0]
        self.contact = f"<sip:{user}@{where}{'' if transport == 'udp' else f';transport={transport}'}>"
        self.calls: list[PhoneCall] = []
        self.messages: list[bytes] = []
        self.dialogs: dict[DialogId, PhoneCall] = {}
        self.subscriptions: dict[str, PhoneSubscription] = {}
        self.registered_until = 0.0
        self._waiting: deque[PhoneCall] = deque()
        self._by_transaction: dict[ServerTransaction, PhoneCall] = {}
        self._tags: dict[PhoneCall, str] = {}
        self._digest: ClientSession | None = None
        self._registration = (f"{secrets.token_hex(8)}@phone", secrets.token_hex(4))
        self._cseq = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every socket, without a word to the server."""
        for call in self.calls:
            call.close()
        self.wire.close()

    def story(self) -> str:
        """The first lines of the latest messages, for an error's text."""
        return f"{self.user} saw:\n  " + "\n  ".join(self.wire.log[-20:])

    # -- requests -------------------------------------------------------------------------------------------

    def uri(self, user: str = "") -> Uri:
        """The URI of ``user`` at the server; of the server itself without."""
        return Uri("sip", user, self.server[0], self.server[1])

    def create_request(self, method: str, target: Uri, to: Uri | None = None, call_id: str = "") -> Request:
        """A request outside a dialog."""
        self._cseq += 1
        registers = method == "REGISTER"
        call_id = call_id or (self._registration[0] if registers else f"{secrets.token_hex(8)}@phone")
        tag = self._registration[1] if registers else secrets.token_hex(4)
        name = f'"{self.display}" ' if self.display else ""
        request = Request(
            method,
            target,
            [
                ("Max-Forwards", "70"),
                ("From", f"{name}<{self.uri(self.user)}>;tag={tag}"),
                ("To", f"<{to or target}>"),
                ("Call-ID", call_id),
                ("CSeq", f"{self._cseq} {method}"),
                ("Contact", self.contact),
                ("User-Agent", "Asterism test phone"),
                ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY, MESSAGE"),
            ],
        )
        self._authorize(request)
        return request

    async def request(self, request: Request, timeout: float = PATIENCE) -> Response:
        """Send a request made by :meth:`create_request`, answer one challenge, return the final response.

        Raises:
            PhoneError: no response came.
        """
        response = await self.exchange(request, None, timeout)
        if response.status in (401, 407) and self.take_challenge(response):
            response = await self.exchange(self._again(request), None, timeout)
        return response

    async def exchange(self, request: Request, flow: Flow | None = None, timeout: float = PATIENCE) -> Response:
        """Send a request as it is and return its final response, a challenge included.

        Raises:
            PhoneError: no response came.
        """
        self._authorize(request)
        exchange = Exchange()
        self.wire.send_request(request, flow or self.wire.flow(self.server), exchange)
        try:
            response = await asyncio.wait_for(asyncio.shield(exchange.final), timeout)
        except TimeoutError:
            response = None
        if response is None:
            raise PhoneError(f"{request.method} was not answered; {self.story()}")
        return response

    def _again(self, request: Request) -> Request:
        again = request.copy()
        again.remove_header("Via")
        again.remove_header("Authorization")
        again.remove_header("Proxy-Authorization")
        self._cseq += 1
        again.set_header("CSeq", f"{max(self._cseq, request.cseq.number + 1)} {request.method}")
        self._authorize(again)
        return again

    def take_challenge(self, response: Response) -> bool:
        """Keep the challenge of a 401 or 407 for the next request; whether it can be answered."""
        found = [one for one in challenges(response, response.status == 407) if one.supported]
        if not found or not self.password:
            return False
        secret = ha1(self.username, found[0].realm, self.password, found[0].algorithm or "MD5")
        stale = self._digest is not None and self._digest.challenge.nonce != found[0].nonce
        again = self._digest is not None and not stale
        self._digest = ClientSession(found[0], self.username, secret, secrets.token_hex(8))
        return not again

    def _authorize(self, request: Request) -> None:
        if self._digest is not None and request.method not in ("ACK", "CANCEL") and not request.has("Authorization"):
            given = self._digest.authorize(request.method, str(request.uri), request.body)
            request.add_header("Authorization", str(given))

    # -- registration -----------------------------------------------------------------------------------------

    async def register(self, expires: int = 300, timeout: float = PATIENCE) -> Response:
        """Register the phone's contact and return the 200.

        Raises:
            PhoneError: it was refused.
        """
        response = await self.try_register(expires, timeout=timeout)
        if response.status != 200:
            raise PhoneError(f"REGISTER was answered {response.status}; {self.story()}")
        return response

    async def unregister(self) -> Response:
        """Remove the phone's contact.

        Raises:
            PhoneError: it was refused.
        """
        return await self.register(0)

    async def try_register(self, expires: int = 300, *, aor: str = "", timeout: float = PATIENCE) -> Response:
        """Register and return the final response, whatever it is; ``aor`` for another user's address."""
        request = self.create_request("REGISTER", self.uri(), self.uri(aor or self.user))
        request.add_header("Expires", str(expires))
        return await self.request(request, timeout)

    # -- subscriptions ------------------------------------------------------------------------------------------

    async def subscribe(
        self, resource: str, event: str, accept: str = "", expires: int | None = 300, **headers: str
    ) -> PhoneSubscription:
        """Subscribe to ``resource`` at the server; the answer, whatever it is, is in ``response``."""
        request = self.create_request("SUBSCRIBE", self.uri(resource))
        for name, value in (("Event", event), ("Accept", accept), ("Expires", "" if expires is None else str(expires))):
            if value:
                request.add_header(name, value)
        for name, value in headers.items():
            request.set_header(name.replace("_", "-"), value)
        found = self.subscriptions[request.call_id] = PhoneSubscription(self, request)
        response = await self.exchange(request)
        if response.status in (401, 407) and self.take_challenge(response):
            request = found.repeat(self._again(request))
            response = await self.exchange(request)
        found.take_response(response)
        return found

    # -- calls --------------------------------------------------------------------------------------------------

    async def dial(self, number: str, *, offer: bool = True, headers: Iterable[tuple[str, str]] = ()) -> PhoneCall:
        """Call ``number``; returns once the INVITE is on its way. ``offer=False`` leaves the offer to the 200."""
        request = self.create_request("INVITE", self.uri(number))
        for name, value in headers:
            request.add_header(name, value)
        call = PhoneCall(self, request, list(self.codecs), self.dtmf)
        if offer:
            request.set_body(str(call.description), "application/sdp")
            request.remove_header("Authorization")
            self._authorize(request)
        self.calls.append(call)
        call.transaction = self.wire.send_request(request, self.wire.flow(self.server), call)
        return call

    def retry(self, call: PhoneCall, response: Response) -> bool:
        """Send a call's INVITE again with credentials (called by the call); whether it could."""
        call.challenges += 1
        if call.challenges > 2 or not self.take_challenge(response):
            return False
        call.request = self._again(call.request)
        call.transaction = self.wire.send_request(call.request, self.wire.flow(self.server), call)
        return True

    async def incoming(self, timeout: float = PATIENCE) -> PhoneCall:
        """Wait for the next incoming call.

        Raises:
            PhoneError: none came.
        """
        await until(lambda: self._waiting, timeout, lambda: f"no call came; {self.story()}")
        return self._waiting.popleft()

    def tag_of(self, call: PhoneCall) -> str:
        """Our tag in an incoming call."""
        return self._tags.setdefault(call, secrets.token_hex(4))

    def target_of(self, uri: Uri) -> Flow:
        """The flow to a URI that holds an address; to the server for a name."""
        if uri.host[:1].isdigit() or ":" in uri.host:
            return self.wire.flow((uri.host, uri.port or 5060))
        return self.wire.flow(self.server)

    # -- the stack's user ---------------------------------------------------------------------------------------

    def on_request(self, request: Request) -> None:
        """Take a new request."""
        call = self.dialogs.get(received_request_id(request))
        watched = self.subscriptions.get(request.call_id) if request.method == "NOTIFY" else None
        if watched is not None:
            watched.on_notify(request)
        elif call is not None and request.to.tag:
            call.on_request(request)
        elif request.to.tag:
            self.wire.layer.respond_stateless(request, make_response(request, 481))
        elif request.method == "INVITE":
            call = PhoneCall(self, request, list(self.codecs), self.dtmf)
            call.server_transaction = self.wire.layer.create_server_transaction(request)
            self._by_transaction[call.server_transaction] = call
            self.calls.append(call)
            self._waiting.append(call)
            if self.auto_answer:
                call.answer()
        else:
            if request.method == "MESSAGE":
                self.messages.append(request.body)
            known = request.method in ("OPTIONS", "NOTIFY", "MESSAGE", "INFO")
            transaction = self.wire.layer.create_server_transaction(request)
            transaction.respond(make_response(request, 200 if known else 405))

    def on_ack(self, request: Request) -> None:
        """Take the ACK to a 200."""
        call = self.dialogs.get(received_request_id(request))
        if call is not None:
            call.on_ack(request)

    def on_cancel(self, transaction: InviteServerTransaction, request: Request) -> None:
        """The caller gave up."""
        call = self._by_transaction.get(transaction)
        if call is not None:
            call.on_cancel()

    def on_ack_timeout(self, transaction: InviteServerTransaction) -> None:
        """Our 200 was never acknowledged."""
        call = self._by_transaction.get(transaction)
        if call is not None:
            call.close()

    def on_response_error(self, transaction: ServerTransaction) -> None:
        """Nothing is done: the wait that misses something tells."""

    def on_stray_response(self, response: Response) -> None:
        """A late response; the record has it."""

    def on_malformed(self, error: ParseError, data: bytes, flow: Flow) -> None:
        """Note that the server sent nonsense."""
        self.wire.log.append(f"! malformed: {error}")
