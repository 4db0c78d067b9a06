"""All publications that others have made here: which tag is whose, what is kept, and when the time of each is over."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from asterism.applications.pubsub.api import PublishError
from asterism.applications.pubsub.publication import Part, Publication
from asterism.applications.pubsub.publication_objects import InboundPublication
from asterism.applications.pubsub.publication_stored import PublicationPersistence, PublicationStore
from asterism.core.containment import FAILED, attempt
from asterism.data.data import DataError, DataUnavailableError, Missing
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from asterism.applications.pubsub.api import PublicationHandler
    from asterism.applications.pubsub.registry import PubSub
    from asterism.data.options import ConfiguredObject
    from asterism.data.table import Change


class Publications:
    """The publications of one server."""

    def __init__(self, tables: PubSub) -> None:
        self._tables = tables
        self._core = tables.core
        self.store = PublicationStore(tables)
        self._by_tag: dict[str, Publication] = {}
        self._by_resource: dict[str, dict[Publication, None]] = {}
        self._undo: Callable[[], None] | None = None

    def __len__(self) -> int:
        return sum(map(len, self._by_resource.values()))

    def __iter__(self) -> Iterator[Publication]:
        return iter([one for found in self._by_resource.values() for one in found])

    def of(self, resource: str, event: str = "") -> list[Publication]:
        """The publications for a resource, oldest first; of an event package where one is named."""
        return [one for one in self._by_resource.get(resource, ()) if event in ("", one.event)]

    def get(self, tag: str) -> Publication | None:
        """The publication whose entity tag that is."""
        return self._by_tag.get(tag)

    def size(self, resource: str) -> int:
        """Bytes that the publications for a resource count for."""
        return sum(one.size for one in self._by_resource.get(resource, ()))

    def remaining(self, publication: Publication) -> int:
        """Seconds that are left of a publication."""
        return max(round(publication.ends_at - self._core.layer.timers.clock()), 0)

    # What a PUBLISH asks for. ``done(tag)`` is called once it is durable, ``failed()`` if it cannot be.

    def begin(
        self,
        publication: Publication,
        seconds: int,
        part: Part,
        done: Callable[[str], None],
        failed: Callable[[], None],
    ) -> None:
        """A publication begins."""
        self._change(publication, seconds, part, "on_publish", done, failed)

    def modify(
        self,
        publication: Publication,
        seconds: int,
        part: Part,
        done: Callable[[str], None],
        failed: Callable[[], None],
    ) -> None:
        """Give a publication a new state."""
        self._change(publication, seconds, part, "on_changed", done, failed)

    def refresh(
        self, publication: Publication, seconds: int, done: Callable[[str], None], failed: Callable[[], None]
    ) -> None:
        """Renew a publication for so many seconds."""
        self._change(publication, seconds, None, "on_refreshed", done, failed)

    def remove(self, publication: Publication, done: Callable[[str], None], failed: Callable[[], None]) -> None:
        """End a publication."""
        try:
            tag = self._next(publication)
            self.store.remove(publication)
        except DataError as error:
            self._refused(publication, error, failed)
            return
        self._by_tag.pop(tag, None)

        def committed() -> None:
            self._end(publication)
            done(tag)

        self.store.settled(publication, committed, partial(self._failed, publication, failed))

    def tag(self) -> str:
        """A tag that is given out for nothing that is kept. Raises ``DataError``."""
        return str(self.store.next_tag())

    def _change(
        self,
        publication: Publication,
        seconds: int,
        part: Part | None,
        method: str,
        done: Callable[[str], None],
        failed: Callable[[], None],
    ) -> None:
        name = None
        if part is not None:
            name = attempt(self._tables.log, f"part of {_of(publication)}", None, publication.handler.part, part.state)
        try:
            tag = self._next(publication)
            self.store.save(publication, seconds, name, part)
        except DataError as error:
            self._refused(publication, error, failed)
            return
        self._by_resource.setdefault(publication.resource, {})[publication] = None

        def committed() -> None:
            if not self._known(publication):
                # It ended while a database was waited for.
                self.store.remove_quietly(publication)
                failed()
                return
            publication.kept_tag = tag
            if part is not None:
                publication.take(name, part)
            self._lasts(publication, seconds)
            self._tell(publication, method)
            done(tag)

        self.store.settled(publication, committed, partial(self._failed, publication, failed))

    def _next(self, publication: Publication) -> str:
        """Give it the next tag: the one before is not valid any more, even though nothing is durable yet."""
        tag = str(self.store.next_tag())
        self._by_tag.pop(publication.tag, None)
        publication.tag = tag
        self._by_tag[tag] = publication
        return tag

    def _refused(self, publication: Publication, error: DataError, failed: Callable[[], None]) -> None:
        self._tables.log.error("%r cannot be stored: %s", publication, error)
        self._failed(publication, failed)

    def _failed(self, publication: Publication, failed: Callable[[], None]) -> None:
        """Restore the publication as it was when it was last stored."""
        self._by_tag.pop(publication.tag, None)
        if publication.kept_tag and self._known(publication):
            publication.tag = publication.kept_tag
            self._by_tag[publication.tag] = publication
        else:
            self._forget(publication)
        failed()

    def _lasts(self, publication: Publication, seconds: float) -> None:
        timers = self._core.layer.timers
        publication.ends_at = timers.clock() + seconds
        if publication.timer is not None:
            publication.timer.cancel()
        publication.timer = timers.call_later(seconds, self._expire, publication)

    # The end.

    def _expire(self, publication: Publication) -> None:
        publication.timer = None
        self._tell(publication, "on_expired")
        self.close(publication)

    def close(self, publication: Publication) -> None:
        """End a publication without an answer to send."""
        self.store.remove_quietly(publication)
        self._end(publication)

    def _known(self, publication: Publication) -> bool:
        return publication in self._by_resource.get(publication.resource, ())

    def _end(self, publication: Publication) -> None:
        if self._known(publication):
            self._forget(publication)
            self._tell(publication, "on_terminated")

    def _forget(self, publication: Publication) -> None:
        if publication.timer is not None:
            publication.timer.cancel()
            publication.timer = None
        if self._by_tag.get(publication.tag) is publication:
            del self._by_tag[publication.tag]
        found = self._by_resource.get(publication.resource)
        if found is not None:
            found.pop(publication, None)
            if not found:
                del self._by_resource[publication.resource]

    def handler_gone(self, handler: PublicationHandler) -> None:
        """End what a handler has taken, or leave it for the next start of the server."""
        for publication in self:
            if publication.handler is handler:
                self._leave(publication)

    def endpoint_gone(self, name: str) -> None:
        """End what an endpoint has published that is not configured any more."""
        for publication in self:
            if publication.endpoint == name:
                self.close(publication)

    def stop(self) -> None:
        """End all, or leave it."""
        if self._undo is not None:
            self._undo()
            self._undo = None
        for publication in self:
            self._leave(publication)

    def _leave(self, publication: Publication) -> None:
        if self._tables.stopping():
            self._forget(publication)
        else:
            self.close(publication)

    def _tell(self, publication: Publication, method: str) -> None:
        handler = publication.handler
        attempt(self._tables.log, f"{method} of {_of(publication)}", None, getattr(handler, method), publication)

    # After a restart, and as the configuration changes.

    def asked(self) -> list[tuple[type[ConfiguredObject], str]]:
        """Types and names of objects to load from a database before stored publications can be restored."""
        data = self._core.data
        found: dict[tuple[type[ConfiguredObject], str], None] = {}
        for row in data.all(PublicationPersistence):
            found.update({(Endpoint, row.endpoint): None, (InboundPublication, row.resource): None})
        return [(cls, name) for cls, name in found if data.get(cls, name) is Missing.NOT_LOADED]

    async def start_asking(self, asked: list[tuple[type[ConfiguredObject], str]]) -> None:
        """:meth:`start` after asking; what cannot be asked for now is left for another start."""
        unknown = set()
        for cls, name in asked:
            try:
                await self._core.data.retrieve(cls, name)
            except DataUnavailableError as error:
                self._tables.log.error("what '%s' has to do with publications cannot be known: %s", name, error)
                unknown.add((cls, name))
        self.start(unknown)

    def start(self, unknown: Container[tuple[type[ConfiguredObject], str]] = ()) -> None:
        """Take up what was kept; what cannot go on is forgotten, what hangs on something ``unknown`` is left."""
        for row, left, parts in self.store.restore():
            if (Endpoint, row.endpoint) in unknown or (InboundPublication, row.resource) in unknown:
                continue
            publication = self._taken_up(row, parts)
            if publication is None:
                self.store.drop(row)
                for name, _ in parts:
                    self.store.drop_part(row, name)
                continue
            self._lasts(publication, left)
            method = "on_publish"
            for name, part in parts:
                publication.take(name, part)
                self._tell(publication, method)
                method = "on_changed"
            if not parts:
                self._tell(publication, method)
        self._undo = self._core.data.observe(InboundPublication, self._configured)

    def _taken_up(self, row: PublicationPersistence, parts: list[tuple[str, Part]]) -> Publication | None:
        handler = self._tables.publication_handlers.get(row.event)
        configuration = self.configuration(row.resource, row.endpoint, row.event)
        endpoint = self._core.data.get(Endpoint, row.endpoint)
        if handler is None or not configuration or not isinstance(endpoint, Endpoint):
            self._tables.log.notice(
                "a publication of endpoint '%s' for '%s' (%s) does not go on", row.endpoint, row.resource, row.event
            )
            return None
        tag = str(row.tag)
        publication = Publication(row.id, handler, row.endpoint, row.resource, configuration, tag)
        publication.kept_tag, publication.row = tag, row
        publication.written = {name for name, _ in parts}
        read: list[tuple[str, Part]] = []
        for name, part in parts:
            try:
                state = self.read(handler, part.content_type, part.body)
            except PublishError:
                continue
            read.append((name, part._replace(state=state)))
        parts[:] = read
        self._by_tag[tag] = publication
        self._by_resource.setdefault(row.resource, {})[publication] = None
        return publication

    def configuration(self, resource: str, endpoint: str, event: str) -> str:
        """Name of the object that takes an endpoint's states of a package for a resource; ``""`` if there is none."""
        found = self._core.data.get(InboundPublication, resource)
        if not isinstance(found, InboundPublication) or found.endpoint not in ("", endpoint):
            return ""
        return found.configuration(event.lower())

    def read(self, handler: PublicationHandler, content_type: str, body: bytes) -> Any:
        """The state that a body says. Raises :class:`PublishError`."""
        try:
            state = attempt(
                self._tables.log, f"read of publication handler '{handler.event}'", FAILED, handler.read,
                content_type, body, passing=(PublishError, ParseError),
            )  # fmt: skip
        except ParseError as error:
            raise PublishError(error.status, error.message) from None
        if state is FAILED:
            raise PublishError(500, "the publication handler failed")
        return state

    def _configured(self, change: Change[InboundPublication]) -> None:
        """An inbound-publication was changed or is gone: publications that it does not allow any more end."""
        for publication in self.of(change.item.id):
            now = self.configuration(publication.resource, publication.endpoint, publication.event)
            if now != publication.configuration:
                self.close(publication)


def _of(publication: Publication) -> str:
    return f"publication handler '{publication.event}'"
