"""One request that a client repeats until it has an outcome: with credentials, or as its answer wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from asterism.sip.sending import OutgoingRequest
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.client import ClientTransaction


class Attempting(Protocol):
    """A client that makes attempts one after the other."""

    def answered(self, attempt: Any, request: Request, response: Response) -> None:
        """A final response to the request that was sent last."""

    def failed(self, attempt: Any, why: str) -> None:
        """No answer came, or there is no way."""


Client = TypeVar("Client", bound=Attempting)


class Attempt(Generic[Client]):
    """The ``ClientUser`` of such a request.

    Attributes:
        client: who is told.
        expires: seconds that it asks for; 0 takes back what was asked for before.
        rounds: how often it was answered and sent again.
        outgoing: the request that was sent last.
    """

    __slots__ = ("client", "expires", "outgoing", "rounds")

    def __init__(self, client: Client, expires: int) -> None:
        self.client = client
        self.expires = expires
        self.rounds = 0
        self.outgoing: OutgoingRequest | None = None

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """Final responses matter."""
        if response.status >= 200:
            self.client.answered(self, transaction.request, response)

    def on_timeout(self, transaction: ClientTransaction) -> None:
        """No answer came in time."""
        self.client.failed(self, "no answer came")

    def on_transport_error(self, transaction: Any) -> None:
        """No way there."""
        self.client.failed(self, "it could not be sent")
