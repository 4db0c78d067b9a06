"""Endpoint identification: which configured endpoint sent a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from enum import Enum
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Protocol

from asterism.core.containment import FAILURES, attempt, report_failure, task_ends
from asterism.core.errors import DuplicateError
from asterism.sip.nat_detection import forces_rport
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.core.registry import Owner
    from asterism.sip.rx import Rx


class Place(Enum):
    """Where in the order an identifier is asked."""

    FIRST = "before all others"
    USUAL = "as endpoint_identifier_order says, then in order of registration"
    LAST = "after all others"


STRANGERS = frozenset(("anonymous", "chan_sip_guest"))
"""The names of identifiers that let in who is not known."""


class EndpointIdentifier(Protocol):
    """Finds the endpoint a request came from, or ``None``; changes nothing.

    One that has nothing to say as long as some collection is empty may name it as its ``subjects``, as interception
    steps do: it is not asked meanwhile.
    """

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """The endpoint, ``None`` when this identifier cannot tell, or an awaitable of either."""


class IdentifierTable:
    """The registered identifiers, in the order they are asked.

    ``[global] endpoint_identifier_order`` comes first; the others follow in order of registration.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, EndpointIdentifier] = {}
        self._places: dict[str, Place] = {}
        self._unnamed: list[EndpointIdentifier] = []
        self._order: tuple[str, ...] = ()
        self.ordered: tuple[tuple[str, EndpointIdentifier, Collection[Any] | None], ...] = ()
        """Each with its name and, where it names such, its subjects."""

    def add(
        self, owner: Owner, identifier: EndpointIdentifier, name: str = "", place: Place = Place.USUAL
    ) -> Callable[[], None]:
        """Register; return the undo. Raises :class:`DuplicateError` for a name already taken.

        One without a name is asked before all that have one, so that ``endpoint_identifier_order`` cannot move it; nor
        does that move one whose ``place`` is not the usual one.
        """
        if not name:
            self._unnamed.append(identifier)
            self._sort()
            return owner.on_release(lambda: self.remove(identifier))
        if name in self._by_name:
            raise DuplicateError(f"endpoint identifier '{name}' is already registered")
        self._by_name[name] = identifier
        self._places[name] = place
        self._sort()
        return owner.on_release(lambda: self.remove(identifier))

    def remove(self, identifier: EndpointIdentifier) -> None:
        """Unregister; nothing happens if it is not registered."""
        if identifier in self._unnamed:
            self._unnamed.remove(identifier)
        for name, found in list(self._by_name.items()):
            if found is identifier:
                del self._by_name[name], self._places[name]
        self._sort()

    def set_order(self, names: Sequence[str]) -> None:
        """Ask the identifiers of these names first, in this order; unknown names are left out."""
        self._order = tuple(names)
        self._sort()

    def _sort(self) -> None:
        unnamed = [("", item) for item in self._unnamed]
        named = {place: dict[str, EndpointIdentifier]() for place in Place}
        for name, item in self._by_name.items():
            named[self._places[name]][name] = item
        usual = named[Place.USUAL]
        ordered = [(name, usual[name]) for name in self._order if name in usual]
        rest = [(name, item) for name, item in usual.items() if name not in self._order]
        asked = (*unnamed, *named[Place.FIRST].items(), *ordered, *rest, *named[Place.LAST].items())
        self.ordered = tuple((name, item, getattr(item, "subjects", None)) for name, item in asked)

    def identify(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """Ask the identifiers in order; the first endpoint found is set on ``rx``."""
        ordered = self.ordered
        for position, (name, identifier, subjects) in enumerate(ordered):
            if subjects is not None and not subjects:
                continue
            try:
                endpoint = identifier.identify_endpoint(rx)
            except ParseError:
                raise
            except FAILURES:
                report_failure(rx.core.log, f"endpoint identifier '{name}'")  # it knows nobody
                continue
            if endpoint is None:
                continue
            if type(endpoint) is not Endpoint and isawaitable(endpoint):
                return self._identify_later(rx, ordered, position, endpoint)
            rx.endpoint = endpoint
            rx.identified_by = name
            if not endpoint.force_rport or (endpoint.detect_nat and not forces_rport(endpoint, rx.request)):
                rx.restore_via()
            return endpoint
        return None

    async def _identify_later(
        self, rx: Rx, ordered: Sequence[tuple[str, Any, Any]], position: int, waiting: Awaitable[Endpoint | None]
    ) -> Endpoint | None:
        found: Endpoint | Awaitable[Endpoint | None] | None = waiting
        while True:
            try:
                endpoint = await found if isawaitable(found) else found
            except ParseError:
                raise
            except FAILURES as error:
                if task_ends(error):
                    raise
                report_failure(rx.core.log, f"endpoint identifier '{ordered[position][0]}'")
                endpoint = None
            if endpoint is not None:
                break
            position += 1
            if position >= len(ordered):
                return None
            found = attempt(
                rx.core.log, f"endpoint identifier '{ordered[position][0]}'", None,
                ordered[position][1].identify_endpoint, rx, passing=(ParseError,),
            )  # fmt: skip
        rx.endpoint = endpoint
        rx.identified_by = ordered[position][0]
        if not forces_rport(endpoint, rx.request):
            rx.restore_via()
        return endpoint

    def __iter__(self) -> Iterator[tuple[str, EndpointIdentifier]]:
        return iter([(name, item) for name, item, _ in self.ordered])

    def __len__(self) -> int:
        return len(self.ordered)
