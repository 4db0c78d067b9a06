"""One SUBSCRIBE of ours on its way, and what its answer says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
    from asterism.sip.sending import OutgoingRequest
    from asterism.stack.message import Response
    from asterism.stack.transactions.client import ClientTransaction

MAX_SECONDS = 2**31 - 1


class Attempt:
    """One SUBSCRIBE: a ``ClientUser``."""

    __slots__ = ("outgoing", "rounds", "seconds", "subscription", "told")

    def __init__(self, subscription: OutgoingSubscription, seconds: int, rounds: int = 0) -> None:
        self.subscription = subscription
        self.seconds = seconds
        self.rounds = rounds
        self.outgoing: OutgoingRequest | None = None
        self.told = False
        """Whether a NOTIFY came since, which knows better than the answer how long it lasts."""

    def on_response(self, _transaction: ClientTransaction, response: Response) -> None:
        """Its final answer, in the work of the subscription."""
        if response.status >= 200:
            subscription = self.subscription
            subscription.work.push(subscription.answered, self, response)

    def on_timeout(self, _transaction: ClientTransaction) -> None:
        """No answer counts as 408."""
        subscription = self.subscription
        subscription.work.push(subscription.failed, self, 408)

    def on_transport_error(self, _transaction: Any) -> None:
        """No way counts as 503."""
        subscription = self.subscription
        subscription.work.push(subscription.failed, self, 503)


def seconds_of(response: Response, name: str) -> int:
    """The number that a header begins with, 0 without one."""
    digits = (response.get(name) or "").partition("(")[0].partition(";")[0].strip()
    return min(int(digits), MAX_SECONDS) if digits.isascii() and digits.isdigit() and len(digits) < 11 else 0
