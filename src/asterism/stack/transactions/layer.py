"""The transaction layer: every message goes through here, in and out."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.stack.errors import ParseError
from asterism.stack.limits import DEFAULT_LIMITS
from asterism.stack.message import Request, Response, make_response
from asterism.stack.parser import parse_message
from asterism.stack.transactions.client_layer import ClientTransactions
from asterism.stack.transactions.config import TimerConfig
from asterism.stack.transactions.current import CurrentRequest
from asterism.stack.transactions.matching import (
    mark_source,
    merged_key,
    own_tag,
    response_address,
    restore_via,
    server_key,
    tagged_bytes,
)
from asterism.stack.transactions.reconnecting import reconnect_address
from asterism.stack.transactions.server import ServerTransaction
from asterism.stack.transactions.server_invite import InviteServerTransaction
from asterism.stack.transactions.server_non_invite import NonInviteServerTransaction
from asterism.stack.transactions.state import TransactionState

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.timers import TimerQueue
    from asterism.stack.transactions.matching import AckKey
    from asterism.stack.transactions.table import Finished
    from asterism.stack.transactions.users import StackUser


HeldRequest = tuple[str, str, "Flow", bool]
"""A request on hold: its keys, where the answer goes, and whether that is where the request came from."""


def _same_caller(request: Request, invite: Request) -> bool:
    """Whether an ACK has the From tag of the INVITE that it is to."""
    try:
        return request.from_.tag == invite.from_.tag
    except ParseError:
        return False


def _same_flow(flow: Flow, host: str, port: int, server_name: str = "") -> Flow:
    del host, port, server_name
    return flow


class TransactionLayer(ClientTransactions):
    """All transactions of one stack; the server side is here, the client side in the base class.

    Args:
        config: timers and limits.
        timers: the queue that drives the machines; its clock is the layer's.
        user: takes requests, ACKs, CANCELs and stray responses.

    Attributes:
        sent_by: hook: what the Via of a request over this flow says, ``host[:port]``; by default the flow's local
            address.
        limits: what a message may hold; it may be replaced.
        force_rport: send responses to the source of each request, whether its Via asks for that or not; see
            :meth:`restore_via`.
        ask_rport: put ``rport`` into the Via of our requests (RFC 3581).
        response_flow: hook: ``response_flow(flow, host, port, server_name="")`` is a flow of the same transport as the
            given one, to another address; used when a response may not go where the request came from (no ``rport``),
            or when the connection that it came over has closed. By default the same flow.
        new_token: hook: makes the unguessable part of branches; tests may replace it.
        on_state: hook: told of every change of state of a live transaction; ``None`` costs nothing.
        counters: what the layer did by itself, by name.
    """

    __slots__ = (
        "_awaiting_ack",
        "_current",
        "_secret",
        "force_rport",
        "limits",
        "response_flow",
    )

    def __init__(self, config: TimerConfig, timers: TimerQueue, user: StackUser) -> None:
        super().__init__(config, timers, user)
        self.limits = DEFAULT_LIMITS
        self.force_rport = False
        self.response_flow: Callable[..., Flow] = _same_flow
        self._awaiting_ack: dict[AckKey, InviteServerTransaction] = {}
        self._current = CurrentRequest()
        self._secret = secrets.token_hex(16)

    # -- what arrives ---------------------------------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one message as it came from the transport.

        Anything may be in ``data``. What is malformed is answered if it is a request that can be answered (never an
        ACK), and reported to the user. Only what the user's callbacks raise comes out of here.

        Args:
            data: one message, framed.
            flow: where it came from.
            now: the time of receipt on the clock of the timers.
        """
        try:
            message = parse_message(data, self.limits)
        except ParseError as error:
            self._receive_malformed(error, data, flow, now)
            return
        message.flow = flow
        message.received_at = now
        if isinstance(message, Response):
            self._receive_response(message, flow)
        else:
            self._receive_request(message, flow, now)

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        method = request.method
        try:
            host, port = flow.remote
            force = self.force_rport and not flow.reliable
            key, back = mark_source(request, host, port, "INVITE" if method == "ACK" else method, force)
            entry = self._servers.entries.get(key)
            if entry is not None:
                self._receive_again(request, key, entry, flow)
                return
            current = self._current
            current.request = request
            current.key = key
            current.merged_key = None
            current.flow_back = flow if back or flow.reliable else None
            if method == "ACK":
                self._receive_ack(request, key)
                return
            if method == "CANCEL":
                self._receive_cancel(request, f"{key[:-6]}INVITE")
                return
        except ParseError as error:
            self._receive_malformed(error, b"", flow, now, request)
            return
        merged = self._servers.merged
        if merged:
            current.merged_key = own = merged_key(request)
            if own in merged:
                self.counters["merged"] += 1
                self.respond_stateless(request, make_response(request, 482))
                return
        if len(self._servers.entries) + len(self._clients.entries) >= self.config.max_transactions and self._is_full():
            self.counters["overload"] += 1
            response = make_response(request, 503)
            response.add_header("Retry-After", "5")
            self.respond_stateless(request, response)
            return
        fresh: list[ServerTransaction] = []
        current.created = fresh
        try:
            self.user.on_request(request)
        except ParseError as error:
            # The user found a header malformed that nobody had looked at before.
            if fresh:
                fresh[0].respond(make_response(request, error.status))
                self.counters["malformed"] += 1
                self.user.on_malformed(error, b"", flow)
            else:
                self._receive_malformed(error, b"", flow, now, request)
        finally:
            current.created = None
            for transaction in fresh:
                if transaction.state not in _OVER:
                    self._arm(transaction)

    def _receive_again(self, request: Request, key: str, entry: ServerTransaction | Finished, flow: Flow) -> None:
        """A request that matches a transaction, live or finished: a retransmission, or the ACK."""
        if request.method == "ACK":
            if isinstance(entry, InviteServerTransaction):
                if entry.state is TransactionState.ACCEPTED:
                    self._receive_ack(request, key)
                else:
                    entry.receive_ack()
            return
        if isinstance(entry, bytes):
            if entry:
                self.counters["retransmissions"] += 1
                flow.send(entry)
            return
        self.counters["retransmissions"] += 1
        if isinstance(entry, tuple):
            entry[1].send(entry[0])
            return
        if entry.flow.closed and entry.flow.remote[0] == flow.remote[0]:
            # The client has a new connection and asks again.
            self._move(entry, flow)
        entry.receive_retransmission()

    def _receive_ack(self, request: Request, key: str) -> None:
        """An ACK outside Completed: to a 2xx, or to what was answered without a transaction (8.2.7), or stray."""
        number, tag = request.cseq.number, request.to.tag
        ack_key = (request.call_id, number, tag)
        transaction = self._awaiting_ack.get(ack_key)
        if transaction is None:
            if tag is not None and tag == self.tag_of(key):
                self.counters["stray_ack"] += 1
            else:
                self.user.on_ack(request)
        elif not _same_caller(request, transaction.request):
            # Of another dialog, whoever sent it: ours still waits for its ACK.
            self.counters["stray_ack"] += 1
        elif self.user.on_ack(request) is not False:
            self._awaiting_ack.pop(ack_key, None)
            transaction.acknowledged()

    def _receive_cancel(self, request: Request, invite_key: str) -> None:
        entry = self._servers.entries.get(invite_key)
        if entry is None:
            self.respond_stateless(request, make_response(request, 481))
            return
        if isinstance(entry, InviteServerTransaction) and not entry.request.sent_via:
            # Hop by hop, like the INVITE that it cancels.
            self.restore_via(request)
        own = self.create_server_transaction(request)
        if not isinstance(entry, InviteServerTransaction):
            own.respond(make_response(request, 200, "", self.tag_of(invite_key)))
            return
        own.respond(make_response(request, 200, "", entry.to_tag))
        if entry.state is TransactionState.PROCEEDING:
            self.user.on_cancel(entry, request)

    def _receive_malformed(
        self, error: ParseError, data: bytes, flow: Flow, now: float, request: Request | None = None
    ) -> None:
        self.counters["malformed"] += 1
        if error.request is not None:
            request = error.request
        if request is not None and request.method != "ACK":
            try:
                if request.flow is None:
                    request.flow = flow
                    request.received_at = now
                    request.mark_source(*flow.remote)
                self.respond_stateless(request, make_response(request, error.status))
            except ParseError:
                self._answer_sender(request, error.status, flow)
        self.user.on_malformed(error, data, flow)

    def _answer_sender(self, request: Request, status: int, flow: Flow) -> None:
        """Answer a request whose Via cannot be read, but looks like one: to where it came from."""
        via = request.get("Via") or ""
        if via[:4].upper() == "SIP/":
            response = make_response(request, status)
            flow.send(tagged_bytes(response, self.tag_of, via))

    # -- servers --------------------------------------------------------------------------------------------------

    def create_server_transaction(self, request: Request) -> ServerTransaction:
        """Make the transaction that answers ``request``, which came through this layer.

        Raises:
            ValueError: for an ACK, which has none; for a request that did not come from a flow; or when the request
                has one already.
        """
        flow = request.flow
        if flow is None or request.method == "ACK":
            raise ValueError("only a received request that is not an ACK has a server transaction")
        table = self._servers
        current = self._current
        if request is current.request and flow is current.flow_back:
            key, back = current.key, flow
            merged = merged_key(request) if current.merged_key is None else current.merged_key
        else:
            key, merged, back = self._place(request, flow)
        if key in table.entries:
            raise ValueError("the request has a server transaction already")
        if merged:
            table.merged[merged] = key
        kind = InviteServerTransaction if request.method == "INVITE" else NonInviteServerTransaction
        transaction = table.entries[key] = kind(self, request, back, key, merged)
        if current.created is not None:
            current.created.append(transaction)
        else:
            self._arm(transaction)
        return transaction

    def hold(self, request: Request) -> HeldRequest:
        """Absorb retransmissions of a request by datagram that is answered a moment later, by :meth:`answer_held`.

        What a server transaction would do for it, without one: there is no timer, so the answer must come for certain,
        and nobody is told when it cannot be sent. No INVITE.

        Raises:
            ValueError: the request did not come from a flow, or has a server transaction already.
        """
        flow = request.flow
        table = self._servers
        if flow is None:
            raise ValueError("only a received request can be held")
        key, merged, back = self._place(request, flow)
        if key in table.entries:
            raise ValueError("only a request without a server transaction can be held")
        if merged:
            table.merged[merged] = key
        table.entries[key] = b""
        return key, merged, back, back is flow

    def answer_held(self, held: HeldRequest, data: bytes) -> None:
        """Send the bytes of the final response to a request that :meth:`hold` was called for, and keep them."""
        key, merged, flow, same = held
        if merged:
            self._servers.release(merged)
        self._servers.finish(key, "", data if same else (data, flow), self.timeout)
        flow.send(data)

    def find_server_transaction(self, request: Request) -> ServerTransaction | None:
        """The live transaction that a received request belongs to."""
        entry = self._servers.entries.get(self._key(request))
        return entry if isinstance(entry, ServerTransaction) else None

    def can_reconnect(self, transaction: ServerTransaction) -> bool:
        """Whether the connection of a request has closed, and its client can be connected to (18.2.2)."""
        flow = transaction.flow
        return flow.closed and flow is transaction.request.flow and reconnect_address(transaction.request) is not None

    def reconnect(self, transaction: ServerTransaction) -> bool:
        """Have the responses of a transaction go over a new connection, once (called by the machines).

        Only transactions do this: what is answered without one costs the sender nothing, and could be made to open
        any number of connections.
        """
        flow = transaction.flow
        address = reconnect_address(transaction.request) if flow is transaction.request.flow else None
        other = flow if address is None else self.response_flow(flow, *address)
        if other is flow or other.closed:
            return False
        self._move(transaction, other)
        return True

    def _move(self, transaction: ServerTransaction, flow: Flow) -> None:
        if transaction.flow.transactions:
            transaction.flow.transactions.discard(transaction)
        transaction.flow = flow
        waiting = flow.transactions
        (self._watch(flow) if waiting is None else waiting).add(transaction)

    def restore_via(self, request: Request) -> None:
        """Take back what ``force_rport`` did to a request that has not been answered yet: its Via is followed."""
        if request.sent_via and request.flow is not None:
            restore_via(request, request.flow.remote[0])
            if request is self._current.request:
                self._current.flow_back = None

    def respond_stateless(self, request: Request, response: Response) -> None:
        """Answer without a transaction (8.2.7); the To-tag, if missing, is the same for every copy of the request."""
        flow = request.flow
        if flow is None:
            raise ValueError("only a received request can be answered")
        self._flow_back(request, flow).send(tagged_bytes(response, self.tag_of, self._key(request)))

    def send_stateless(self, request: Request, data: bytes) -> None:
        """Send the bytes of a response (from ``stateless.response_bytes``) without a transaction."""
        flow = request.flow
        if flow is None:
            raise ValueError("only a received request can be answered")
        known = request is self._current.request and flow is self._current.flow_back
        (flow if known else self._flow_back(request, flow)).send(data)

    def to_tag(self, request: Request) -> str:
        """The To-tag for responses to ``request``: derived from its branch, so that no state is needed to repeat it."""
        return self.tag_of(self._key(request))

    def tag_of(self, key: str) -> str:
        """The To-tag that goes with the key of a server transaction."""
        return f"as{hash(self._secret + key) & 0xFFFFFFFFFFFFFFFF:016x}"

    def finish_server(self, transaction: ServerTransaction, data: bytes, lifetime: float) -> None:
        """Reduce a transaction to what answers retransmissions (called by the machines)."""
        flow = transaction.flow
        entry = data if not data or flow is transaction.request.flow else (data, flow)
        self._servers.finish(transaction.key, transaction.merged_key, entry, lifetime)
        if flow.transactions:
            flow.transactions.discard(transaction)

    def release_merged(self, transaction: ServerTransaction) -> None:
        """A transaction is not ongoing any more (called by the machines): its twin by another way is no merged request.

        8.2.2.2 speaks of an ongoing transaction. A proxy that hunts sends its next branch after a final answer, and a
        client that repeats a REGISTER or MESSAGE, with a new branch only, wants it handled.
        """
        merged, transaction.merged_key = transaction.merged_key, ""
        if merged:
            self._servers.release(merged)

    def forget_server(self, transaction: ServerTransaction) -> None:
        """Drop a transaction (called by the machines)."""
        self._servers.remove(transaction.key, transaction.merged_key)
        if transaction.ack_key is not None:
            self._awaiting_ack.pop(transaction.ack_key, None)
        if transaction.flow.transactions:
            transaction.flow.transactions.discard(transaction)

    def await_ack(self, transaction: InviteServerTransaction, response: Response) -> None:
        """Look out for the ACK to a 2xx (called by the machine)."""
        request = transaction.request
        try:
            tag = own_tag(response)
        except ParseError:
            # The request's To was malformed and its user did not mind; no ACK to it can be read either.
            tag = transaction.to_tag
        transaction.ack_key = key = (request.call_id, request.cseq.number, tag)
        self._awaiting_ack[key] = transaction

    def _arm(self, transaction: ServerTransaction) -> None:
        """The user did not answer at once: now timers and a broken flow matter."""
        transaction.arm()
        waiting = transaction.flow.transactions
        (self._watch(transaction.flow) if waiting is None else waiting).add(transaction)

    def _place(self, request: Request, flow: Flow) -> tuple[str, str, Flow]:
        """The two keys of a request, and the flow that its responses go over."""
        current = self._current
        if request is current.request:
            merged = merged_key(request) if current.merged_key is None else current.merged_key
            return current.key, merged, flow if flow is current.flow_back else self._flow_back(request, flow)
        return self._key(request), merged_key(request), self._flow_back(request, flow)

    def _key(self, request: Request) -> str:
        if request is self._current.request:
            return self._current.key
        return server_key(request, request.via, "INVITE" if request.method == "ACK" else request.method)

    def _flow_back(self, request: Request, flow: Flow) -> Flow:
        """Where the response goes: the flow of the request, except by datagram without ``rport`` (18.2.2)."""
        if flow.reliable or (request is self._current.request and flow is self._current.flow_back):
            return flow
        via = request.via
        host, port = response_address(via, flow.remote)
        return flow if port == flow.remote[1] else self.response_flow(flow, host, port)


_OVER = (TransactionState.COMPLETED, TransactionState.TERMINATED, TransactionState.CONFIRMED)
