"""Presence as PIDF (RFC 3863) with the activities of RPID (RFC 4480): ``application/pidf+xml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.api import BodyGenerator, BodySupplement
from asterism.applications.pubsub.bodies import old_style
from asterism.applications.pubsub.bodies.xml import Document, any_uri, escape, xml_id
from asterism.applications.pubsub.packages.extension_state import ExtensionInfo
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module
from asterism.pbx.states.hints import ExtensionState

if TYPE_CHECKING:
    from asterism.applications.pubsub.base import Subscription
    from asterism.applications.pubsub.module import PubSubServer

TYPE = "application/pidf+xml"
_STRICT = "strict pidf"
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
_ON_THE_PHONE = "  <rpid:activities>\n   <rpid:on-the-phone />\n  </rpid:activities>\n </dm:person>"


def presence(subscription: Subscription, state: ExtensionInfo) -> Document:
    """The document, as Asterisk 22 writes it."""
    parts: tuple[str, str] | None = state.written.get(TYPE)
    if parts is None:
        known = state.state
        basic = "closed" if known is ExtensionState.UNAVAILABLE else "open"
        person = " <dm:person />" if known in _AT_EASE else f" <dm:person>\n{_ON_THE_PHONE}"
        before = (
            f' <note>{_NOTES.get(known, "On the phone")}</note>\n <tuple id="{escape(state.exten)}">\n'
            f"  <status>\n   <basic>{basic}</basic>\n  </status>\n"
            '  <contact priority="1">'
        )
        parts = state.written[TYPE] = (before, f"</contact>\n </tuple>\n{person}")
    return Document(
        f'presence entity="{escape(subscription.entity)}" {_NAMESPACES}',
        [f"{parts[0]}{escape(subscription.watcher)}{parts[1]}"],
    )


def strict_presence(subscription: Subscription, state: ExtensionInfo) -> Document:
    """The document as the schemas of RFC 3863 and RFC 4479 want it: tuples, notes, person, each with an id of its own.

    The contact is that of who is watched, not of the watcher (RFC 3863 4.1.4).
    """
    parts: tuple[str, str, str] | None = state.written.get(_STRICT)
    if parts is None:
        known = state.state
        basic = "closed" if known is ExtensionState.UNAVAILABLE else "open"
        person = ' <dm:person id="person" />' if known in _AT_EASE else f' <dm:person id="person">\n{_ON_THE_PHONE}'
        before = (
            f' <tuple id="{xml_id(state.exten)}">\n  <status>\n   <basic>{basic}</basic>\n  </status>\n'
            '  <contact priority="1">'
        )
        after = f" <note>{_NOTES.get(known, 'On the phone')}</note>\n{person}"
        parts = state.written[_STRICT] = (before, "</contact>\n </tuple>", after)
    entity = any_uri(subscription.entity)
    return Document(f'presence entity="{entity}" {_NAMESPACES}', [f"{parts[0]}{entity}{parts[1]}"], parts[2:])


class PidfGenerator(BodyGenerator):
    """Writes PIDF as Asterisk 22 does, or as the RFCs' schemas have it (``strict_bodies`` of the endpoint)."""

    content_type: ClassVar[str] = TYPE
    states: ClassVar[type[Any]] = ExtensionInfo

    def body(self, subscription: Subscription, state: ExtensionInfo) -> Document:
        """The document."""
        if subscription.endpoint.habits.old_bodies:
            return old_style.presence(subscription, state)
        return (strict_presence if subscription.endpoint.strict_bodies else presence)(subscription, state)


class DigiumSupplement(BodySupplement):
    """Adds what Digium's phones read: what a ``CustomPresence`` in the hint says."""

    content_type: ClassVar[str] = TYPE

    def concerns(self, subscription: Subscription) -> bool:
        """Only phones that say that they are of that make."""
        return "digium" in subscription.user_agent.lower()

    def supplement(self, body: Document, subscription: Subscription, state: ExtensionInfo) -> None:
        """One more tuple. Its element is no PIDF: where only that is wanted, the message is the tuple's note."""
        presence = state.presence
        if subscription.endpoint.strict_bodies:
            basic = "closed" if presence.state == "unavailable" else "open"
            body.children += (
                ' <tuple id="digium-presence">',
                f"  <status>\n   <basic>{basic}</basic>\n  </status>",
                f"  <note>{escape(presence.message or presence.state)}</note>",
                " </tuple>",
            )
            return
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
