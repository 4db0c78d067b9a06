"""The package ``dialog`` (RFC 4235): the state of an extension, for lamps and for picking up."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.applications.pubsub.packages.extension_publisher import ExtensionPublisher
from asterism.applications.pubsub.packages.extension_state import ExtensionNotifier
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.pubsub.module import PubSubServer


class DialogNotifier(ExtensionNotifier):
    """Calls of extensions."""

    event: ClassVar[str] = "dialog"
    accept: ClassVar[str] = "application/dialog-info+xml"


class DialogModule(Module):
    """Registers the notifier."""

    name = "pubsub_dialog"
    part_of = ("res_pjsip_exten_state",)
    requires = ("pubsub", "pubsub_dialog_info")
    description = "SIP event package dialog"

    def load(self, server: PubSubServer) -> None:
        """Take subscriptions to dialog."""
        found = pubsub(server)
        notifier = DialogNotifier(found, server.pbx)
        found.register_notifier(notifier)
        found.register_publisher(ExtensionPublisher(found, notifier, server.pbx))
