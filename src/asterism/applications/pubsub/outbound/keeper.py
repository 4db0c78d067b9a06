"""Keeps ``outbound-subscription`` objects subscribed: subscribe, try again, give up."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from asterism.applications.pubsub.outbound.objects import OutboundSubscription
from asterism.applications.pubsub.outbound.table import SubscribeError
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.outbound_authentication import KnownAuths
from asterism.sip.sending import SendError
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
    from asterism.applications.pubsub.registry import PubSub
    from asterism.data.table import Change
    from asterism.stack.timers import Timer

PASSING = frozenset({0, 408, 480, 481, 500, 502, 503, 504, 580, 600})
"""Answers after which the same request may well succeed; 0 stands for the end of a subscription that there was."""


class Keeper:
    """Keeps one object subscribed.

    Attributes:
        config: the object.
        subscription: the one that there is now.
        given_up: whether nothing more is tried.
    """

    def __init__(self, pubsub: PubSub, config: OutboundSubscription) -> None:
        self._pubsub = pubsub
        self.config = config
        self.subscription: OutgoingSubscription | None = None
        self.given_up = False
        self._retries = 0
        self._at_once = float("-inf")
        self._timer: Timer | None = None
        self._then: Callable[[], object] | None = None
        self._endpoint = Endpoint(f"outbound-subscription/{config.id}")
        self._endpoint.transport = config.transport
        self._endpoint.habits = config.habits
        self._endpoint.outbound_auth = config.outbound_auth
        self._endpoint.known_auths = self._auths = KnownAuths(pubsub.core.data)
        self._endpoint.outbound_proxy = config.outbound_proxy

    def start(self, delay: float | None = None) -> None:
        """Subscribe after ``delay`` seconds, by default a random time (``max_random_initial_delay``)."""
        self._retries, self.given_up = 0, False
        self._schedule(random.uniform(0, self.config.max_random_initial_delay) if delay is None else delay)

    def stop(self, then: Callable[[], object]) -> None:
        """Unsubscribe; ``then()`` is called once that is over."""
        self._cancel()
        self._then = then
        if self.subscription is None:
            then()
        else:
            self.subscription.end()

    def close(self) -> None:
        """Forget everything without a word to anybody."""
        self._cancel()
        subscription, self.subscription = self.subscription, None
        if subscription is not None:
            subscription.drop()

    def handler_came(self) -> None:
        """Somebody who reads a package is there: subscribe, if that was what was missing."""
        if self.subscription is None and self._timer is None and not self.given_up:
            self._due()

    def _schedule(self, delay: float) -> None:
        self._cancel()
        self._timer = self._pubsub.core.layer.timers.call_later(delay, self._due)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        config, log = self.config, self._pubsub.log
        self._auths.get(config.outbound_auth)
        subscriber = self._pubsub.subscribers.get(config.event.lower())
        if subscriber is None:
            log.warning("outbound-subscription '%s' waits: no module reads '%s'", config.id, config.event)
            return
        from_uri = config.from_uri or config.server_uri
        try:
            subscription = self.subscription = self._pubsub.subscribe(
                subscriber,
                config.server_uri,
                self._endpoint,
                expires=config.expiration,
                from_uri=from_uri,
                to_uri=config.to_uri or config.server_uri,
                contact_user=config.contact_user or Uri.parse(from_uri).user or "s",
                options={**config.fields, "mailbox": config.mailbox},
                on_over=self._over,
            )
        except (SendError, SubscribeError) as error:
            log.error("outbound-subscription '%s' cannot be sent: %s", config.id, error)
            self.given_up = True
            return
        if subscription.over:
            # It came to nothing before anybody could be told.
            self._over(subscription)

    def _over(self, subscription: OutgoingSubscription) -> None:
        """The subscription has ended: try anew as RFC 6665 4.1.3 and the options say."""
        if subscription is not self.subscription:
            return
        self.subscription = None
        if self._then is not None:
            self._then()
            return
        config, now = self.config, self._pubsub.core.layer.timers.clock()
        had_begun = subscription.dialog is not None
        wait = subscription.wait_before_next(config.retry_interval)
        if had_begun:
            self._retries = 0
        if subscription.left:
            # Its module went; handler_came() begins anew.
            return
        if wait is None or subscription.status not in PASSING:
            wait = config.fatal_retry_interval or None
        if wait == 0:
            # At once, but not over and over.
            wait = 0 if now - self._at_once >= config.retry_interval else config.retry_interval
            self._at_once = now
        why = f"the answer was {subscription.status}" if subscription.status else subscription.machine.reason or "ended"
        if wait is None or self._retries >= config.max_retries:
            self.given_up = True
            self._pubsub.log.warning("outbound-subscription '%s': %s; given up", config.id, why)
            return
        self._retries += 1
        self._pubsub.log.notice("outbound-subscription '%s': %s; next attempt in %d s", config.id, why, wait)
        self._schedule(wait)


class Keepers:
    """A keeper per object; follows the objects as they are added, changed and removed."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub
        self._keepers: dict[str, Keeper] = {}
        self._leaving: dict[Keeper, None] = {}
        self._undo: Callable[[], None] | None = None

    def start(self) -> None:
        """Take up the objects."""
        data = self._pubsub.core.data
        self._undo = data.observe(OutboundSubscription, self._changed)
        for config in data.all(OutboundSubscription):
            self._add(config).start()

    def retry_given_up(self) -> None:
        """Try again what was given up: the configuration was read anew."""
        for keeper in self:
            if keeper.given_up:
                keeper.start()

    def handler_came(self) -> None:
        """See :meth:`Keeper.handler_came`."""
        for keeper in self:
            keeper.handler_came()

    def leave(self, over: Callable[[], object]) -> None:
        """Unsubscribe everywhere; ``over()`` is called when that is done."""
        if self._undo is not None:
            self._undo()
            self._undo = None
        for name in list(self._keepers):
            self._drop(name, lambda: None if self._leaving else over())
        if not self._leaving:
            over()

    def close(self) -> None:
        """Forget what is left."""
        for keeper in (*self._keepers.values(), *self._leaving):
            keeper.close()
        self._keepers.clear()
        self._leaving.clear()

    def __iter__(self) -> Iterator[Keeper]:
        return iter(list(self._keepers.values()))

    def __len__(self) -> int:
        return len(self._keepers)

    def _add(self, config: OutboundSubscription) -> Keeper:
        found = self._keepers[config.id] = Keeper(self._pubsub, config)
        return found

    def _drop(self, name: str, then: Callable[[], object]) -> None:
        keeper = self._keepers.pop(name, None)
        if keeper is None:
            then()
            return
        self._leaving[keeper] = None

        def over() -> None:
            self._leaving.pop(keeper, None)
            then()

        keeper.stop(over)

    def _changed(self, change: Change[OutboundSubscription]) -> None:
        new = change.new
        if new is None:
            self._drop(change.item.id, lambda: None)
        else:
            # The old one goes first: it is for the same mailbox.
            self._drop(new.id, lambda: self._add(new).start(0))
