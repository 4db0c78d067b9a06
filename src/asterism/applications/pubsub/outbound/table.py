"""The subscriptions that this server has made at others, and how one is begun."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
from asterism.core.errors import AsterismError
from asterism.stack.errors import ParseError
from asterism.stack.headers import Event as EventHeader
from asterism.stack.headers import NameAddr

if TYPE_CHECKING:
    from asterism.applications.pubsub.api import Subscriber
    from asterism.core.log import ServerLogger
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.sending import Target

MAX_OUTGOING = 20_000
"""Subscriptions that this server makes at most."""


class SubscribeError(AsterismError):
    """A subscription cannot be made."""


class OutgoingTable:
    """The subscriptions of one server in the subscriber's role."""

    def __init__(self, core: SipCore, log: ServerLogger) -> None:
        self.core = core
        self.log = log
        self._all: dict[OutgoingSubscription, None] = {}
        self._expecting: dict[OutgoingSubscription, tuple[str, str]] = {}
        """Call-ID and tag of SUBSCRIBEs that may still bring new notifiers."""

    def subscribe(
        self,
        subscriber: Subscriber,
        target: Target,
        endpoint: Endpoint | None = None,
        *,
        expires: int | None = None,
        event_id: str = "",
        from_uri: str = "",
        to_uri: str = "",
        contact_user: str = "",
        headers: Sequence[tuple[str, str]] = (),
        data: Any = None,
        options: Mapping[str, str] | None = None,
        on_over: Callable[[OutgoingSubscription], None] | None = None,
    ) -> OutgoingSubscription:
        """Subscribe at ``target``; what comes of it, ``subscriber`` is told.

        Args:
            subscriber: whose it is, and so the event package.
            target: a URI or its text, a contact, or an endpoint: its first contact.
            endpoint: whose options and credentials are used.
            expires: seconds to ask for, by default the package's; 0 fetches the state once.
            event_id: the ``id`` of Event, where one dialog or notifier has several.
            from_uri: From, where the endpoint's options do not say it.
            to_uri: To; by default the target.
            contact_user: the user part of Contact.
            headers: more of them.
            data: what ``data`` of the subscription is from the start.
            options: its ``options``.
            on_over: called when it is over, after the subscriber.

        Raises:
            SendError: the target has no contact, or is no URI.
            SubscribeError: there are too many, or another argument is no URI.
        """
        if len(self._all) >= MAX_OUTGOING:
            raise SubscribeError(f"there are {MAX_OUTGOING} subscriptions at other servers already")
        seconds = subscriber.default_expires if expires is None else expires
        request = self.core.create_request("SUBSCRIBE", target, endpoint)
        try:
            if from_uri:
                tag = request.from_.tag or ""
                request.set_header("From", str(NameAddr("", NameAddr.parse(f"<{from_uri}>").uri, {"tag": tag})))
            if to_uri:
                request.set_header("To", str(NameAddr.parse(f"<{to_uri}>")))
            if contact_user:
                contact = request.contacts[0]
                request.set_header("Contact", f"<{contact.uri.replace(user=contact_user)}>")
            event = EventHeader(subscriber.event, {"id": event_id}) if event_id else EventHeader(subscriber.event)
        except ParseError as error:
            raise SubscribeError(f"bad URI: {error.message}") from error
        request.set_header("Event", str(event))
        found = OutgoingSubscription(self, subscriber, endpoint, request, seconds)
        for name, value in (*self.lines(found, seconds), *headers):
            request.set_header(name, value)
        found.data, found.options, found.on_over = data, options or {}, on_over
        self.add(found)
        found.begin()
        return found

    def lines(self, subscription: OutgoingSubscription, seconds: int) -> list[tuple[str, str]]:
        """The headers of a SUBSCRIBE that are not the dialog's."""
        lines = [("Event", subscription.event), ("Expires", str(seconds))]
        accepted = subscription.subscriber.accept
        if accepted:
            lines.append(("Accept", ", ".join(accepted)))
        state = self.core.state
        if state.capabilities.supported:
            lines.append(("Supported", state.capabilities.supported))
        lines.append(("Max-Forwards", str(state.max_forwards)))
        if state.user_agent:
            lines.append(("User-Agent", state.user_agent))
        return lines

    # For subscriptions.

    def expect(self, subscription: OutgoingSubscription, call_id: str, tag: str) -> None:
        """Take NOTIFYs for a SUBSCRIBE that has no dialog yet; those of further notifiers as long as Timer N."""
        self._expecting[subscription] = (call_id, tag)
        self.core.dialogs.expect(call_id, tag, subscription.entry_for)
        layer = self.core.layer
        layer.timers.call_later(layer.timeout, self._long_enough, subscription)

    def _long_enough(self, subscription: OutgoingSubscription) -> None:
        """Timer N has run out: stop waiting for further notifiers; wait on if none has answered yet."""
        layer = self.core.layer
        if subscription.dialog is not None:
            self._expect_no_more(subscription)
        elif subscription in self._expecting:
            layer.timers.call_later(layer.timeout, self._long_enough, subscription)

    def _expect_no_more(self, subscription: OutgoingSubscription) -> None:
        expected = self._expecting.pop(subscription, None)
        if expected is not None:
            self.core.dialogs.expect_no_more(*expected)

    def add(self, subscription: OutgoingSubscription) -> None:
        """Enter a subscription."""
        self._all[subscription] = None

    def remove(self, subscription: OutgoingSubscription) -> None:
        """Forget a subscription, and with an origin those who may still come."""
        self._all.pop(subscription, None)
        self._expect_no_more(subscription)

    def end_all(self, subscriber: Subscriber) -> None:
        """Unsubscribe whatever is a subscriber's."""
        for subscription in self:
            if subscription.subscriber is subscriber:
                subscription.end()

    def __iter__(self) -> Iterator[OutgoingSubscription]:
        return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)
