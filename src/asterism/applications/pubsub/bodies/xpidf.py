"""Presence as XPIDF, for older phones: ``application/xpidf+xml``, ``application/cpim-pidf+xml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.api import BodyGenerator
from asterism.applications.pubsub.bodies import old_style
from asterism.applications.pubsub.bodies.pidf import strict_presence
from asterism.applications.pubsub.bodies.xml import Document, escape
from asterism.applications.pubsub.packages.extension_state import ExtensionInfo
from asterism.applications.pubsub.registry import pubsub
from asterism.core.identifiers import random_uuid
from asterism.core.module import Module
from asterism.pbx.states.hints import ExtensionState

if TYPE_CHECKING:
    from asterism.applications.pubsub.base import Subscription
    from asterism.applications.pubsub.module import PubSubServer

_WORDS = {
    ExtensionState.IDLE: ("open", "online"),
    ExtensionState.UNAVAILABLE: ("closed", "offline"),
}


class XpidfGenerator(BodyGenerator):
    """Writes XPIDF as Asterisk 22 does."""

    content_type: ClassVar[str] = "application/xpidf+xml"
    states: ClassVar[type[Any]] = ExtensionInfo

    def body(self, subscription: Subscription, state: ExtensionInfo) -> Document:
        """The document."""
        if subscription.endpoint.habits.old_bodies:
            return old_style.msn_presence(subscription, state)
        status, substatus = _WORDS.get(state.state, ("inuse", "onthephone"))
        return Document(
            "presence",
            [
                f' <presentity uri="{escape(subscription.entity)};method=SUBSCRIBE" />',
                f' <atom atomid="{random_uuid()}" id="{escape(state.exten)}">',
                f'  <address uri="{escape(subscription.watcher)};user=ip" priority="0.80000">',
                f'   <status status="{status}" />',
                f'   <msnsubstatus substatus="{substatus}" />',
                "  </address>",
                " </atom>",
            ],
        )


class CpimPidfGenerator(XpidfGenerator):
    """XPIDF under another content type, as in Asterisk 22; with ``strict_bodies`` PIDF, which had this type earlier."""

    content_type: ClassVar[str] = "application/cpim-pidf+xml"

    def body(self, subscription: Subscription, state: ExtensionInfo) -> Document:
        """The document."""
        if subscription.endpoint.strict_bodies:
            return strict_presence(subscription, state)
        return super().body(subscription, state)


class XpidfModule(Module):
    """Registers both generators."""

    name = "pubsub_xpidf"
    aliases = ("res_pjsip_xpidf_body_generator",)
    requires = ("pubsub",)
    description = "Presence as XPIDF"

    def load(self, server: PubSubServer) -> None:
        """Write XPIDF."""
        found = pubsub(server)
        found.register_body_generator(XpidfGenerator())
        found.register_body_generator(CpimPidfGenerator())
