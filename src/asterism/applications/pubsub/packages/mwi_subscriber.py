"""Messages that wait at another server, which we have subscribed to: one more that counts for our mailboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.applications.pubsub.api import Subscriber
from asterism.applications.pubsub.bodies.message_summary import TYPE, counts_in
from asterism.pbx.states.mailboxes import MessageCounts

if TYPE_CHECKING:
    from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
    from asterism.applications.pubsub.registry import PubSub
    from asterism.pbx.states.mailboxes import Mailboxes
    from asterism.stack.message import Request


class MwiSubscriber(Subscriber):
    """Sets the mailbox that the subscription's option ``mailbox`` names.

    Several servers may answer (RFC 3842 3.9): what they count is added up.
    """

    event: ClassVar[str] = "message-summary"
    accept: ClassVar[tuple[str, ...]] = (TYPE,)
    forks: ClassVar[bool] = True
    max_body: ClassVar[int] = 4096

    def __init__(self, pubsub: PubSub, mailboxes: Mailboxes) -> None:
        self._pubsub = pubsub
        self._mailboxes = mailboxes
        self._counts: dict[OutgoingSubscription, dict[OutgoingSubscription, MessageCounts]] = {}
        """Message counts of each server: by the original subscription, then by the subscription of each notifier."""

    def on_notify(self, subscription: OutgoingSubscription, notify: Request) -> None:
        """Take the counts; a summary that counts no voice messages changes nothing."""
        counts = counts_in(notify.body)
        if counts is not None:
            self._counts.setdefault(subscription.origin, {})[subscription] = counts
            self._set(subscription)

    def on_terminated(self, subscription: OutgoingSubscription) -> None:
        """Keep the counts of the server, unless other servers still count or the subscription was ended here."""
        counts = self._counts.get(subscription.origin)
        if counts is None:
            return
        counts.pop(subscription, None)
        if counts:
            self._set(subscription)
        else:
            del self._counts[subscription.origin]
            if subscription.left and not self._pubsub.stopping():
                self._mailboxes.remove(subscription.options.get("mailbox", ""))

    def fields(self, subscription: OutgoingSubscription) -> list[tuple[str, str]]:
        """The mailbox."""
        return [("SubscriptionType", "mwi"), ("Mailboxes", subscription.options.get("mailbox", ""))]

    def _set(self, subscription: OutgoingSubscription) -> None:
        found = self._counts[subscription.origin].values()
        mailbox = subscription.options.get("mailbox", "")
        if not self._mailboxes.set(mailbox, MessageCounts(*(sum(column) for column in zip(*found, strict=True)))):
            self._pubsub.log.warning("mailbox '%s' cannot be set from %s", mailbox, subscription.target)
