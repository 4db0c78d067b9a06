"""Publications at other servers: a client for each, and the publisher that supplies its states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from asterism.applications.pubsub.outbound.publish_client import Body, ClientState, PublishClient
from asterism.applications.pubsub.outbound.publish_object import OutboundPublish
from asterism.core.containment import attempt

if TYPE_CHECKING:
    from asterism.applications.pubsub.api import Publisher
    from asterism.applications.pubsub.registry import PubSub
    from asterism.data.table import Change

MAX_USERS = 10_000
"""Publications of one object with ``multi_user``."""


class Leaving:
    """Publications that are being removed at their servers."""

    def __init__(self) -> None:
        self._clients: set[PublishClient] = set()
        self._over: Callable[[], object] | None = None

    def __len__(self) -> int:
        return len(self._clients)

    def close(self, client: PublishClient) -> None:
        """Remove one."""
        self._clients.add(client)
        client.close(self._gone)

    def wait(self, over: Callable[[], object]) -> None:
        """Have ``over()`` called when all of them are removed."""
        self._over = over
        self._look()

    def _gone(self, client: PublishClient) -> None:
        self._clients.discard(client)
        self._look()

    def _look(self) -> None:
        if not self._clients and self._over is not None:
            over, self._over = self._over, None
            over()


class OutboundPublication:
    """One ``outbound-publish``, as publishers see it.

    Attributes:
        config: the object; ``config.fields`` are its ``@name`` options.
        clients: its publications by user; without ``multi_user`` there is one, of the user ``""``.
    """

    def __init__(self, tables: PubSub, config: OutboundPublish, leaving: Leaving) -> None:
        self._tables = tables
        self._leaving = leaving
        self.config = config
        self.clients: dict[str, PublishClient] = {}
        self.publisher: Publisher | None = None

    def publish(self, content_type: str, body: str | bytes, key: str = "", user: str = "") -> None:
        """Publish a state, as soon as what is on its way has been answered.

        Args:
            content_type: what the body is.
            body: the state.
            key: of which part of the publication; of each part that waits only the newest is sent.
            user: with ``multi_user``, whose state it is.
        """
        if self.publisher is None:
            return
        name = user if self.config.multi_user else ""
        client = self.clients.get(name)
        if client is None:
            if len(self.clients) >= MAX_USERS:
                return
            client = self.clients[name] = PublishClient(self._tables.core, self.config, name, self._lost)
        client.publish(Body(key, content_type, body))

    def withdraw(self, user: str) -> None:
        """With ``multi_user``: remove what was published for a user."""
        client = self.clients.pop(user, None) if self.config.multi_user else None
        if client is not None:
            self._leaving.close(client)

    def complain(self, text: str) -> None:
        """Log what is wrong with the object's options."""
        self._tables.log.error("outbound-publish '%s': %s", self.config.id, text)

    def _lost(self, client: PublishClient, key: str | None) -> None:
        if self.publisher is not None:
            self._tell("on_lost", self, client.user, key)

    def _tell(self, method: str, *args: object) -> None:
        publisher = self.publisher
        name = f"{method} of publisher '{self.config.event}'"
        attempt(self._tables.log, name, None, getattr(publisher, method), *args)

    # For the table.

    def begin(self, publisher: Publisher) -> None:
        """Begin with a publisher that supplies its states."""
        self.publisher = publisher
        self._tell("on_start", self)

    def end(self) -> None:
        """Remove all that was published."""
        if self.publisher is not None:
            self._tell("on_stop", self)
            self.publisher = None
        for client in self.clients.values():
            self._leaving.close(client)
        self.clients.clear()

    def retry_refused(self) -> None:
        """Try again where credentials were refused: the configuration was read anew."""
        if any(client.status is ClientState.REFUSED for client in self.clients.values()):
            publisher = self.publisher
            self.end()
            if publisher is not None:
                self.begin(publisher)


class OutboundPublications:
    """All of them; follows the objects as they are added, changed and removed, and publishers as they come and go."""

    def __init__(self, tables: PubSub) -> None:
        self._tables = tables
        self._found: dict[str, OutboundPublication] = {}
        self.leaving = Leaving()
        self._undo: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[OutboundPublication]:
        """In the order of their names."""
        return iter([self._found[name] for name in sorted(self._found)])

    def get(self, name: str) -> OutboundPublication | None:
        """The publication of a name."""
        return self._found.get(name)

    def start(self) -> None:
        """Begin to publish."""
        tables = self._tables
        self._undo = tables.core.data.observe(OutboundPublish, self._changed)
        tables.on_publisher.append(self._publisher)
        for config in tables.core.data.all(OutboundPublish):
            self._add(config)

    def stop(self, over: Callable[[], object]) -> None:
        """Remove all that was published; ``over()`` is called when that is done, at the earliest within this call."""
        if self._undo is not None:
            self._undo()
            self._undo = None
            self._tables.on_publisher.remove(self._publisher)
        for publication in self._found.values():
            publication.end()
        self._found.clear()
        self.leaving.wait(over)

    def retry_refused(self) -> None:
        """Try again where credentials were refused."""
        for publication in self:
            publication.retry_refused()

    def _add(self, config: OutboundPublish) -> None:
        publication = self._found[config.id] = OutboundPublication(self._tables, config, self.leaving)
        publisher = self._tables.publishers.get(config.event.lower())
        if publisher is not None:
            publication.begin(publisher)

    def _changed(self, change: Change[OutboundPublish]) -> None:
        old = self._found.pop(change.item.id, None)
        if old is not None:
            old.end()
        if change.new is not None:
            self._add(change.new)

    def _publisher(self, publisher: Publisher, there: bool) -> None:
        for publication in self:
            if publication.config.event.lower() == publisher.event.lower():
                if there:
                    publication.begin(publisher)
                else:
                    publication.end()
