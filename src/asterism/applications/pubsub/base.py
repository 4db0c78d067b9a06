"""Base class of what a notifier reports a state to: a subscription, or one item of a subscribed list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.pubsub.subscription import State
from asterism.core.containment import FAILED, attempt

if TYPE_CHECKING:
    from asterism.applications.pubsub.api import BodyGenerator, BodySupplement, Notifier
    from asterism.applications.pubsub.registry import PubSub
    from asterism.sip.objects.endpoint import Endpoint

NOTHING: Any = object()
"""Stands for a state that was not given yet."""


class Subscription:
    """One subscription, as notifiers and body generators see it: to one resource, be it alone or an item of a list.

    Attributes:
        notifier: whose it is.
        endpoint: who subscribes.
        resource: to what: the user part of the Request-URI, or the name in the list.
        entity: the URI of what is watched, as the subscriber wrote it, without parameters.
        watcher: the URI of who watches, without port and parameters.
        user_agent: what the subscriber says of itself.
        version: how many different states it was told, the first counting as 0.
        data: for the notifier, and nobody else.
        generator: what writes its bodies.
    """

    __slots__ = (
        "_cached",
        "_told",
        "data",
        "endpoint",
        "entity",
        "generator",
        "notifier",
        "pubsub",
        "resource",
        "state",
        "supplements",
        "user_agent",
        "version",
        "watcher",
    )  # fmt: skip

    def __init__(
        self,
        pubsub: PubSub,
        notifier: Notifier,
        generator: BodyGenerator | None,
        endpoint: Endpoint,
        resource: str,
        names: tuple[str, str, str],
    ) -> None:
        """``names`` are entity, watcher and user agent."""
        self.pubsub = pubsub
        self.notifier = notifier
        self.generator = generator
        self.endpoint = endpoint
        self.resource = resource
        self.entity, self.watcher, self.user_agent = names
        self.version = -1
        self.data: Any = None
        self.state: Any = NOTHING
        """The latest state from the notifier."""
        self._told: Any = NOTHING
        self._cached: tuple[str | bytes, str] = ("", "")
        self.supplements: tuple[BodySupplement, ...] = ()
        self._choose_supplements()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} to {self.resource} ({self.notifier.event}) of {self.endpoint.id}>"

    # For notifiers.

    @property
    def event(self) -> str:
        """The value of its Event header."""
        raise NotImplementedError

    @property
    def call_id(self) -> str:
        """Its Call-ID."""
        raise NotImplementedError

    @property
    def phase(self) -> State:
        """State of the subscription."""
        raise NotImplementedError

    @property
    def pending(self) -> bool:
        """Whether it is not decided yet."""
        return self.phase is State.PENDING

    @property
    def withheld(self) -> bool:
        """Whether the subscriber may be told nothing; of one that was deferred also after its end."""
        return self.phase is State.PENDING

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.phase is State.TERMINATED

    @property
    def remaining(self) -> int:
        """Seconds that are left."""
        raise NotImplementedError

    def notify(self, state: Any) -> None:
        """Tell the subscriber; in its turn, and not while it is pending."""
        raise NotImplementedError

    def accept(self) -> None:
        """Take a subscription that was deferred: it is active from now on."""
        raise NotImplementedError

    def end(self, reason: str = "noresource", retry_after: int = 0) -> None:
        """End it, with a last NOTIFY.

        Args:
            reason: as in Subscription-State (RFC 6665 4.1.3).
            retry_after: seconds after which the subscriber may try again; 0 says nothing of it.
        """
        raise NotImplementedError

    def fields(self) -> list[tuple[str, str]]:
        """Extra fields in subscription lists, besides the common ones."""
        return self.notifier.fields(self)

    # For those who send.

    def _body(self) -> tuple[str | bytes, str]:
        """The body of the next NOTIFY and its type; written anew only for a new state."""
        state, generator = self.state, self.generator
        if state is NOTHING or generator is None or self.withheld:
            return "", ""
        if state is not self._told:
            self.version += 1
            log = self.pubsub.log
            text = attempt(
                log, f"the body generator of {generator.content_type}", FAILED, self._written, generator, state
            )
            if text is FAILED:
                return "", ""
            self._told = state
            self._cached = (text, generator.content_type)  # type: ignore[assignment]
        return self._cached

    def _written(self, generator: BodyGenerator, state: Any) -> str | bytes:
        if not isinstance(state, generator.states):
            raise TypeError(f"{self.notifier.event} gave a {type(state).__name__}, not a {generator.states.__name__}")
        body = generator.body(self, state)
        log = self.pubsub.log
        for supplement in self.supplements:
            attempt(log, f"a supplement of {generator.content_type}", None, supplement.supplement, body, self, state)
        return generator.text(body)

    def _choose_supplements(self) -> None:
        kind = "" if self.generator is None else self.generator.content_type
        log = self.pubsub.log
        self.supplements = tuple(
            one
            for one in self.pubsub.supplements.get(kind, ())
            if attempt(log, f"a supplement of {kind}", False, one.concerns, self)
        )

    def _tell(self, method: str) -> None:
        notifier = self.notifier
        attempt(self.pubsub.log, f"{method} of notifier '{notifier.event}'", None, getattr(notifier, method), self)
