"""Sends messages outside calls: makes the request, finds the way, follows redirections where that is allowed."""

from __future__ import annotations

from inspect import isawaitable
from operator import itemgetter
from typing import TYPE_CHECKING

from asterism.applications.messaging.addresses import address, plain
from asterism.applications.messaging.destination import Destination, find_destination
from asterism.core.errors import AsterismError
from asterism.hostport import split_host_port
from asterism.pbx.messaging.message import Message, MessageError
from asterism.sip.phone_numbers import as_phone
from asterism.sip.resolving import Way
from asterism.stack.errors import ParseError, SipError
from asterism.stack.headers import NameAddr, canonical

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.sending import OutgoingRequest
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.client import ClientTransaction
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
"""Largest number of further targets tried for one message."""
MAX_TARGETS = 20
"""Largest number of targets remembered."""


class Sender:
    """The message technology ``pjsip``."""

    def __init__(self, core: SipCore) -> None:
        self._core = core

    async def send(self, destination: str, message: Message) -> None:
        """Send a message. Raises :class:`MessageError` when there is no way to its destination."""
        tests = self._core.test_events
        try:
            found = await find_destination(self._core, destination)
        except MessageError:
            if tests.wanted:
                tests.send("MSG_ENDPOINT_URI_FAIL", _told(destination, message))
            raise
        request = self._request(found, message)
        if tests.wanted:
            headers = (
                *_told(destination, message), ("Endpoint", found.endpoint.id), ("RequestURI", request.uri),
                ("ToURI", request.to.uri), ("FromURI", request.from_.uri),
            )  # fmt: skip
            tests.send("MSG_FROMTO_URI", headers)
        await self.transmit(request, found.endpoint, Outcome(self, found.endpoint, request))

    async def transmit(self, request: Request, endpoint: Endpoint, outcome: Outcome) -> None:
        """Send a request, what becomes of it being told to ``outcome``. Raises :class:`MessageError`."""
        way = await self._way(request, endpoint)
        self._core.send(request, outcome, endpoint, way)

    async def _way(self, request: Request, endpoint: Endpoint) -> Way:
        """Find the way before anything is sent, so that the sender learns when there is none."""
        routes = request.routes
        try:
            found = self._core.way_to(routes[0].uri if routes else request.uri, endpoint)
            return await found if isawaitable(found) else found
        except (OSError, AsterismError, SipError) as error:
            raise MessageError(str(error)) from error

    def _request(self, to: Destination, message: Message) -> Request:
        core, endpoint = self._core, to.endpoint
        hops = message.hops
        if hops is not None and hops < 1:
            raise MessageError("it has made too many hops")
        try:
            request = core.create_request("MESSAGE", to.contact or to.uri, endpoint)
        except (AsterismError, SipError) as error:
            raise MessageError(str(error)) from error
        if to.contact is not None and to.uri.user != request.uri.user:
            request.uri = request.uri.replace(user=to.uri.user)
        request.set_header("From", self._from(request, endpoint, message.from_))
        request.set_header("To", self._to(request.uri, message, endpoint.habits.own_number))
        habits = endpoint.habits
        if habits.own_number:
            contact = request.get("Contact") or ""
            request.set_header("Contact", f"<sip:{request.from_.uri.user}@{contact.partition('@')[2]}")
        else:
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
        if hops is not None and hops <= core.state.max_forwards:
            # What comes back to us by way of others is the same message still.
            request.set_header("Max-Forwards", str(hops - 1))
        request.set_body(message.body, "text/plain;charset=UTF-8" if habits.old_bodies else "text/plain")
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
        uri = plain(found.uri, endpoint.habits.own_number)
        if endpoint.from_user:
            uri = uri.replace(user=endpoint.from_user)
        if endpoint.from_domain:
            host, port = split_host_port(endpoint.from_domain)
            uri = uri.replace(host=host, port=port)
        if endpoint.user_eq_phone:
            uri = as_phone(uri)
        return str(NameAddr(found.display or endpoint.habits.nobody[0], uri, {"tag": own.tag}))

    def _to(self, uri: Uri, message: Message, port: bool) -> str:
        text = message.to
        if not message.to_given or not text:
            return f"<{plain(uri, port)}>"
        if text[:6].lower() == "pjsip:":
            text = text[6:]
        try:
            found = address(text)
        except ParseError as error:
            self._core.log.warning("a message is not for %r: %s", text, error.message)
            return f"<{plain(uri, port)}>"
        return str(NameAddr(found.display, plain(found.uri, port)))


