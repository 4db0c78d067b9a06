"""A received request on its way through the server (``pjsip_rx_data`` in docs/development/res-sip-api.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from asterism.sip.style import dress_response
from asterism.sip.tags import tag_from_branch
from asterism.stack.grammar import check_value
from asterism.stack.headers.names import KNOWN
from asterism.stack.message import make_response
from asterism.stack.stateless import header_block, response_bytes
from asterism.stack.transactions.server_invite import InviteServerTransaction

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.dialogs import DialogEntry
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.works import Work
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.layer import HeldRequest
    from asterism.stack.transactions.server import ServerTransaction

HeaderList = Iterable[tuple[str, str]]


@lru_cache(maxsize=64)
def _own_block(fixed: tuple[tuple[str, str], ...], server: str) -> str:
    """The constant lines of a response as text."""
    return header_block((*fixed, ("Server", server)) if server else fixed)


class Rx:
    """One request, what was found out about it, and the ways to answer it.

    ``endpoint`` and ``identified_by`` are set by identification, ``auth`` by authentication (the id of the auth
    object that matched), ``dialog`` and ``work`` for in-dialog requests. ``answered`` tells whether a final
    response went out through this object.
    """

    __slots__ = ("answered", "auth", "core", "dialog", "endpoint", "flow", "held", "identified_by", "now",
                 "request", "transaction", "work")  # fmt: skip

    def __init__(self, core: SipCore, request: Request, flow: Flow, now: float) -> None:
        self.core = core
        self.request = request
        self.flow = flow
        self.now = now
        self.endpoint: Endpoint | None = None
        self.identified_by = ""
        self.auth = ""
        self.transaction: ServerTransaction | None = None
        self.held: HeldRequest | None = None
        self.work: Work | None = None
        self.dialog: DialogEntry | None = None
        self.answered = False

    def __repr__(self) -> str:
        return f"<Rx {self.request.method} from {self.flow.remote}>"

    def restore_via(self) -> None:
        """Have the answer go where the Via says after all, since the endpoint is without ``force_rport``."""
        if self.request.sent_via:
            self.core.state.layer.restore_via(self.request)

    def transaction_for(self) -> ServerTransaction:
        """The request's server transaction, made on first use."""
        transaction = self.transaction
        if transaction is None:
            transaction = self.transaction = self.core.state.layer.create_server_transaction(self.request)
        return transaction

    def make_response(
        self,
        status: int,
        reason: str = "",
        headers: HeaderList = (),
        body: bytes | str = b"",
        content_type: str = "",
        to_tag: str = "",
        fixed: HeaderList = (),
        unproved: bool = False,
    ) -> Response:
        """A response to this request, with our ``Server`` header and the hooks of the services applied.

        ``fixed`` are constant headers of ours, put in unchecked (never anything that came from a peer).
        ``unproved``: the sender has not shown who it is, and gets what anybody gets.
        Without ``to_tag`` the tag is derived from the branch, so that every response to one request
        carries the same one without anybody keeping it (RFC 3261 section 8.2.7).
        """
        request = self.request
        if not to_tag and status != 100:
            to_tag = tag_from_branch(request)
        state = self.core.state
        style, endpoint = None, self.endpoint
        if endpoint is not None and not unproved:
            habits = endpoint.habits
            style = habits.style
            if habits.phrases and not reason:
                reason = habits.phrases.get(status, "")
        elif self.flow.name in state.receptions:
            style = state.receptions[self.flow.name].style
        response = make_response(request, status, reason, to_tag)
        lines = response.headers
        for name, value in headers:
            if KNOWN.get(name) == name:
                # A name we know needs no looking at; what it holds does.
                lines.append((name, check_value(value)))
            else:
                response.add_header(name, value)
        lines.extend(fixed)
        if state.server_header:
            lines.append(("Server", state.server_header))
        if body:
            response.set_body(body, content_type)
        if style is not None:
            dress_response(response, style)
        for hook in state.response_hooks:
            hook(response, self)
        return response

    def respond(
        self,
        status: int,
        reason: str = "",
        headers: HeaderList = (),
        body: bytes | str = b"",
        content_type: str = "",
    ) -> Response:
        """Answer through the request's server transaction and return the response as sent."""
        response = self.make_response(status, reason, headers, body, content_type)
        self.send(response, dressed=not self.core.state.response_hooks)
        return response

    def send(self, response: Response, *, dressed: bool = False) -> None:
        """Send a response through the request's server transaction; ``dressed``: as it was made, nothing was added."""
        if response.status >= 200:
            self.answered = True
        endpoint = self.endpoint
        if not dressed and endpoint is not None and endpoint.habits.style is not None:
            dress_response(response, endpoint.habits.style)
        if self.transaction is not None:
            self.transaction.respond(response)
        elif self.held is not None:
            self._answer_held(self.held, response.to_bytes())
        else:
            self.transaction_for().respond(response)

    def hold(self, status: int, headers: HeaderList) -> Callable[[], None]:
        """A function that answers this request when called; until then retransmissions of it are absorbed.

        For answers that wait for the end of the loop's turn and surely come: if it cannot be this one, :meth:`respond`
        with another. By datagram, where nobody else looks at the response, that takes no transaction.
        """
        state = self.core.state
        layer = state.layer
        endpoint = self.endpoint
        if (
            self.flow.reliable
            or self.transaction is not None
            or state.response_hooks
            or layer.on_state is not None
            or (endpoint is not None and endpoint.habits.style is not None)
        ):
            response = self.make_response(status, headers=headers)
            self.transaction_for()
            return partial(self.send, response, dressed=not state.response_hooks)
        request = self.request
        self.held = held = layer.hold(request)
        block = header_block(headers) + _own_block((), state.server_header)
        return partial(self._answer_held, held, response_bytes(request, status, tag_from_branch(request), block))

    def _answer_held(self, held: HeldRequest, data: bytes) -> None:
        self.answered = True
        self.held = None
        self.core.state.layer.answer_held(held, data)

    def respond_stateless(
        self,
        status: int,
        reason: str = "",
        headers: HeaderList = (),
        body: bytes | str = b"",
        content_type: str = "",
        fixed: tuple[tuple[str, str], ...] = (),
        unproved: bool = False,
    ) -> None:
        """Answer and forget; through the transaction if the request has one by now (it was parked)."""
        state, endpoint = self.core.state, self.endpoint
        plain = (
            self.flow.name not in state.receptions if unproved or endpoint is None else endpoint.habits.style is None
        )
        if plain and not (self.transaction or self.held or body or reason or state.response_hooks) and status > 100:
            # No observer needs the response object: the bytes are written directly.
            request = self.request
            block = header_block(headers) if headers else ""
            data = response_bytes(
                request, status, tag_from_branch(request), block + _own_block(fixed, state.server_header)
            )
            self.answered = True
            state.layer.send_stateless(request, data)
            return
        response = self.make_response(status, reason, headers, body, content_type, fixed=fixed, unproved=unproved)
        self.answered = True
        if self.transaction is not None:
            self.transaction.respond(response)
            if isinstance(self.transaction, InviteServerTransaction):
                self.transaction.say_once()
        elif self.held is not None:
            self._answer_held(self.held, response.to_bytes())
        else:
            self.core.state.layer.respond_stateless(self.request, response)
