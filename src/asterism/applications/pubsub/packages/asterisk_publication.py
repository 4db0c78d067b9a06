"""Common code of the packages ``asterisk-devicestate`` and ``asterisk-mwi``: servers that exchange states.

A body is one JSON object. ``eid`` is the entity id of the server whose state it is; a server ignores states with
its own ``eid``. ``{"type":"refresh"}`` asks for everything anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from asterism.applications.pubsub.api import PublicationHandler, Publisher, PublishError
from asterism.applications.pubsub.publication_objects import AsteriskPublication, Filter
from asterism.config.values import is_true
from asterism.core.regex import RegexError, compile_regex

if TYPE_CHECKING:
    from asterism.applications.pubsub.outbound.publications import OutboundPublication
    from asterism.applications.pubsub.publication import Publication
    from asterism.applications.pubsub.registry import PubSub
    from asterism.data.table import Change
    from asterism.pbx.states.remote import RemoteStates
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx

TYPE = "application/json"
MAX_BODY = 4096
"""Bytes of a body: one state of one name."""
REFRESH = "refresh"


class Told(NamedTuple):
    """One body."""

    kind: str
    eid: str
    name: str = ""
    state: Any = None


def read_body(content_type: str, body: bytes) -> dict[str, Any]:
    """The JSON object of a body with its ``type`` and ``eid``.

    Raises:
        PublishError: it is something else (500, as Asterisk 22 answers).
    """
    if content_type != TYPE:
        raise PublishError(500, f"the body is no {TYPE}")
    if len(body) > MAX_BODY:
        raise PublishError(413, f"the body has more than {MAX_BODY} bytes")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise PublishError(500, "the body is no JSON") from None
    if not isinstance(found, dict):
        raise PublishError(500, "the body is no JSON object")
    for name in ("type", "eid"):
        text_in(found, name)
    return found


def text_in(found: dict[str, Any], name: str, limit: int = 255) -> str:
    """A text of a body. Raises :class:`PublishError` where it is missing, empty, too long or no text."""
    value = found.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limit or not value.isprintable():
        raise PublishError(500, f"'{name}' is missing or no text")
    return value


def number_in(found: dict[str, Any], name: str, most: int) -> int:
    """A count of a body. Raises :class:`PublishError`."""
    value = found.get(name)
    if type(value) is not int or value < 0:
        raise PublishError(500, f"'{name}' is missing or no count")
    return min(value, most)


def written(**fields: str | int) -> str:
    """A body as Asterisk 22 writes it."""
    return json.dumps(fields, separators=(",", ":")) + "\n"


class AsteriskHandler(PublicationHandler):
    """Takes states of one kind.

    What a server has told of a name counts until it tells anew, or until the publication ends in which it told last.
    """

    kind: ClassVar[str] = ""
    """The ``type`` of bodies with a state."""
    option: ClassVar[str] = ""
    """The option of ``asterisk-publication`` that lets them in."""
    publish_option: ClassVar[str] = ""
    """The one that names how to ask for all states."""

    def __init__(self, tables: PubSub, remote: RemoteStates[Any], eid: str) -> None:
        """``remote`` is where states of other servers count."""
        self._remote = remote
        self._tables = tables
        self._data = tables.core.data
        self._eid = eid
        self._tellers: dict[tuple[str, str], Publication] = {}
        """The publication that sent the latest state, by source and name."""
        self._filters: dict[str, Filter] = {}
        self.republish: Callable[[], None] = lambda: None
        """Called when another server asks for all states."""
        self.ask: Callable[[str], None] = lambda _name: None
        """Asks another server for all its states, by the outbound-publish of that name."""
        tables.owner.on_release(self._data.observe(AsteriskPublication, self._configured))

    # What the two kinds do differently.

    def state(self, found: dict[str, Any]) -> tuple[str, Any]:
        """The name and the state in a body. Raises :class:`PublishError`."""
        raise NotImplementedError

    # As a publication handler.

    def new_publish(self, endpoint: Endpoint, resource: str, configuration: str, rx: Rx) -> int:
        """489 where the ``asterisk-publication`` does not want states of this kind; 404 where there is none."""
        found = self._configuration(configuration)
        if found is None:
            return 404
        return 200 if getattr(found, self.option) else 489

    def read(self, content_type: str, body: bytes) -> Told:
        """Parse a body."""
        found = read_body(content_type, body)
        if found["type"] == REFRESH:
            return Told(REFRESH, found["eid"])
        if found["type"] != self.kind:
            raise PublishError(500, f"'{found['type'][:40]}' is no type of body of {self.event}")
        return Told(self.kind, found["eid"], *self.state(found))

    def part(self, state: Told) -> str | None:
        """The newest state of each name is kept, for each server that is told of."""
        return None if state.kind == REFRESH or state.eid == self._eid else f"{state.eid}\t{state.name}"

    def on_publish(self, publication: Publication) -> None:
        """A server begins: it may know more than it tells now."""
        self._take(publication, publication.state)
        configuration = self._configuration(publication.configuration)
        if configuration is not None:
            self.ask(getattr(configuration, self.publish_option))

    def on_changed(self, publication: Publication) -> None:
        """One more state."""
        self._take(publication, publication.state)

    def on_terminated(self, publication: Publication) -> None:
        """Forget what was told last by it."""
        told, publication.data = publication.data or (), None
        for key in told:
            if self._tellers.get(key) is publication:
                del self._tellers[key]
                self._remote.remove(*key)

    def _take(self, publication: Publication, told: Told | None) -> None:
        if told is None or told.eid == self._eid:
            return
        if told.kind == REFRESH:
            self.republish()
            return
        configuration = self._configuration(publication.configuration)
        if configuration is None or not getattr(configuration, self.option):
            return
        expression = getattr(configuration, f"{self.option}_filter")
        if not self._filters.setdefault(configuration.id, Filter()).passes(expression, told.name):
            return
        source = f"{publication.endpoint}/{told.eid}"
        if self._remote.set(source, told.name, told.state):
            key = (source, told.name)
            self._tellers[key] = publication
            if publication.data is None:
                publication.data = {}
            publication.data[key] = None
        else:
            self._tables.log.warning("'%s' of %s is not taken: too many are told of", told.name, publication)

    def _configuration(self, name: str) -> AsteriskPublication | None:
        found = self._data.get(AsteriskPublication, name)
        return found if isinstance(found, AsteriskPublication) else None

    def _configured(self, change: Change[AsteriskPublication]) -> None:
        """Apply a changed ``asterisk-publication``: its filters are made anew and all published states taken again."""
        self._filters.pop(change.item.id, None)
        for publication in self._tables.publications:
            if publication.handler is self and publication.configuration == change.item.id:
                self.on_terminated(publication)
                for part in publication.parts.values():
                    self._take(publication, part.state)


class AsteriskPublisher(Publisher):
    """Publishes states of one kind: all as it begins, and then what changes."""

    option: ClassVar[str] = ""
    """``@<option>`` and ``@<option>_filter`` of an ``outbound-publish`` say what it is told."""
    publish_option: ClassVar[str] = ""
    """The option of ``asterisk-publication`` that names by which the others are asked."""

    def __init__(self, tables: PubSub, eid: str) -> None:
        self._tables = tables
        self._eid = eid
        self._wanted: dict[OutboundPublication, Wanted] = {}

    # What the two kinds do differently.

    def names(self) -> Iterable[str]:
        """Names of everything that has a state on this server."""
        raise NotImplementedError

    def body(self, name: str) -> str:
        """The state of a name, as it is told."""
        raise NotImplementedError

    def follow(self) -> Callable[[], None]:
        """Have :meth:`changed` called from now on; returns the undo."""
        raise NotImplementedError

    # As a publisher.

    def on_start(self, publication: OutboundPublication) -> None:
        """Ask the other server how things are there if it is to be asked, and tell it how they are here."""
        self._wanted[publication] = Wanted(publication, self.option)
        if len(self._wanted) == 1:
            self._undo = self.follow()
        name = publication.config.id
        if any(getattr(one, self.publish_option) == name for one in self._tables.core.data.all(AsteriskPublication)):
            self._ask(publication)
        self._tell_all(publication)

    def on_stop(self, publication: OutboundPublication) -> None:
        """No longer."""
        if self._wanted.pop(publication, None) is not None and not self._wanted:
            self._undo()

    def on_lost(self, publication: OutboundPublication, user: str, sent: str | None) -> None:
        """Tell it all but what it is told anyway."""
        self._tell_all(publication, sent)

    def republish(self) -> None:
        """A server asks for everything; who it is does not say which publication leads to it."""
        for publication in self._wanted:
            self._tell_all(publication)

    def ask(self, name: str) -> None:
        """Ask the server that the ``outbound-publish`` of a name leads to for all its states."""
        for publication in self._wanted:
            if publication.config.id == name:
                self._ask(publication)

    def changed(self, name: str) -> None:
        """The state of a name has changed here."""
        body = ""
        for publication, wanted in self._wanted.items():
            if wanted.passes(name):
                body = body or self.body(name)
                publication.publish(TYPE, body, key=name)

    def _ask(self, publication: OutboundPublication) -> None:
        publication.publish(TYPE, written(type=REFRESH, eid=self._eid), key=REFRESH)

    def _tell_all(self, publication: OutboundPublication, but: str | None = None) -> None:
        wanted = self._wanted[publication]
        for name in self.names():
            if name != but and wanted.passes(name):
                publication.publish(TYPE, self.body(name), key=name)


class Wanted:
    """Selects the states that an ``outbound-publish`` publishes.

    Options: ``@<option>`` (default: yes) and ``@<option>_filter`` (default: all).
    """

    def __init__(self, publication: OutboundPublication, option_name: str) -> None:
        fields = publication.config.fields
        self._any = is_true(fields.get(option_name, "yes"))
        expression = fields.get(f"{option_name}_filter", "")
        self._filter = Filter()
        self._expression = expression
        try:
            compile_regex(expression)
        except RegexError as error:
            publication.complain(f"@{option_name}_filter: {error}; nothing is published")
            self._any = False

    def passes(self, name: str) -> bool:
        """Whether states of ``name`` are published there."""
        return self._any and self._filter.passes(self._expression, name)
