"""The module ``pubsub``: subscriptions and publications (``res_pjsip_pubsub``)."""

from __future__ import annotations

from typing import Protocol

from asterism.applications.pubsub.listings import Listings
from asterism.applications.pubsub.lists import ResourceList
from asterism.applications.pubsub.publication_listings import InboundListing
from asterism.applications.pubsub.publication_objects import AsteriskPublication, InboundPublication
from asterism.applications.pubsub.publication_service import PublicationService
from asterism.applications.pubsub.publication_stored import PublicationNumbers, PublicationPart, PublicationPersistence
from asterism.applications.pubsub.registry import PubSub
from asterism.applications.pubsub.service import SubscriptionService
from asterism.applications.pubsub.stored import SubscriptionPersistence
from asterism.core.module import Module
from asterism.pbx.assembly.server import PbxServer
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.server import SipServer


class PubSubServer(SipServer, PbxServer, Protocol):
    """A server with states to tell."""


class PubSubModule(Module):
    """Registers the service; what can be subscribed to comes from other modules."""

    name = "pubsub"
    aliases = ("res_pjsip_pubsub", "res_sip_pubsub")
    requires = ("sip_authentication",)
    description = "SIP subscriptions and publications"

    pubsub: PubSub

    def load(self, server: PubSubServer) -> None:
        """Register the service."""
        core = server.sip
        self._server = server
        self.pubsub = PubSub(server.owner, core, server.log)
        self.pubsub.on_change.append(core.follow_services)
        status = getattr(server, "status", None)
        self.pubsub.stopping = lambda: bool(getattr(status, "stopping", False))
        server.data.register_type(SubscriptionPersistence)
        server.data.register_type(ResourceList)
        for cls in (InboundPublication, AsteriskPublication):
            server.data.register_type(cls)
        for kept in (PublicationPersistence, PublicationPart, PublicationNumbers):
            server.data.register_type(kept)
        core.register_service(SubscriptionService(core, self.pubsub))
        secrets = bool(getattr(server.options, "show_secrets", False))
        server.register_marked(Listings(self.pubsub, show_secrets=secrets))
        core.register_service(PublicationService(core, self.pubsub))
        server.register_marked(InboundListing(self.pubsub))
        server.data.observe(Endpoint, self.pubsub.endpoint_changed)

    def start(self) -> None:
        """Take up what was kept."""
        asked = self.pubsub.store.restore()
        if asked:
            self._server.spawn(self.pubsub.store.restore_asking(asked), "kept subscriptions")
        publications = self.pubsub.publications
        names = publications.asked()
        if names:
            self._server.spawn(publications.start_asking(names), "kept publications")
        else:
            publications.start()

    def use_count(self) -> int:
        """Number of subscriptions."""
        return len(self.pubsub)

    def unload(self) -> None:
        """End what is left."""
        for subscription in self.pubsub:
            self.pubsub.close(subscription)
        self.pubsub.publications.stop()
