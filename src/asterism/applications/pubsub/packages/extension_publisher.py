"""Publishes states of extensions at other servers: ``outbound-publish`` with ``event=presence`` or ``dialog``.

``@context`` and ``@exten`` are expressions that the hint's context and extension must match, ``@body`` is the content
type, the package's own where it is missing. Nothing is published of an extension before its state changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.pubsub.api import Publisher
from asterism.applications.pubsub.base import NOTHING, Subscription
from asterism.applications.pubsub.packages.extension_state import NO_PRESENCE, ExtensionInfo
from asterism.applications.pubsub.subscription import State
from asterism.config.values import is_true
from asterism.core.regex import RegexError, compile_regex
from asterism.pbx.states.hints import ExtensionState, split_devices
from asterism.pbx.vocabulary.events import EXTENSION_STATUS
from asterism.pbx.vocabulary.presence_events import PRESENCE_STATUS
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import ParseError
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.pubsub.api import Notifier
    from asterism.applications.pubsub.outbound.publications import OutboundPublication
    from asterism.applications.pubsub.registry import PubSub
    from asterism.core.events import EventType
    from asterism.pbx.assembly.pbx import Pbx

MAX_USERS = 10_000
"""Extensions that are published in one place."""


class PublishedExtension(Subscription):
    """One extension that is published somewhere: what body generators are given in place of a subscription."""

    __slots__ = ()

    @property
    def event(self) -> str:
        """The package."""
        return self.notifier.event

    @property
    def call_id(self) -> str:
        """Empty: a publication has no dialog."""
        return ""

    @property
    def phase(self) -> State:
        """Always active: every state is published."""
        return State.ACTIVE

    @property
    def remaining(self) -> int:
        """0: it does not expire by itself."""
        return 0

    def written(self, state: ExtensionInfo | None = None) -> tuple[str | bytes, str]:
        """A body and its type, of the last state where none is given; empty where it cannot be written."""
        if state is not None:
            self.state = state
        return self._body()


class _Place:
    """The server and extensions of one ``outbound-publish``."""

    def __init__(self, publication: OutboundPublication, kind: str) -> None:
        fields = publication.config.fields
        self.kind = fields.get("body", "").strip().lower() or kind
        self.strict = is_true(fields.get("strict_bodies", "no"))
        self.extensions: dict[str, PublishedExtension] = {}
        self.sound = True
        try:
            self._context = compile_regex(fields.get("context", ""))
            self._exten = compile_regex(fields.get("exten", ""))
        except RegexError as error:
            publication.complain(f"@context or @exten: {error}; nothing is published")
            self.sound = False

    def wants(self, context: str, exten: str) -> bool:
        """Whether an extension is published there."""
        return self.sound and bool(self._context.search(context) and self._exten.search(exten))


class ExtensionPublisher(Publisher):
    """Publishes extensions, in the words of a notifier's package."""

    def __init__(self, tables: PubSub, notifier: Notifier, pbx: Pbx) -> None:
        self.event = notifier.event  # type: ignore[misc]
        self._tables = tables
        self._notifier = notifier
        self._pbx = pbx
        self._places: dict[OutboundPublication, _Place] = {}
        self._undo: list[Callable[[], None]] = []

    def on_start(self, publication: OutboundPublication) -> None:
        """Follow the hints."""
        self._places[publication] = _Place(publication, self._notifier.accept)
        if not self._undo:
            bus, owner = self._tables.core.bus, self._tables.owner
            self._undo = [
                bus.subscribe(owner, EXTENSION_STATUS, self._state_changed),
                bus.subscribe(owner, PRESENCE_STATUS, self._presence_changed),
            ]

    def on_stop(self, publication: OutboundPublication) -> None:
        """Follow them no more."""
        self._places.pop(publication, None)
        if not self._places:
            while self._undo:
                self._undo.pop()()

    def on_lost(self, publication: OutboundPublication, user: str, sent: str | None) -> None:
        """Publish the last state anew, unless it is on its way."""
        place = self._places.get(publication)
        found = None if place is None or sent is not None else place.extensions.get(user)
        if found is not None and found.state is not NOTHING:
            body, kind = found.written()
            publication.publish(kind, body, user=user)

    def _state_changed(self, _type: EventType, told: tuple[Any, ...]) -> None:
        self._changed(told[1], told[0])

    def _presence_changed(self, _type: EventType, told: tuple[Any, ...]) -> None:
        self._changed(told[1], told[0])

    def _changed(self, context: str, exten: str) -> None:
        info: ExtensionInfo | None = None
        watched = self._pbx.hints.get(context, exten)
        for publication, place in self._places.items():
            if not place.wants(context, exten):
                continue
            if watched is None or watched.state is ExtensionState.REMOVED:
                place.extensions.pop(exten, None)
                publication.withdraw(exten)
                continue
            if info is None:
                _, provider = split_devices(watched.hint)
                kind, _, name = provider.partition(":")
                find = self._pbx.presence.get(kind)
                presence = (None if find is None else find(name)) or NO_PRESENCE
                # Without devices, who calls whom is not told (as in Asterisk 22).
                info = ExtensionInfo(exten, watched.state, presence, (), self._pbx)
            self._publish(publication, place, exten, info)

    def _publish(self, publication: OutboundPublication, place: _Place, exten: str, info: ExtensionInfo) -> None:
        user = exten if publication.config.multi_user else ""
        found = place.extensions.get(user)
        if found is None:
            if len(place.extensions) >= MAX_USERS:
                return
            generator = self._tables.generators.get(place.kind)
            if generator is None or not issubclass(ExtensionInfo, generator.states):
                publication.complain(f"no module writes '{place.kind}' for the event {self.event}")
                return
            try:
                names = _names(publication, user)
            except ParseError as error:
                publication.complain(error.message)
                return
            sender = Endpoint(f"outbound-publish/{publication.config.id}")
            sender.strict_bodies = place.strict
            found = PublishedExtension(self._tables, self._notifier, generator, sender, exten, names)
            place.extensions[user] = found
        body, kind = found.written(info)
        if body:
            publication.publish(kind, body, user=user)


def _names(publication: OutboundPublication, user: str) -> tuple[str, str, str]:
    """Entity, watcher and user agent as they stand in bodies. Raises ``ParseError``."""
    config = publication.config

    def uri(text: str) -> Uri:
        found = Uri.parse(text or config.server_uri)
        return found.replace(user=user or found.user, params={}, headers="", password=None)

    return str(uri(config.from_uri)), str(uri(config.to_uri)), ""
