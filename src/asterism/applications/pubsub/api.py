"""Interfaces that a module implements to take part in subscriptions.

* A :class:`Notifier` tells the state of something to those who subscribe to it.
* A :class:`Subscriber` reads what others tell, in subscriptions that this server makes.
* A :class:`PublicationHandler` takes the states that others publish here.
* A :class:`Publisher` publishes states at other servers.
* A :class:`BodyGenerator` writes a state in a content type, and a :class:`BodySupplement` adds to what it writes.

They are registered with :func:`~asterism.applications.pubsub.registry.pubsub`. Whatever one of them raises is logged
and goes no further.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.core.containment import attempt
from asterism.core.errors import AsterismError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from asterism.applications.pubsub.base import Subscription
    from asterism.applications.pubsub.outbound.publications import OutboundPublication
    from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
    from asterism.applications.pubsub.publication import Publication
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.message import Request


class Delivery(Enum):
    """How a new state is delivered while the NOTIFY before it is not answered."""

    LATEST = "latest"
    """The next state replaces it: a subscriber wants to know the present state."""
    EACH = "each"
    """Each state waits for its turn: a subscriber wants every change (at most :data:`MAX_WAITING` wait)."""


MAX_WAITING = 100
"""States that wait for their turn with ``EACH``; with more the subscription ends."""


class Notifier:
    """An event package, as its notifier (RFC 6665 4.2). Override what is needed.

    Attributes:
        event: the package's name, as in ``Event``.
        accept: the content type for those who accept nothing in particular.
        default_expires: seconds of a subscription that asks for no time.
        delivery: see :class:`Delivery`.
        of_extensions: the resources are extensions, whose states can be written in several types.
    """

    event: ClassVar[str] = ""
    accept: ClassVar[str] = ""
    of_extensions: ClassVar[bool] = False
    default_expires: ClassVar[int] = 3600
    delivery: ClassVar[Delivery] = Delivery.LATEST

    def new_subscribe(self, endpoint: Endpoint, resource: str, rx: Rx) -> int | Awaitable[int]:
        """Whether ``endpoint`` may subscribe to ``resource``, the user part of the Request-URI; changes nothing.

        Returns:
            200; 202 to decide later, by :meth:`Subscription.accept` or :meth:`Subscription.end`; or the status to
            refuse it with.
        """
        return 200

    def on_subscribe(self, subscription: Subscription) -> None:
        """A subscription began: keep it, and give it the first state with :meth:`Subscription.notify`."""

    def on_renewed(self, subscription: Subscription) -> None:
        """The subscription was renewed; a NOTIFY with its latest state goes out after this."""

    def on_expired(self, subscription: Subscription) -> None:
        """The subscription has expired. The last NOTIFY goes out after this; :meth:`on_terminated` follows."""

    def on_terminated(self, subscription: Subscription) -> None:
        """The subscription is over, for whatever reason: forget it."""

    def display_name(self, subscription: Subscription) -> str:
        """Display name of the resource, empty if unknown; shown in lists (``resource_display_name``)."""
        return ""

    def fields(self, subscription: Subscription) -> list[tuple[str, str]]:
        """Extra fields of the subscription in the manager's subscription lists, besides the common ones."""
        return []


class Subscriber:
    """An event package, as its subscriber (RFC 6665 4.1). Override what is needed.

    A subscription is made with ``pubsub(server).subscribe(subscriber, target, ...)``.

    Attributes:
        event: the package's name, as in ``Event``.
        accept: the content types that it reads, in lower case; a NOTIFY with another gets 415. Empty: all.
        default_expires: seconds that are asked for where nobody says how many.
        forks: whether the package has several notifiers answer one SUBSCRIBE (4.4.9); each begins a subscription of its
            own, whose ``origin`` is the first. If not, further ones get 481.
        max_body: bytes of a body that is read; a NOTIFY with more gets 413.
    """

    event: ClassVar[str] = ""
    accept: ClassVar[tuple[str, ...]] = ()
    default_expires: ClassVar[int] = 3600
    forks: ClassVar[bool] = False
    max_body: ClassVar[int] = 65_536

    def on_notify(self, subscription: OutgoingSubscription, notify: Request) -> int | None:
        """A NOTIFY came, in order; ``subscription.phase`` says what it told of the subscription itself.

        Returns:
            The status to answer with; ``None`` is 200.

        Raises:
            ParseError: the body is malformed; answered with its status.
        """
        return None

    def on_renew(self, subscription: OutgoingSubscription) -> int:
        """The time has come to renew it.

        Returns:
            Seconds to ask for; 0 lets it run out.
        """
        return subscription.seconds

    def on_terminated(self, subscription: OutgoingSubscription) -> None:
        """The subscription is over: by a last NOTIFY, by an answer to SUBSCRIBE, or for want of both.

        :meth:`OutgoingSubscription.wait_before_next` says when to try anew.
        """

    def fields(self, subscription: OutgoingSubscription) -> list[tuple[str, str]]:
        """Extra fields of the subscription in the manager's subscription lists, besides the common ones."""
        return []


