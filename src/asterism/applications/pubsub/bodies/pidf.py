"""Presence as PIDF (RFC 3863) with the activities of RPID (RFC 4480): ``application/pidf+xml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.api import BodyGenerator, BodySupplement
from asterism.applications.pubsub.bodies.xml import Document, escape
from asterism.applications.pubsub.packages.extension_state import ExtensionInfo
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module
from asterism.pbx.states.hints import ExtensionState

if TYPE_CHECKING:
    from asterism.applications.pubsub.base import Subscription
    from asterism.applications.pubsub.module import PubSubServer

TYPE = "application/pidf+xml"
_NAMESPACES = (
    'xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" '
    'xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"'
)
_NOTES = {
    ExtensionState.IDLE: "Ready",
    ExtensionState.UNAVAILABLE: "Unavailable",
    ExtensionState.RINGING: "Ringing",
    ExtensionState.INUSE_RINGING: "Ringing",
    ExtensionState.ONHOLD: "On hold",
    ExtensionState.INUSE_HOLD: "On hold",
}
_AT_EASE = frozenset((ExtensionState.IDLE, ExtensionState.UNAVAILABLE))
_PERSON_AT_EASE = (" <dm:person />",)
_PERSON_ON_THE_PHONE = (
    " <dm:person>",
    "  <rpid:activities>",
    "   <rpid:on-the-phone />",
    "  </rpid:activities>",
    " </dm:person>",
)


class PidfGenerator(BodyGenerator):
    """Writes PIDF as Asterisk 22 does."""

    content_type: ClassVar[str] = TYPE
    states: ClassVar[type[Any]] = ExtensionInfo

    def body(self, subscription: Subscription, state: ExtensionInfo) -> Document:
        """The document."""
        known = state.state
        basic = "closed" if known is ExtensionState.UNAVAILABLE else "open"
        children = [
            f" <note>{_NOTES.get(known, 'On the phone')}</note>",
            f' <tuple id="{escape(state.exten)}">',
            "  <status>",
            f"   <basic>{basic}</basic>",
            "  </status>",
            f'  <contact priority="1">{escape(subscription.watcher)}</contact>',
            " </tuple>",
        ]
        children += _PERSON_AT_EASE if known in _AT_EASE else _PERSON_ON_THE_PHONE
        return Document(f'presence entity="{escape(subscription.entity)}" {_NAMESPACES}', children)


class DigiumSupplement(BodySupplement):
    """Adds what Digium's phones read: what a ``CustomPresence`` in the hint says."""

    content_type: ClassVar[str] = TYPE

    def concerns(self, subscription: Subscription) -> bool:
        """Only phones that say that they are of that make."""
        return "digium" in subscription.user_agent.lower()

    def supplement(self, body: Document, subscription: Subscription, state: ExtensionInfo) -> None:
        """One more tuple."""
        presence = state.presence
        subtype = f' subtype="{escape(presence.subtype)}"' if presence.subtype else ""
        body.children += (
            ' <tuple id="digium-presence">',
            "  <status>",
            f'   <digium_presence type="{presence.state}"{subtype}>{escape(presence.message)}</digium_presence>',
            "  </status>",
            " </tuple>",
        )


class PidfModule(Module):
    """Registers the generator."""

    name = "pubsub_pidf"
    aliases = ("res_pjsip_pidf_body_generator",)
    covers = ("res_pjsip_pidf_eyebeam_body_supplement",)
    requires = ("pubsub",)
    description = "Presence as PIDF"

    def load(self, server: PubSubServer) -> None:
        """Write PIDF."""
        pubsub(server).register_body_generator(PidfGenerator())


class DigiumModule(Module):
    """Registers the supplement for Digium's phones."""

    name = "pubsub_pidf_digium"
    aliases = ("res_pjsip_pidf_digium_body_supplement",)
    requires = ("pubsub_pidf",)
    description = "Custom presence in PIDF, for Digium's phones"

    def load(self, server: PubSubServer) -> None:
        """Add to PIDF."""
        pubsub(server).register_body_supplement(DigiumSupplement())
