"""The event bus: what happened, told synchronously to whoever subscribed.

An :class:`EventType` is declared once, as a module-level constant beside the behaviour that
raises it, and registered with its documentation. Publishing costs one dictionary look-up when
nobody listens: the manager's fields are rendered only for a subscriber that asks for them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from asterism.core.documentation import Documentation
from asterism.core.registry import Owner, Registry

Fields = Sequence[tuple[str, object]]
"""Ordered manager fields, ``("Channel", "PJSIP/101-00000001")``; values are turned into text."""

Subscriber = Callable[["EventType", tuple[Any, ...]], None]


class EventType:
    """One kind of event.

    ``name`` is the manager event's name, ``privilege`` its class ("call", "dialplan", "system", ...).
    ``render(*args)`` turns what is published into the manager's fields, in the recorded order. Where these
    begin with the fields of the channel that is the first argument, ``tail(*args)`` gives the others: a front
    end may keep the channel's part, which is most of the work and seldom changes.
    """

    __slots__ = ("documentation", "name", "privilege", "render", "tail")

    def __init__(
        self,
        name: str,
        privilege: str,
        render: Callable[..., Fields],
        documentation: Documentation,
        tail: Callable[..., Fields] | None = None,
    ) -> None:
        self.name = name
        self.privilege = privilege
        self.render = render
        self.documentation = documentation
        self.tail = tail

    def __repr__(self) -> str:
        return f"<EventType {self.name}>"


class EventBus:
    """Synchronous publish and subscribe; one per server.

    A subscriber is called as ``subscriber(event_type, args)`` where ``args`` is what was
    published; it must return soon and may not raise (an exception is logged and ignored).
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._by_type: dict[EventType, list[Subscriber]] = {}
        self._to_all: list[Subscriber] = []
        self._told: dict[EventType, tuple[Subscriber, ...]] = {}
        """Whom to tell of each type that somebody subscribed to; of the others those are told who asked for all."""
        self._told_of_others: tuple[Subscriber, ...] = ()
        self.types: Registry[EventType] = Registry("event", str.lower)

    def register(self, owner: Owner, *types: EventType) -> None:
        """Make event types known to ``manager show events``."""
        for event_type in types:
            self.types.add(owner, event_type.name, event_type, event_type.documentation)

    def subscribe(self, owner: Owner, event_type: EventType | None, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` for each event of ``event_type`` (``None``: of every type); return the undo."""
        subscribers = self._to_all if event_type is None else self._by_type.setdefault(event_type, [])
        subscribers.append(subscriber)
        self._changed()

        def remove() -> None:
            subscribers.remove(subscriber)
            self._changed()

        return owner.on_release(remove)

    def _changed(self) -> None:
        self._told_of_others = tuple(self._to_all)
        self._told = {each: (*own, *self._to_all) for each, own in self._by_type.items()}

    def publish(self, event_type: EventType, *args: Any) -> None:
        """Tell every subscriber, in order of subscription."""
        for subscriber in self._told.get(event_type, self._told_of_others):
            try:
                subscriber(event_type, args)
            except Exception:
                self._log.exception("a subscriber of %s failed", event_type.name)

    def wanted(self, event_type: EventType) -> bool:
        """Whether anybody listens, for publishers whose arguments are costly to make."""
        return bool(self._told.get(event_type, self._told_of_others))
