"""The module ``outbound_publish``: states that this server publishes at others (``res_pjsip_outbound_publish``)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asterism.applications.pubsub.outbound.publications import OutboundPublications
from asterism.applications.pubsub.outbound.publish_object import OutboundPublish
from asterism.applications.pubsub.publication_listings import OutboundListing
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.pubsub.module import PubSubServer

GOODBYE = 2.0
"""Seconds that a stop waits at most for the answers of the other servers."""


class OutboundPublishModule(Module):
    """Publishes what ``outbound-publish`` objects say."""

    name = "outbound_publish"
    aliases = ("res_pjsip_outbound_publish",)
    requires = ("pubsub",)
    description = "States published at other servers"

    publications: OutboundPublications

    def load(self, server: PubSubServer) -> None:
        """Make the type known."""
        server.data.register_type(OutboundPublish)
        self.publications = OutboundPublications(pubsub(server))
        self._log = server.log
        server.register_marked(OutboundListing(self.publications))

    def start(self) -> None:
        """Begin to publish."""
        self.publications.start()

    def reload(self) -> None:
        """Try again what was refused."""
        self.publications.retry_refused()

    def use_count(self) -> int:
        """Number of publications."""
        return sum(len(publication.clients) for publication in self.publications)

    async def unload(self) -> None:
        """Remove what was published, so that nobody relies on a server that is gone."""
        done = asyncio.Event()
        self.publications.stop(done.set)
        try:
            await asyncio.wait_for(done.wait(), GOODBYE)
        except TimeoutError:
            left = len(self.publications.leaving)
            self._log.notice("%d publications at other servers could not be removed in time", left)
