"""Registry of event packages, and the table of subscriptions.

A module that takes part names ``pubsub`` in its ``requires`` and calls::

    pubsub(server).register_notifier(MyNotifier())
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from asterism.applications.pubsub.api import (
    BodyGenerator,
    BodySupplement,
    Notifier,
    PublicationHandler,
    Publisher,
    Subscriber,
)
from asterism.applications.pubsub.fanout import FanOut
from asterism.applications.pubsub.lists import Planner
from asterism.applications.pubsub.outbound.table import OutgoingTable
from asterism.applications.pubsub.publications import Publications
from asterism.applications.pubsub.stored import SubscriptionStore
from asterism.core.errors import DuplicateError, ModuleError
from asterism.core.module import Subsystem
from asterism.data.data import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asterism.applications.pubsub.incoming import IncomingSubscription
    from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
    from asterism.core.log import ServerLogger
    from asterism.core.registry import Owner
    from asterism.data.table import Change
    from asterism.sip.capabilities import Capabilities
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.sip.sending import Target

Item = TypeVar("Item")


class PubSub(Subsystem):
    """The tables of one server; ``pubsub(server)`` gives them as the server's module sees them."""

    def __init__(self, owner: Owner, core: SipCore, log: ServerLogger) -> None:
        self.owner = owner
        self.log = log
        self.core = core
        self.notifiers: dict[str, Notifier] = {}
        self.subscribers: dict[str, Subscriber] = {}
        """Subscribers by event package."""
        self.outgoing = OutgoingTable(core, log)
        """Subscriptions made by this server."""
        self.generators: dict[str, BodyGenerator] = {}
        """Body generators by content type."""
        self.supplements: dict[str, list[BodySupplement]] = {}
        """Body supplements by content type."""
        self.subscriptions: dict[IncomingSubscription, None] = {}
        """Subscriptions made at this server, in order."""
        self.by_endpoint: dict[str, int] = {}
        """Number of subscriptions of each endpoint; one to a list counts for each of its resources."""
        self.weight = 0
        """Number of subscriptions of all endpoints, counted likewise."""
        self.store: SubscriptionStore = SubscriptionStore(self)
        self.lists = Planner(self)
        self.publication_handlers: dict[str, PublicationHandler] = {}
        """Publication handlers by event package."""
        self.publications = Publications(self)
        """The publications made at this server."""
        self.publishers: dict[str, Publisher] = {}
        """Publishers at other servers, by event package."""
        self.on_publisher: list[Callable[[Publisher, bool], None]] = []
        """Called when one comes or goes."""
        self.stopping: Callable[[], bool] = bool
        """Whether the server stops: subscriptions stay, for the next start."""
        self.fan_out = FanOut(log)
        """Queue of states that go to many subscriptions at once."""
        self.common: list[tuple[Capabilities, tuple[tuple[str, str], ...]]] = []
        self.on_change: list[Callable[[], None]] = []
        """Called when a notifier comes or goes, or a subscriber comes."""

    def register_notifier(self, notifier: Notifier) -> None:
        """Take subscriptions to ``notifier.event``; they end when it is unregistered. Raises ``DuplicateError``."""
        self._add(self.notifiers, "a notifier", notifier.event.lower(), notifier, self._notifier_gone)
        self._changed()

    def register_subscriber(self, subscriber: Subscriber) -> None:
        """Have ``subscriber`` read what others tell of its package; its subscriptions end when it is unregistered.

        Raises ``DuplicateError``.
        """
        self._add(self.subscribers, "a subscriber", subscriber.event.lower(), subscriber, self.outgoing.end_all)
        self._changed()

    def subscribe(
        self, subscriber: Subscriber, target: Target, endpoint: Endpoint | None = None, **options: Any
    ) -> OutgoingSubscription:
        """Subscribe at another server; see :meth:`~.outbound.table.OutgoingTable.subscribe`."""
        return self.outgoing.subscribe(subscriber, target, endpoint, **options)

    def register_body_generator(self, generator: BodyGenerator) -> None:
        """Write bodies of ``generator.content_type``. Raises ``DuplicateError``."""
        self._add(self.generators, "a body generator", generator.content_type, generator)

    def register_body_supplement(self, supplement: BodySupplement) -> None:
        """Add to bodies of ``supplement.content_type``, in order of registration."""
        found = self.supplements.setdefault(supplement.content_type, [])
        found.append(supplement)
        self.owner.on_release(lambda: found.remove(supplement))

    def register_publication_handler(self, handler: PublicationHandler) -> None:
        """Take publications of ``handler.event``; they end when it is unregistered. Raises ``DuplicateError``."""
        gone = self.publications.handler_gone
        self._add(self.publication_handlers, "a publication handler", handler.event.lower(), handler, gone)

    def register_publisher(self, publisher: Publisher) -> None:
        """Publish states of ``publisher.event`` at other servers. Raises ``DuplicateError``."""

        def tell(publisher: Publisher, there: bool = False) -> None:
            for listener in self.on_publisher:
                listener(publisher, there)

        self._add(self.publishers, "a publisher", publisher.event.lower(), publisher, tell)
        tell(publisher, True)

    def _add(
        self, table: dict[str, Item], kind: str, key: str, item: Item, gone: Callable[[Item], None] | None = None
    ) -> None:
        if key in table:
            raise DuplicateError(f"{kind} of '{key}' is registered already")
        table[key] = item

        def undo() -> None:
            if table.get(key) is item:
                del table[key]
                if gone is not None:
                    gone(item)

        self.owner.on_release(undo)

    def _notifier_gone(self, notifier: Notifier) -> None:
        self._changed()
        for subscription in [one for one in self.subscriptions if one.notifier is notifier]:
            self.close(subscription)

    def close(self, subscription: IncomingSubscription) -> None:
        """End a subscription because what served it goes, or leave it for the next start of the server."""
        if self.stopping():
            subscription.suspend()
        else:
            subscription.end("deactivated")

    def endpoint_changed(self, change: Change[Endpoint]) -> None:
        """End what a changed endpoint may not do any more, as renewals within a dialog are not decided anew.

        If its subscriptions now use another context, they end in a way that makes it subscribe anew.
        """
        old, new, name = change.old, change.new, change.item.id
        if new is None:
            self.publications.endpoint_gone(name)
        if name not in self.by_endpoint:
            return
        if new is None or not new.allow_subscribe:
            reason = "rejected"
        elif old is not None and _context_of(old) != _context_of(new):
            reason = "deactivated"
        else:
            return
        for subscription in [one for one in self.subscriptions if one.endpoint.id == name]:
            subscription.end(reason)

    def _changed(self) -> None:
        for listener in self.on_change:
            listener()

    def generator_for(self, notifier: Notifier, accepted: Iterable[str]) -> BodyGenerator | None:
        """The generator of the first type accepted that can be written; of the package's own where none is named.

        ``accepted`` are content types in lower case, without parameters.
        """
        default = self.generators.get(notifier.accept)
        kind = object if default is None else default.states
        named = False
        for name in accepted:
            named = True
            if name in ("*/*", notifier.accept):
                return default
            found = self.generators.get(name)
            if found is not None and found.states is kind:
                return found
        return None if named else default

    def common_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that every NOTIFY ends with."""
        state = self.core.state
        common = self.common
        if not common or common[0][0] is not state.capabilities:
            agent = (("User-Agent", state.user_agent),) if state.user_agent else ()
            hops = ("Max-Forwards", str(state.max_forwards))
            common[:] = [(state.capabilities, (("Allow-Events", state.capabilities.events), hops, *agent))]
        return common[0][1]

    def answered(
        self,
        subscription: IncomingSubscription,
        rx: Rx,
        seconds: int,
        status: int = 200,
        kept: tuple[Any, float] | None = None,
    ) -> None:
        """Answer a SUBSCRIBE that was taken, once it is durable, and send the NOTIFY that follows.

        Of a renewal ``kept`` is what is kept until now, its row and its end.
        """
        if not seconds or not subscription.durable:
            self._answer(subscription, rx, seconds, status)
            return
        failed = partial(self._not_kept, subscription, rx, kept)
        try:
            self.store.save(subscription, rx.request)
        except DataError as error:
            self.log.error("the subscription %s cannot be stored: %s", subscription.call_id, error)
            failed()
            return
        answer = partial(self._answer, subscription, rx, seconds, status)
        self.store.settled(answer, failed, subscription.dialog.local_tag)

    def _answer(self, subscription: IncomingSubscription, rx: Rx, seconds: int, status: int) -> None:
        rx.send(
            rx.make_response(
                status,
                headers=answer_headers(self.core, subscription, rx, seconds),
                to_tag=subscription.dialog.local_tag,
            )
        )
        subscription.work.push(subscription.release)

    def _not_kept(self, subscription: IncomingSubscription, rx: Rx, kept: tuple[Any, float] | None) -> None:
        rx.respond(500)
        if kept is not None:
            subscription.resume(*kept)
            return
        subscription.stored = None
        subscription.drop()

    def add(self, subscription: IncomingSubscription) -> None:
        """Enter a subscription."""
        self.subscriptions[subscription] = None
        name = subscription.endpoint.id
        self.weight += subscription.weight
        self.by_endpoint[name] = self.by_endpoint.get(name, 0) + subscription.weight

    def remove(self, subscription: IncomingSubscription) -> None:
        """Forget a subscription."""
        if subscription in self.subscriptions:
            del self.subscriptions[subscription]
            name = subscription.endpoint.id
            self.weight -= subscription.weight
            left = self.by_endpoint.get(name, 0) - subscription.weight
            if left > 0:
                self.by_endpoint[name] = left
            else:
                self.by_endpoint.pop(name, None)

    def __iter__(self) -> Iterator[IncomingSubscription]:
        return iter(list(self.subscriptions))

    def __len__(self) -> int:
        return len(self.subscriptions)


def _context_of(endpoint: Endpoint) -> str:
    return endpoint.subscribe_context or endpoint.context


def answer_headers(core: SipCore, subscription: IncomingSubscription, rx: Rx, seconds: int) -> list[tuple[str, str]]:
    """The headers of a 2xx to SUBSCRIBE."""
    capabilities = core.state.capabilities
    contact = subscription.dialog.contact
    headers = [("Expires", str(seconds)), ("Contact", contact), ("Allow", capabilities.allow)]
    if subscription.endpoint.habits.old_bodies:
        headers[1:2] = [("Contact", f"{contact};expires={seconds}")] if seconds else []
    if subscription.required:
        headers.insert(0 if rx.request.to.tag else 1, ("Require", subscription.required))
    if capabilities.supported:
        headers.append(("Supported", capabilities.supported))
    return headers


def pubsub(server: Any) -> PubSub:
    """The tables, bound to the module that ``server`` is bound to.

    Raises:
        ModuleError: the module ``pubsub`` is not loaded.
    """
    for service in server.sip.services:
        found = getattr(service, "pubsub", None)
        if isinstance(found, PubSub):
            return found.bound(server.owner)
    raise ModuleError("the module 'pubsub' is not loaded")
