"""Calls of an extension as dialog-info (RFC 4235): ``application/dialog-info+xml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.api import BodyGenerator
from asterism.applications.pubsub.bodies.xml import Document, escape
from asterism.applications.pubsub.packages.extension_state import ExtensionInfo
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module
from asterism.pbx.states.hints import ExtensionState
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.applications.pubsub.base import Subscription
    from asterism.applications.pubsub.module import PubSubServer
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.party import PartyId

_WORDS = {
    ExtensionState.IDLE: "terminated",
    ExtensionState.UNAVAILABLE: "terminated",
    ExtensionState.RINGING: "early",
}
_HELD = frozenset((ExtensionState.ONHOLD, ExtensionState.INUSE_HOLD))
_ANONYMOUS = ("Anonymous", "sip:anonymous@anonymous.invalid")


class DialogInfoGenerator(BodyGenerator):
    """Writes dialog-info as Asterisk 22 does."""

    content_type: ClassVar[str] = "application/dialog-info+xml"
    states: ClassVar[type[Any]] = ExtensionInfo

    def body(self, subscription: Subscription, state: ExtensionInfo) -> Document:
        """The document."""
        known = state.state
        word = _WORDS.get(known, "confirmed")
        if known is ExtensionState.INUSE_RINGING and subscription.endpoint.notify_early_inuse_ringing:
            word = "early"
        entity = escape(subscription.entity)
        direction, parties = "", []
        if word == "early":
            direction = ' direction="recipient"'
            parties = _parties(state, subscription)
        children = [f' <dialog id="{escape(state.exten)}"{direction}>', *parties, f"  <state>{word}</state>"]
        if known in _HELD:
            children += (
                "  <local>",
                f'   <target uri="{entity}">',
                '    <param pname="+sip.rendering" pvalue="no" />',
                "   </target>",
                "  </local>",
            )
        children.append(" </dialog>")
        root = (
            f'dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{subscription.version}" '
            f'state="full" entity="{entity}"'
        )
        return Document(root, children)


def _parties(state: ExtensionInfo, subscription: Subscription) -> list[str]:
    """Who calls and who is called, as the channel that rings has it; nothing where no channel does (yet)."""
    channel = _ringing(state)
    if channel is None:
        return []
    lines: list[str] = []
    host = Uri.parse(subscription.entity).host
    caller = _identity(channel.connected, host)
    if caller is not None:
        display, uri = caller
        lines += (
            "  <remote>",
            f'   <identity display="{escape(display)}">{escape(uri)}</identity>',
            f'   <target uri="{escape(uri)}" />',
            "  </remote>",
        )
    called = _identity(channel.caller, host)
    if called is not None:
        display, uri = called
        lines += (
            "  <local>",
            f'   <identity display="{escape(display)}">{escape(uri)}</identity>',
            f'   <target uri="{escape(subscription.entity)}" />',
            "  </local>",
        )
    return lines


def _ringing(state: ExtensionInfo) -> Channel | None:
    channels = state.pbx.channels
    for device in state.devices:
        for channel in channels.of_device(device):
            if channel.state is ChannelState.RINGING and not channel.dead:
                return channel
    return None


def _identity(party: PartyId, host: str) -> tuple[str, str] | None:
    """Name and URI of a party; a party that does not want to be shown has neither."""
    if not party.number:
        return None
    if party.private:
        return _ANONYMOUS
    return party.name, str(Uri("sip", party.number, host))


class DialogInfoModule(Module):
    """Registers the generator."""

    name = "pubsub_dialog_info"
    aliases = ("res_pjsip_dialog_info_body_generator",)
    requires = ("pubsub",)
    description = "Calls as dialog-info"

    def load(self, server: PubSubServer) -> None:
        """Write dialog-info."""
        pubsub(server).register_body_generator(DialogInfoGenerator())