class PublishError(AsterismError):
    """A body is not taken: ``status`` is what the PUBLISH is answered with, the message is for the log."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class PublicationHandler:
    """An event package, as those publish it who know its state (RFC 3903 6). Override what is needed.

    A publication lasts until it is removed or its time is over, and goes on after a restart of the server. All that it
    consists of is told anew then, by :meth:`on_publish` and :meth:`on_changed`.

    Attributes:
        event: the package's name, as in ``Event``.
        accept: the content types that it reads, in lower case; others get 415. With none of them named
            :meth:`read` sees all.
        default_expires: seconds of a publication that asks for no time.
    """

    event: ClassVar[str] = ""
    accept: ClassVar[tuple[str, ...]] = ()
    default_expires: ClassVar[int] = 3600

    def new_publish(self, endpoint: Endpoint, resource: str, configuration: str, rx: Rx) -> int | Awaitable[int]:
        """Whether ``endpoint`` may begin a publication for ``resource``; changes nothing.

        ``resource`` is the user part of the Request-URI, ``configuration`` what ``event_<package>`` of its
        ``inbound-publication`` says.

        Returns:
            200, or the status to refuse it with.
        """
        return 200

    def read(self, content_type: str, body: bytes) -> Any:
        """The state that a body says; changes nothing. The default gives the body itself.

        Raises:
            PublishError: it is not taken, and with which status.
        """
        return body

    def part(self, state: Any) -> str | None:
        """Name of the part that a state belongs to, if a publication has several; the newest state of each is kept.

        ``""``, the default, is the whole publication; ``None``: the state is not kept.
        """
        return ""

    def on_publish(self, publication: Publication) -> None:
        """A publication began; ``publication.state`` is its state."""

    def on_changed(self, publication: Publication) -> None:
        """The publication has a new state."""

    def on_refreshed(self, publication: Publication) -> None:
        """The publication was refreshed; its state is unchanged."""

    def on_expired(self, publication: Publication) -> None:
        """Its time is over; :meth:`on_terminated` follows."""

    def on_terminated(self, publication: Publication) -> None:
        """The publication is over, for whatever reason: forget its state."""


class Publisher:
    """Publishes states of one event package at other servers, for ``outbound-publish`` objects of that ``event``.

    Attributes:
        event: the package's name, as in ``Event``.
    """

    event: ClassVar[str] = ""

    def on_start(self, publication: OutboundPublication) -> None:
        """Publish there from now on, with :meth:`OutboundPublication.publish`, whenever there is something to say."""

    def on_stop(self, publication: OutboundPublication) -> None:
        """Stop publishing there; what was published is removed after this."""

    def on_lost(self, publication: OutboundPublication, user: str, sent: str | None) -> None:
        """The other server has forgotten what was published for ``user``.

        The part named ``sent`` is on its way again, ``None`` where nothing is; publish all others.
        """


class BodyGenerator:
    """Writes states in one content type.

    Attributes:
        content_type: in lower case (``application/pidf+xml``).
        states: the class of the states that it writes; a notifier's states must be of it.
    """

    content_type: ClassVar[str] = ""
    states: ClassVar[type[Any]] = object

    def body(self, subscription: Subscription, state: Any) -> Any:
        """The body of a NOTIFY in a form that supplements can add to. The default gives the state itself."""
        return state

    def text(self, body: Any) -> str | bytes:
        """The body as it is sent."""
        return str(body)


class BodySupplement:
    """Adds to the bodies of one content type."""

    content_type: ClassVar[str] = ""
    """The content type, in lower case."""

    def concerns(self, subscription: Subscription) -> bool:
        """Whether it has something to say to this subscriber; asked once for each subscription."""
        return True

    def supplement(self, body: Any, subscription: Subscription, state: Any) -> None:
        """Add to what the generator made, in place."""


def display_name_of(subscription: Subscription) -> str:
    """Display name of the resource of a subscription: the one its notifier gives, else the resource name."""
    notifier = subscription.notifier
    name = f"display_name of notifier '{notifier.event}'"
    found = attempt(subscription.pubsub.log, name, "", notifier.display_name, subscription)
    return found or subscription.resource
