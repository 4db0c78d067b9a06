"""Interfaces that the layer above the transactions implements: the transaction users of RFC 3261 section 5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mypy_extensions import mypyc_attr

if TYPE_CHECKING:
    from asterism.stack.errors import ParseError
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.client import ClientTransaction
    from asterism.stack.transactions.server import ServerTransaction
    from asterism.stack.transactions.server_invite import InviteServerTransaction


@mypyc_attr(allow_interpreted_subclasses=True)
class StackUser(Protocol):
    """Takes what arrives. One per :class:`~asterism.stack.transactions.layer.TransactionLayer`."""

    def on_request(self, request: Request) -> None:
        """A new request, neither ACK nor CANCEL, that belongs to no transaction yet.

        Answer it at once with ``layer.respond_stateless`` or make a transaction with
        ``layer.create_server_transaction``, now or later; until then retransmissions come here too.
        """

    def on_ack(self, request: Request) -> bool | None:
        """An ACK to a 2xx (possibly repeated, possibly stray).

        Returns:
            ``False`` if it could not be taken, as if it were lost: the 2xx is repeated, and the ACK will be.
        """

    def on_cancel(self, transaction: InviteServerTransaction, request: Request) -> None:
        """The INVITE of ``transaction`` is cancelled and has no final response yet.

        The CANCEL has been answered; respond 487 to the INVITE.
        """

    def on_ack_timeout(self, transaction: InviteServerTransaction) -> None:
        """A 2xx was never acknowledged (13.3.1.4: the session should be ended with a BYE), or a non-2xx (Timer H)."""

    def on_response_error(self, transaction: ServerTransaction) -> None:
        """The transport could not send a response of this transaction; the transaction is over (17.2.4)."""

    def on_stray_response(self, response: Response) -> None:
        """A response that belongs to no transaction of ours."""

    def on_malformed(self, error: ParseError, data: bytes, flow: Flow) -> None:
        """Something that is no SIP message arrived; where an answer was possible it has been given."""


@mypyc_attr(allow_interpreted_subclasses=True)
class ClientUser(Protocol):
    """Takes what becomes of one request that we sent. No method is called before ``send_request`` returned."""

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """A response: provisional ones, then the final one. A forked INVITE may bring several 2xx.

        The ACK to a 2xx is the user's; the ACK to any other final response has been sent.
        """

    def on_timeout(self, transaction: ClientTransaction) -> None:
        """No final response in time; treat as 408 (8.1.3.1)."""

    def on_transport_error(self, transaction: ClientTransaction) -> None:
        """The request could not be sent; treat as 503 (8.1.3.1)."""


@mypyc_attr(allow_interpreted_subclasses=True)
class NobodyAsks:
    """The user of requests whose outcome changes nothing, and of transactions that are over."""

    __slots__ = ()

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """Take no notice."""

    def on_timeout(self, transaction: ClientTransaction) -> None:
        """Take no notice."""

    def on_transport_error(self, transaction: ClientTransaction) -> None:
        """Take no notice."""


NOBODY = NobodyAsks()
