"""The package ``presence`` (RFC 3856): the state of an extension, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.applications.pubsub.packages.extension_publisher import ExtensionPublisher
from asterism.applications.pubsub.packages.extension_state import ExtensionNotifier, follow_presence
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.pubsub.module import PubSubServer


class PresenceNotifier(ExtensionNotifier):
    """Presence of extensions."""

    event: ClassVar[str] = "presence"
    accept: ClassVar[str] = "application/pidf+xml"


class PresenceModule(Module):
    """Registers the notifier."""

    name = "pubsub_presence"
    aliases = ("res_pjsip_exten_state",)
    requires = ("pubsub", "func_presencestate", "pubsub_pidf")
    description = "SIP event package presence"

    def load(self, server: PubSubServer) -> None:
        """Take subscriptions to presence."""
        found = pubsub(server)
        notifier = PresenceNotifier(found, server.pbx)
        found.register_notifier(notifier)
        found.register_publisher(ExtensionPublisher(found, notifier, server.pbx))
        follow_presence(server, notifier)
