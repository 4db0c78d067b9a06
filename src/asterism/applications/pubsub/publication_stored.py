"""Publications that are kept: what was acknowledged is there after a restart, until its time is over."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.applications.pubsub.publication import Part, Publication
from asterism.core.errors import AsterismError
from asterism.data.data import DataError
from asterism.data.kinds import TEXT, UINT
from asterism.data.options import ConfiguredObject, option
from asterism.sip.objects.kinds import Epoch

if TYPE_CHECKING:
    from asterism.applications.pubsub.registry import PubSub

AHEAD = 1000
"""Number of entity tags given out for one row written."""
_TAGS = "tags"


class PublicationPersistence(ConfiguredObject, type="publication_persistence"):
    """One publication that was acknowledged."""

    SOURCES = ("astdb,pubsub",)
    REALTIME = "ps_publication_persistence"
    RUNTIME = True
    EXTENDED = False

    event = option(TEXT, "", "Event package.")
    resource = option(TEXT, "", "What it is for: the name of an inbound-publication.")
    endpoint = option(TEXT, "", "Endpoint that publishes.")
    tag = option(UINT, 0, "Its entity tag.")
    expires = option(Epoch(), 0, "When it ends.")


class PublicationPart(ConfiguredObject, type="publication_part"):
    """A part of a publication, with its body."""

    SOURCES = ("astdb,pubsub",)
    REALTIME = "ps_publication_part"
    RUNTIME = True
    EXTENDED = False

    publication = option(TEXT, "", "The publication.")
    name = option(TEXT, "", "Which part of it.")
    content_type = option(TEXT, "", "What the body is.")
    body = option(TEXT, "", "The body, in base64.")
    tag = option(UINT, 0, "The entity tag that it came with: parts are taken up in this order.")


class PublicationNumbers(ConfiguredObject, type="publication_numbers"):
    """The number that no entity tag has reached: no tag is given out twice, not even after a crash."""

    SOURCES = ("astdb,pubsub",)
    RUNTIME = True
    EXTENDED = False

    tag = option(UINT, 0, "The number.")


class PublicationStore:
    """Keeps the publications of one server."""

    def __init__(self, tables: PubSub, wall_clock: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._data = tables.core.data
        self.wall_clock = wall_clock
        self._last = 0
        self._mark = -1

    def next_tag(self) -> int:
        """The next entity tag. Raises ``DataError`` where it cannot be made sure that it is given out once."""
        if self._mark < 0:
            row = self._data.get_staged(PublicationNumbers, _TAGS)
            self._last = self._mark = 0 if row is None else row.tag
        if self._last >= self._mark:
            mark = self._last + AHEAD
            self._data.put_now(PublicationNumbers(_TAGS, tag=mark))
            self._mark = mark
        self._last += 1
        return self._last

    def save(self, publication: Publication, seconds: int, name: str | None, part: Part | None) -> None:
        """Write a publication, and a part of it, in the current batch. Raises ``DataError``: it cannot be stored."""
        number = int(publication.tag)
        row = publication.row
        if row is None:
            row = PublicationPersistence(publication.id, event=publication.event, resource=publication.resource)
            row.endpoint = publication.endpoint
        else:
            row = row.replace()
        row.tag = number
        row.expires = int(self.wall_clock()) + seconds
        rows: list[ConfiguredObject] = [row]
        if part is not None and name is not None:
            kept = PublicationPart(f"{publication.id}/{name}", publication=publication.id, name=name, tag=number)
            kept.content_type = part.content_type
            kept.body = base64.b64encode(part.body).decode()
            rows.append(kept)
            publication.written.add(name)
        self._data.change_now(rows)
        publication.row = row

    def remove(self, publication: Publication) -> None:
        """Forget a publication's rows in the current batch. Raises ``DataError``."""
        row, publication.row = publication.row, None
        if row is None:
            return
        self._data.delete_now(row)
        for name in publication.written:
            self._data.delete_now(PublicationPart(f"{publication.id}/{name}"))

    def remove_quietly(self, publication: Publication) -> None:
        """Remove a publication without waiting for the outcome; a failure is logged."""
        try:
            self.remove(publication)
        except DataError as error:
            self._tables.log.error("the end of %r cannot be stored: %s", publication, error)

    def settled(self, publication: Publication, committed: Callable[[], object], failed: Callable[[], object]) -> None:
        """Call ``committed`` once what was written for a publication is durable, ``failed`` if it cannot be."""
        data = self._data
        ids = {publication.id}
        if data.embedded(PublicationPersistence) and data.embedded(PublicationPart):
            data.on_settled(PublicationPersistence, committed, failed)
            return

        def parts_written() -> None:
            data.on_settled(PublicationPersistence, committed, failed, ids)

        data.on_settled(PublicationPart, parts_written, failed)

    # After a restart.

    def restore(self) -> list[tuple[PublicationPersistence, float, list[tuple[str, Part]]]]:
        """The stored publications, each with the seconds left and its parts in the order in which they came.

        Expired publications, unreadable rows and parts without a publication are deleted.
        """
        found: dict[str, tuple[PublicationPersistence, float, list[tuple[str, Part]]]] = {}
        now = self.wall_clock()
        for row in self._data.all(PublicationPersistence):
            if row.expires > now:
                found[row.id] = (row, row.expires - now, [])
            else:
                self.drop(row)
        for part in sorted(self._data.all(PublicationPart), key=lambda each: each.tag):
            owner = found.get(part.publication)
            try:
                body = base64.b64decode(part.body, validate=True)
            except (binascii.Error, ValueError):
                owner = None
            if owner is None:
                self.drop(part)
            else:
                owner[2].append((part.name, Part(part.content_type, body, None)))
        return list(found.values())

    def drop_part(self, row: PublicationPersistence, name: str) -> None:
        """Forget a part of a publication that does not go on."""
        self.drop(PublicationPart(f"{row.id}/{name}"))

    def drop(self, row: ConfiguredObject) -> None:
        """Forget one row."""
        try:
            self._data.delete_now(row)
        except AsterismError as error:
            self._tables.log.error("%r cannot be deleted: %s", row, error)
