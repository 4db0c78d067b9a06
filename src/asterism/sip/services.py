"""The tables of services and interception steps, kept sorted so that a request only walks a tuple."""

from __future__ import annotations

import bisect
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple

from asterism.core.containment import contained
from asterism.core.errors import DuplicateError
from asterism.sip.service import InterceptionStep, Service

if TYPE_CHECKING:
    from asterism.core.registry import Owner


class ByMethod(dict[str, tuple[Service, ...]]):
    """The services to ask about a request, by its method; worked out when it first comes."""

    __slots__ = ("_services",)

    def __init__(self, services: list[Service]) -> None:
        super().__init__()
        self._services = services

    def __missing__(self, method: str) -> tuple[Service, ...]:
        found = tuple(item for item in self._services if not item.methods or method in item.methods)
        # Methods come from the network: remember only those that a service names.
        if any(method in item.methods for item in self._services):
            self[method] = found
        return found


class ServiceTable:
    """Registered services by priority; ``by_method[method]`` are those to ask about a request."""

    def __init__(self) -> None:
        self._services: list[Service] = []
        self.by_method = ByMethod(self._services)
        self.on_change: Callable[[], None] = lambda: None

    def add(self, owner: Owner, service: Service) -> None:
        """Register; one that cannot be used or started is not registered.

        Raises:
            DuplicateError: The name is taken.
            TypeError: ``methods`` or ``methods_in_dialogs`` is not a set of names.
        """
        if any(found.name == service.name for found in self._services):
            raise DuplicateError(f"SIP service '{service.name}' is already registered")
        if not (isinstance(service.methods, AbstractSet) and isinstance(service.methods_in_dialogs, AbstractSet)):
            raise TypeError(f"the methods of the SIP service '{service.name}' are no set of names")
        bisect.insort(self._services, service, key=lambda item: item.priority)
        undo = owner.on_release(lambda: self.remove(service))
        try:
            self._changed()
            service.start()
        except BaseException:
            undo()
            raise

    def remove(self, service: Service) -> None:
        """Unregister; nothing happens if it is not registered."""
        if service in self._services:
            self._services.remove(service)
            self._changed()
            service.stop()

    def _changed(self) -> None:
        self.by_method.clear()
        self.on_change()

    def __iter__(self) -> Iterator[Service]:
        return iter(tuple(self._services))

    def __len__(self) -> int:
        return len(self._services)


class _Order(NamedTuple):
    """The steps to walk for one method."""

    ordered: tuple[InterceptionStep, ...]
    for_datagrams: tuple[InterceptionStep, ...]


def _order(steps: Sequence[InterceptionStep], method: str) -> _Order:
    asked = tuple(step for step in steps if not step.methods or method in step.methods)
    return _Order(asked, tuple(step for step in asked if not step.connections_only))


class StepTable:
    """Registered interception steps by priority.

    Attributes:
        ordered: all of them.
        by_method: those to walk for a request of a method that some step names, ``others`` for all other methods.
    """

    def __init__(self) -> None:
        self.ordered: tuple[InterceptionStep, ...] = ()
        self.by_method: dict[str, _Order] = {}
        self.others = _Order((), ())

    def add(self, owner: Owner, step: InterceptionStep) -> None:
        """Register; raises :class:`DuplicateError` for a name already taken."""
        if any(found.name == step.name for found in self.ordered):
            raise DuplicateError(f"interception step '{step.name}' is already registered")
        self._set(sorted((*self.ordered, step), key=lambda item: item.priority))
        owner.on_release(lambda: self.remove(step))

    def remove(self, step: InterceptionStep) -> None:
        """Unregister; nothing happens if it is not registered."""
        self._set(item for item in self.ordered if item is not step)

    def _set(self, steps: Iterable[InterceptionStep]) -> None:
        ordered = tuple(steps)
        self.by_method = {method: _order(ordered, method) for step in ordered for method in step.methods}
        self.others = _order(ordered, "")
        self.ordered = ordered

    def __iter__(self) -> Iterator[InterceptionStep]:
        return iter(self.ordered)

    def __len__(self) -> int:
        return len(self.ordered)


def overriding(services: Iterable[Service], name: str, log: logging.Logger) -> tuple[Callable[..., None], ...]:
    """The methods of a name of those services that have one of their own; what they raise is logged, no more."""
    base = getattr(Service, name)
    return tuple(
        contained(getattr(service, name), log, f"{name} of SIP service '{service.name}'", None)
        for service in services
        if getattr(type(service), name) is not base
    )
