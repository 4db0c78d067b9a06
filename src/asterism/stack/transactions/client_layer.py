"""The client side of the transaction layer: requests out, responses in."""

from __future__ import annotations

from collections.abc import Callable
from os import urandom
from typing import TYPE_CHECKING, Any

from asterism.stack.errors import ParseError
from asterism.stack.message import Request, Response
from asterism.stack.transactions.client import ClientTransaction
from asterism.stack.transactions.client_invite import InviteClientTransaction
from asterism.stack.transactions.client_non_invite import NonInviteClientTransaction
from asterism.stack.transactions.config import TimerConfig
from asterism.stack.transactions.matching import (
    request_key,
    response_key,
)
from asterism.stack.transactions.server import ServerTransaction
from asterism.stack.transactions.table import TransactionTable
from asterism.stack.transactions.users import NOBODY
from asterism.stack.uri import format_host_port

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.timers import TimerQueue
    from asterism.stack.transactions.users import ClientUser, StackUser


_HINTED_REPEATS = 3
"""Repetitions of a request after which a notice that it was not delivered is believed."""


def _local_sent_by(flow: Flow) -> str:
    return format_host_port(*flow.local)


class ClientTransactions:
    """The client side of a :class:`~asterism.stack.transactions.layer.TransactionLayer`: requests out, responses in.

    The base of that class and of no other: both sides share limits, timers and the watch for flows that fail.
    """

    __slots__ = (
        "_clients",
        "_servers",
        "ask_rport",
        "config",
        "counters",
        "new_token",
        "on_state",
        "sent_by",
        "t1",
        "t2",
        "timeout",
        "timers",
        "until_t2",
        "user",
    )

    def __init__(self, config: TimerConfig, timers: TimerQueue, user: StackUser) -> None:
        self.config = config
        self.timers = timers
        self.user = user
        self.t1 = config.t1
        self.t2 = config.t2
        self.timeout = config.timeout
        self.until_t2 = config.until_t2
        self.ask_rport = True
        self.sent_by: Callable[[Flow], str] = _local_sent_by
        self.new_token: Callable[[], str] = lambda: urandom(10).hex()
        self.on_state: Callable[[ClientTransaction | ServerTransaction], object] | None = None
        self.counters = {"malformed": 0, "merged": 0, "overload": 0, "retransmissions": 0, "stray_ack": 0}
        finished = (config.max_finished, config.max_finished_bytes)
        self._servers: TransactionTable[ServerTransaction] = TransactionTable(timers, *finished)
        self._clients: TransactionTable[ClientTransaction] = TransactionTable(timers, *finished)

    # -- requests that are sent ------------------------------------------------------------------------------------

    def send_request(
        self,
        request: Request,
        flow: Flow,
        user: ClientUser,
        now: float | None = None,
        timing: tuple[float, float] | None = None,
    ) -> ClientTransaction:
        """Send a request over a flow: put a Via on top, start a transaction.

        ``timing`` is T1 and Timer B in seconds for a peer that has others than the layer.

        Nothing is raised for what goes wrong on the way; ``user`` is told later, never before this returns.

        Raises:
            ValueError: for an ACK, see :meth:`send_ack`.
        """
        method = request.method
        if method == "ACK":
            raise ValueError("an ACK has no transaction; use send_ack")
        branch = self._put_via(request, flow)
        layer: Any = self
        kind = InviteClientTransaction if method == "INVITE" else NonInviteClientTransaction
        transaction = kind(layer, request, flow, user, branch, f"{branch} {method}")
        if timing is not None:
            transaction.timing = timing
        if len(self._servers.entries) + len(self._clients.entries) >= self.config.max_transactions and self._is_full():
            self.counters["overload"] += 1
            self.timers.call_later(0.0, transaction.transport_failed)
            return transaction
        self._start(transaction, now)
        return transaction

    def _put_via(self, request: Request, flow: Flow) -> str:
        """Put our Via on top and return its branch; on a connection that both sides can use it says so (RFC 5923)."""
        branch = f"z9hG4bK{self.new_token()}"
        transport = flow.transport
        alias = ";alias" if transport == "TCP" or transport == "TLS" else ""
        rport = ";rport" if self.ask_rport else ""
        sent_by = flow.sent_by or self.sent_by(flow)
        request.prepend_header("Via", f"SIP/2.0/{transport} {sent_by}{rport};branch={branch}{alias}")
        return branch

    def undelivered(self, data: bytes, flow: Flow) -> None:
        """The transport heard that a datagram sent over ``flow`` was not delivered (18.4); what it was may be cut off.

        Only the transaction of that very request fails, and only if its branch, which nobody else can guess, is
        there: anybody could make up such a notice. It is a hint and no more: the peer may be starting again, or a
        router be wrong for a moment. So the request is repeated as ever, and given up early only if even its third
        repetition was not delivered.
        """
        key = request_key(data)
        entry = self._clients.entries.get(key) if key else None
        if (
            isinstance(entry, ClientTransaction)
            and entry.repeats >= _HINTED_REPEATS
            and (entry.flow is flow or entry.flow.remote == flow.remote)
        ):
            self.timers.call_later(0.0, entry.transport_failed)

    def send_ack(self, request: Request, flow: Flow) -> None:
        """Send the ACK to a 2xx, which belongs to no transaction: put a Via on top and send it."""
        self._put_via(request, flow)
        flow.send(request.to_bytes())

    def send_cancel(self, invite: InviteClientTransaction, request: Request) -> None:
        """Send the CANCEL of an INVITE; it has the INVITE's Via (called by the machine)."""
        key = f"{invite.branch} CANCEL"
        layer: Any = self
        self._start(NonInviteClientTransaction(layer, request, invite.flow, NOBODY, invite.branch, key), None)

    def finish_client(self, transaction: ClientTransaction, data: bytes, lifetime: float) -> None:
        """Reduce a transaction to what absorbs (or answers) repeated responses (called by the machines)."""
        flow = transaction.flow
        self._clients.finish(transaction.key, "", (data, flow) if data else b"", lifetime)
        if flow.transactions:
            flow.transactions.discard(transaction)

    def forget_client(self, transaction: ClientTransaction) -> None:
        """Drop a transaction (called by the machines)."""
        self._clients.remove(transaction.key, "")
        if transaction.flow.transactions:
            transaction.flow.transactions.discard(transaction)

    def _receive_response(self, response: Response, flow: Flow) -> None:
        try:
            key = response_key(response)
        except ParseError as error:
            self.counters["malformed"] += 1
            self.user.on_malformed(error, b"", flow)
            return
        entry = self._clients.entries.get(key)
        if isinstance(entry, ClientTransaction):
            entry.receive_response(response)
        elif entry is None:
            self.user.on_stray_response(response)
        elif isinstance(entry, tuple) and response.status >= 300:
            # Completed, INVITE: the ACK again (figure 5).
            entry[1].send(entry[0])

    # -- all ------------------------------------------------------------------------------------------------------

    @property
    def live_transactions(self) -> int:
        """How many transactions have an object: unanswered ones, and INVITEs that wait for an ACK or for forks."""
        return self._servers.live + self._clients.live

    @property
    def finished_transactions(self) -> int:
        """How many finished transactions are remembered for retransmissions."""
        return self._servers.finished + self._clients.finished

    def transactions(self) -> list[ClientTransaction | ServerTransaction]:
        """The live transactions, for listings."""
        live: list[ClientTransaction | ServerTransaction] = [
            entry for entry in self._servers.entries.values() if isinstance(entry, ServerTransaction)
        ]
        live.extend(entry for entry in self._clients.entries.values() if isinstance(entry, ClientTransaction))
        return live

    def _start(self, transaction: ClientTransaction, now: float | None) -> None:
        flow = transaction.flow
        self._clients.entries[transaction.key] = transaction
        waiting = flow.transactions
        (self._watch(flow) if waiting is None else waiting).add(transaction)
        transaction.start(self.timers.clock() if now is None else now)
        if flow.closed:
            self.timers.call_later(0.0, transaction.transport_failed)

    def _is_full(self) -> bool:
        """Whether there is no room for another transaction; asked where there might be none."""
        return self.live_transactions >= self.config.max_transactions

    def _watch(self, flow: Flow) -> set[Any]:
        """Be told when a flow breaks: the set of the transactions that are to learn of it."""
        waiting: set[Any] = set()
        flow.transactions = waiting
        flow.on_error.append(self._flow_failed)
        return waiting

    def _flow_failed(self, flow: Flow, error: Exception | None) -> None:
        """A flow could not send, or closed. Its transactions learn of it later, not from inside their own call."""
        del error
        for transaction in flow.transactions or ():
            self.timers.call_later(0.0, self._transaction_failed, transaction, flow)

    def _transaction_failed(self, transaction: ClientTransaction | ServerTransaction, flow: Flow) -> None:
        # In between it may have left that flow for another.
        if transaction.flow is flow:
            transaction.transport_failed()
