"""The module ``pubsub``: subscriptions (``res_pjsip_pubsub``)."""

from __future__ import annotations

from typing import Protocol

from asterism.applications.pubsub.listings import Listings
from asterism.applications.pubsub.lists import ResourceList
from asterism.applications.pubsub.registry import PubSub
from asterism.applications.pubsub.service import SubscriptionService
from asterism.applications.pubsub.stored import SubscriptionPersistence
from asterism.core.module import Module
from asterism.pbx.assembly.server import PbxServer
from asterism.sip.server import SipServer


class PubSubServer(SipServer, PbxServer, Protocol):
    """A server with states to tell."""


class PubSubModule(Module):
    """Registers the service; what can be subscribed to comes from other modules."""

    name = "pubsub"
    aliases = ("res_pjsip_pubsub", "res_sip_pubsub")
    requires = ("sip_authentication",)
    description = "SIP subscriptions"

    pubsub: PubSub

    def load(self, server: PubSubServer) -> None:
        """Register the service."""
        core = server.sip
        self.pubsub = PubSub(server.owner, core, server.log)
        self.pubsub.on_change.append(core.follow_services)
        status = getattr(server, "status", None)
        self.pubsub.stopping = lambda: bool(getattr(status, "stopping", False))
        server.data.register_type(SubscriptionPersistence)
        server.data.register_type(ResourceList)
        core.register_service(SubscriptionService(core, self.pubsub))
        secrets = bool(getattr(server.options, "show_secrets", False))
        server.register_marked(Listings(self.pubsub, show_secrets=secrets))

    def start(self) -> None:
        """Take up what was kept."""
        self.pubsub.store.restore()

    def use_count(self) -> int:
        """How many subscriptions there are."""
        return len(self.pubsub)

    def unload(self) -> None:
        """End what is left."""
        for subscription in self.pubsub:
            self.pubsub.close(subscription)
