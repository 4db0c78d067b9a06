"""One publication that another has made here (RFC 3903): a state that lasts until it is removed or its time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from asterism.applications.pubsub.api import PublicationHandler
    from asterism.applications.pubsub.publication_stored import PublicationPersistence
    from asterism.stack.timers import Timer


class Part(NamedTuple):
    """A part of a publication, as it came and as its handler read it."""

    content_type: str
    body: bytes
    state: Any

    @property
    def size(self) -> int:
        """Bytes that it counts for."""
        return len(self.body) + len(self.content_type)


class Publication:
    """One publication, as publication handlers see it.

    Attributes:
        id: its name in the store.
        handler: whose it is.
        endpoint: the name of the endpoint that publishes.
        resource: for what: the user part of the Request-URI.
        configuration: what ``event_<package>`` of the resource's ``inbound-publication`` says.
        state: what came last, as the handler has read it.
        parts: all that it consists of, by the names that the handler gives; the newest last.
        data: for the handler, and nobody else.
    """

    __slots__ = (
        "configuration",
        "data",
        "endpoint",
        "ends_at",
        "handler",
        "id",
        "kept_tag",
        "parts",
        "resource",
        "row",
        "size",
        "state",
        "tag",
        "timer",
        "written",
    )

    def __init__(
        self, name: str, handler: PublicationHandler, endpoint: str, resource: str, configuration: str, tag: str
    ) -> None:
        self.id = name
        self.handler = handler
        self.endpoint = endpoint
        self.resource = resource
        self.configuration = configuration
        self.tag = tag
        """The entity tag that is valid now (RFC 3903 8.1)."""
        self.kept_tag = ""
        """The entity tag last stored; ``""`` before the first is."""
        self.ends_at = 0.0
        """Time of expiry, on the clock of the timers."""
        self.state: Any = None
        self.parts: dict[str, Part] = {}
        self.size = 0
        """Bytes that its parts count for."""
        self.timer: Timer | None = None
        self.row: PublicationPersistence | None = None
        self.written: set[str] = set()
        """Names of the parts that have a row."""
        self.data: Any = None

    def __repr__(self) -> str:
        return f"<Publication of {self.endpoint} for {self.resource} ({self.handler.event})>"

    @property
    def event(self) -> str:
        """The event package."""
        return self.handler.event

    def take(self, name: str | None, part: Part) -> None:
        """Take a new state; ``name`` is the part's, ``None`` if the part is not kept."""
        self.state = part.state
        if name is None:
            return
        old = self.parts.pop(name, None)
        self.size += part.size - (0 if old is None else old.size)
        self.parts[name] = part
