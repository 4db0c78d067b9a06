"""The module of ``outbound-subscription``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asterism.applications.pubsub.outbound.keeper import Keepers
from asterism.applications.pubsub.outbound.objects import OutboundSubscription
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.pubsub.module import PubSubServer

GOODBYE = 2.0
"""Seconds that stopping waits, at most, for others to take note."""


class OutboundSubscriptionModule(Module):
    """Subscribes this server at others."""

    name = "pubsub_outbound_subscription"
    part_of = ("res_pjsip_pubsub",)
    requires = ("pubsub",)
    description = "SIP subscriptions at other servers"

    keepers: Keepers

    def load(self, server: PubSubServer) -> None:
        """Register the object."""
        found = pubsub(server)
        self.keepers = Keepers(found)
        self._log = server.log
        server.data.register_type(OutboundSubscription)
        listeners, listener = found.on_change, self.keepers.handler_came
        listeners.append(listener)
        server.owner.on_release(lambda: listeners.remove(listener))

    def start(self) -> None:
        """Subscribe."""
        self.keepers.start()

    def reload(self) -> None:
        """Try again what was given up; changed objects are followed as they change."""
        self.keepers.retry_given_up()

    async def unload(self) -> None:
        """Unsubscribe, so that no NOTIFYs are sent to a server that is gone."""
        done = asyncio.Event()
        self.keepers.leave(done.set)
        try:
            await asyncio.wait_for(done.wait(), GOODBYE)
        except TimeoutError:
            self._log.notice("not all subscriptions at other servers could be ended in time")
        self.keepers.close()
