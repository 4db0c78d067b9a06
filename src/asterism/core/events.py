"""The event bus: synchronous publish and subscribe.

An :class:`EventType` is declared once, as a module-level constant beside the behaviour that
raises it, and registered with its documentation. The manager's fields are rendered only for a
subscriber that asks for them, and what happens in every call is published only where somebody listens.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from asterism.core.calling import require_plain
from asterism.core.containment import FAILURES, report_failure
from asterism.core.documentation import Documentation
from asterism.core.registry import Owner, Registry

Fields = Sequence[tuple[str, object]]
"""Ordered manager fields, ``("Channel", "PJSIP/101-00000001")``; values are turned into text."""

Subscriber = Callable[["EventType", tuple[Any, ...]], None]


class EventType:
    """One kind of event.

    ``name`` is the manager event's name, ``privilege`` its class ("call", "dialplan", "system", ...).
    ``render(*args)`` turns what is published into the manager's fields, in Asterisk's order. Where these
    begin with the fields of the channel that is the first argument, ``tail(*args)`` gives the others: a front
    end may keep the channel's part, which is most of the work and seldom changes.

    ``reader`` is the class that a manager user must have named in ``read`` to get it, where ``privilege`` and ``all``
    do not bring it. ``trailer(*args)`` is what stands behind the last field. One that is ``inner`` is for the server's
    own parts: only who subscribes to it by itself is told, not who wants all events.
    """

    __slots__ = ("documentation", "inner", "name", "privilege", "reader", "render", "tail", "trailer")

    def __init__(
        self,
        name: str,
        privilege: str,
        render: Callable[..., Fields],
        documentation: Documentation,
        tail: Callable[..., Fields] | None = None,
        *,
        reader: str = "",
        trailer: Callable[..., str] | None = None,
        inner: bool = False,
    ) -> None:
        self.name = name
        self.privilege = privilege
        self.render = render
        self.documentation = documentation
        self.tail = tail
        self.reader = reader
        self.trailer = trailer
        self.inner = inner

    def __repr__(self) -> str:
        return f"<EventType {self.name}>"


class Listeners(dict[EventType, tuple[Subscriber, ...]]):
    """Subscribers by event type; for a type without subscribers of its own, the subscribers to all events.

    An inner type has no others than its own.
    """

    __slots__ = ("of_others",)

    def __init__(self) -> None:
        super().__init__()
        self.of_others: tuple[Subscriber, ...] = ()

    def __missing__(self, event_type: EventType) -> tuple[Subscriber, ...]:
        found = self[event_type] = () if event_type.inner else self.of_others
        return found


class EventBus:
    """Synchronous publish and subscribe; one per server.

    A subscriber is called as ``subscriber(event_type, args)`` where ``args`` is what was
    published; it must return soon and may not raise (an exception is logged and ignored).

    ``listeners[event_type]`` is who would be told, often nobody. A publisher of what happens many times in every
    call looks there first: that is a look-up, where ``publish`` and ``wanted`` are calls.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._by_type: dict[EventType, list[Subscriber]] = {}
        self._to_all: list[Subscriber] = []
        self.listeners = Listeners()
        self.types: Registry[EventType] = Registry("event", str.lower)

    def register(self, owner: Owner, *types: EventType) -> None:
        """Make event types known to ``manager show events``."""
        for event_type in types:
            self.types.add(owner, event_type.name, event_type, event_type.documentation)

    def subscribe(self, owner: Owner, event_type: EventType | None, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` for each event of ``event_type`` (``None``: of all but the inner ones); return the undo.

        Raises :class:`~asterism.core.errors.NotAsyncError` for one that is ``async``: nobody would await it.
        """
        require_plain(subscriber, f"a subscriber of {'every event' if event_type is None else event_type.name}")
        subscribers = self._to_all if event_type is None else self._by_type.setdefault(event_type, [])
        subscribers.append(subscriber)
        self._changed()

        def remove() -> None:
            subscribers.remove(subscriber)
            self._changed()

        return owner.on_release(remove)

    def _changed(self) -> None:
        listeners = self.listeners
        listeners.clear()
        listeners.of_others = tuple(self._to_all)
        for event_type, own in self._by_type.items():
            listeners[event_type] = tuple(own) if event_type.inner else (*own, *self._to_all)

    def publish(self, event_type: EventType, *args: Any) -> None:
        """Tell every subscriber, in order of subscription."""
        for subscriber in self.listeners[event_type]:
            try:
                subscriber(event_type, args)
            except FAILURES:
                name = getattr(subscriber, "__qualname__", type(subscriber).__name__)
                report_failure(self._log, f"subscriber {name} of the event {event_type.name}")

    def wanted(self, event_type: EventType) -> bool:
        """Whether anybody listens, for publishers whose arguments are costly to make."""
        return bool(self.listeners[event_type])
