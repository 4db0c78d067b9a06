"""Sends messages outside calls: makes the request, finds the way, follows redirections where that is allowed."""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING

from asterism.applications.messaging.addresses import address, plain
from asterism.applications.messaging.destination import Destination, find_destination
from asterism.core.errors import AsterismError
from asterism.pbx.messaging.message import Message, MessageError
from asterism.sip.phone_numbers import as_phone
from asterism.sip.resolving import Way
from asterism.stack.errors import ParseError, SipError
from asterism.stack.headers import NameAddr, canonical

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.stack.message import Request, Response
    from asterism.stack.uri import Uri

_OWN = frozenset(
    canonical(name)
    for name in (
        "Accept", "Allow", "Authorization", "Call-ID", "Contact", "Content-Encoding", "Content-Length",
        "Content-Type", "CSeq", "Date", "Event", "From", "Max-Forwards", "MIME-Version", "Proxy-Authenticate",
        "Proxy-Authorization", "Proxy-Require", "Record-Route", "Require", "Route", "Supported", "To", "User-Agent",
        "Via", "WWW-Authenticate",
    )
)  # fmt: skip
"""Headers that a request has of its own, or that speak of one hop; values of these names do not go along."""
MAX_REDIRECTIONS = 5


class Sender:
    """The message technology ``pjsip``."""

    def __init__(self, core: SipCore) -> None:
        self._core = core

    async def send(self, destination: str, message: Message) -> None:
        """Send a message. Raises :class:`MessageError` when there is no way to its destination."""
        found = await find_destination(self._core, destination)
        request = self._request(found, message)
        await self.transmit(request, found.endpoint, ())

    async def transmit(self, request: Request, endpoint: Endpoint, before: tuple[str, ...]) -> None:
        """Send a request; ``before`` are the Request-URIs that were redirected. Raises :class:`MessageError`."""
        way = await self._way(request, endpoint)
        self._core.send(request, _Outcome(self, endpoint, request, (*before, str(request.uri))), endpoint, way)

    async def _way(self, request: Request, endpoint: Endpoint) -> Way:
        """Found before anything is sent, so that whoever sends hears that there is none."""
        routes = request.routes
        try:
            found = self._core.way_to(routes[0].uri if routes else request.uri, endpoint)
            return await found if isawaitable(found) else found
        except (OSError, AsterismError, SipError) as error:
            raise MessageError(str(error)) from error

    def _request(self, to: Destination, message: Message) -> Request:
        core, endpoint = self._core, to.endpoint
        try:
            request = core.create_request("MESSAGE", to.contact or to.uri, endpoint)
        except (AsterismError, SipError) as error:
            raise MessageError(str(error)) from error
        if to.contact is not None and to.uri.user != request.uri.user:
            request.uri = request.uri.replace(user=to.uri.user)
        request.set_header("From", self._from(request, endpoint, message.from_))
        request.set_header("To", self._to(request.uri, message))
        # RFC 3428 section 4: a MESSAGE begins no dialog and has no Contact.
        request.remove_header("Contact")
        last = [(name, value) for name, value in request.headers if name in ("Max-Forwards", "User-Agent")]
        for name, _ in last:
            request.remove_header(name)
        for name, value in message.outbound():
            if canonical(name) in _OWN:
                continue
            try:
                request.add_header(name, value)
            except ValueError:
                core.log.warning("a message to %s goes without the header %r, which cannot be sent", to.uri, name)
        for name, value in last:
            request.add_header(name, value)
        request.set_body(message.body, "text/plain")
        return request

    def _from(self, request: Request, endpoint: Endpoint, text: str) -> str:
        """The address given, with the endpoint's ``from_user`` and ``from_domain``; the endpoint's own without one."""
        own = request.from_
        if not text:
            return str(own)
        try:
            found = address(text if "@" in text or ":" in text else str(own.uri.replace(user=text)))
        except ParseError as error:
            self._core.log.warning("a message is not from %r: %s", text, error.message)
            return str(own)
        uri = plain(found.uri)
        if endpoint.from_user:
            uri = uri.replace(user=endpoint.from_user)
        if endpoint.from_domain:
            uri = uri.replace(host=endpoint.from_domain)
        if endpoint.user_eq_phone:
            uri = as_phone(uri)
        return str(NameAddr(found.display, uri, {"tag": own.tag}))

    def _to(self, uri: Uri, message: Message) -> str:
        text = message.to
        if not message.to_given or not text:
            return f"<{plain(uri)}>"
        if text[:6].lower() == "pjsip:":
            text = text[6:]
        try:
            found = address(text)
        except ParseError as error:
            self._core.log.warning("a message is not for %r: %s", text, error.message)
            return f"<{plain(uri)}>"
        return str(NameAddr(found.display, plain(found.uri)))


class _Outcome:
    """What became of a message: a failure is logged, a redirection followed where the endpoint allows it."""

    __slots__ = ("_endpoint", "_request", "_sender", "_tried")

    def __init__(self, sender: Sender, endpoint: Endpoint, request: Request, tried: tuple[str, ...]) -> None:
        self._sender = sender
        self._endpoint = endpoint
        self._request = request.copy()
        self._tried = tried

    def on_response(self, transaction: object, response: Response) -> None:
        """The final response counts."""
        if response.status < 300 or self._redirected(response):
            return
        self._failed(f"answered {response.status}")

    def on_timeout(self, transaction: object) -> None:
        """Nobody answered."""
        self._failed("not answered")

    def on_transport_error(self, transaction: object) -> None:
        """It could not be sent."""
        self._failed("not sent: the transport failed")

    def _failed(self, how: str) -> None:
        core = self._sender._core
        core.log.warning("the MESSAGE to %s (endpoint '%s') was %s", self._tried[-1], self._endpoint.id, how)

    def _redirected(self, response: Response) -> bool:
        """Send it once more to the Contact of a 3xx (``follow_redirect_methods``); whether it is."""
        if not 300 <= response.status < 400 or "message" not in self._endpoint.follow_redirect_methods:
            return False
        try:
            targets = [contact.uri for contact in response.contacts]
        except ParseError:
            return False
        target = next((uri for uri in targets if uri.is_sip and str(uri) not in self._tried), None)
        if target is None or len(self._tried) > MAX_REDIRECTIONS:
            return False
        request = self._request
        request.uri = target.replace(headers="") if target.headers else target
        core = self._sender._core
        request.set_header("CSeq", f"{request.cseq.number + MAX_REDIRECTIONS} MESSAGE")
        work = core.create_work("messaging/redirection")
        work.push(self._again, request)
        work.close()
        return True

    async def _again(self, request: Request) -> None:
        try:
            await self._sender.transmit(request, self._endpoint, self._tried)
        except MessageError as error:
            self._failed(f"redirected to {request.uri} in vain: {error}")