def _told(destination: str, message: Message) -> tuple[tuple[str, str], ...]:
    """What tests are told of a message that is to be sent: as it is now, and as it was received."""
    from_, to = message.received
    return (("MdataFrom", message.from_), ("MsgFrom", from_), ("MdataDestination", destination), ("MsgTo", to))


class Outcome:
    """The outcome of sending one message, over all targets that it is sent to (a ``ClientUser``).

    A failure is logged. Where the endpoint allows it, redirections are followed: the targets that 3xx answers name are
    tried by their ``q``, the next one when one fails, and none twice (RFC 3261 8.1.3.4).
    """

    __slots__ = ("_attempts", "_endpoint", "_request", "_sender", "_targets", "_tried")

    def __init__(self, sender: Sender, endpoint: Endpoint, request: Request) -> None:
        self._sender = sender
        self._endpoint = endpoint
        self._request = request.copy()
        self._tried = [_comparable(request.uri)]
        self._targets: list[tuple[float, Uri]] = []
        self._attempts = 0

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """The final response counts."""
        status = response.status
        if status < 300:
            return
        if status < 400 and "message" in self._endpoint.follow_redirect_methods:
            self._add_targets(response)
        # A 6xx speaks for all targets (16.7).
        if status >= 600 or not self._try_next(transaction):
            self._failed(f"answered {status}")

    def on_timeout(self, transaction: ClientTransaction) -> None:
        """No answer came in time."""
        if not self._try_next(transaction):
            self._failed("not answered")

    def on_transport_error(self, transaction: ClientTransaction | OutgoingRequest) -> None:
        """The request could not be sent."""
        if not self._try_next(transaction):
            self._failed("not sent: the transport failed")

    def _failed(self, how: str) -> None:
        core = self._sender._core
        core.log.warning("the MESSAGE to %s (endpoint '%s') was %s", self._request.uri, self._endpoint.id, how)

    def _add_targets(self, response: Response) -> None:
        try:
            contacts = response.contacts
        except ParseError:
            return
        for contact in contacts:
            uri = _comparable(contact.uri)
            known = (*self._tried, *(target for _, target in self._targets))
            if uri.is_sip and not any(uri.matches(one) for one in known) and len(known) <= MAX_TARGETS:
                self._targets.append((_q(contact), uri))
        self._targets.sort(key=itemgetter(0), reverse=True)

    def _try_next(self, sent: ClientTransaction | OutgoingRequest) -> bool:
        """Send it to the next target; ``False`` when there is none."""
        if not self._targets or self._attempts >= MAX_REDIRECTIONS:
            return False
        self._attempts += 1
        _, target = self._targets.pop(0)
        self._tried.append(target)
        request = self._request
        request.uri = target
        request.set_header("CSeq", f"{sent.request.cseq.number + 1} MESSAGE")
        work = self._sender._core.create_work("messaging/redirection")
        work.push(self._again, request.copy())
        work.close()
        return True

    async def _again(self, request: Request) -> None:
        try:
            await self._sender.transmit(request, self._endpoint, self)
        except MessageError as error:
            self._failed(f"redirected to {request.uri} in vain: {error}")


def _comparable(uri: Uri) -> Uri:
    """A target as it is sent to: without headers."""
    return uri.replace(headers="") if uri.headers else uri


def _q(contact: NameAddr) -> float:
    """The preference of a Contact, 0 to 1; 1 without one (as for a Contact in a REGISTER, RFC 3261 20.10)."""
    text = contact.params.get("q")
    try:
        value = 1.0 if text is None else float(text)
    except ValueError:
        return 0.0
    return value if 0.0 <= value <= 1.0 else 0.0
