"""Calls of an extension as dialog-info (RFC 4235): ``application/dialog-info+xml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.api import BodyGenerator
from asterism.applications.pubsub.bodies.xml import Document, any_uri, escape
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
    """Writes dialog-info as Asterisk 22 does, or as its schema has it (``strict_bodies`` of the endpoint)."""

    content_type: ClassVar[str] = "application/dialog-info+xml"
    states: ClassVar[type[Any]] = ExtensionInfo

    def body(self, subscription: Subscription, state: ExtensionInfo) -> Document:
        """The document."""
        known, endpoint = state.state, subscription.endpoint
        word = _WORDS.get(known, "confirmed")
        if known is ExtensionState.INUSE_RINGING and endpoint.notify_early_inuse_ringing:
            word = "early"
        strict = endpoint.strict_bodies
        attributes = ""
        remote = local = None
        if word == "early":
            attributes = ' direction="recipient"'
            channel = _ringing(state)
            if channel is not None:
                # Nobody where no channel rings (yet).
                host = Uri.parse(subscription.entity).host
                remote, local = _identity(channel.connected, host), _identity(channel.caller, host)
        write = _strict if strict else _recorded
        lines = write(subscription.entity, word, remote, local, known in _HELD)
        entity = any_uri(subscription.entity) if strict else escape(subscription.entity)
        root = (
            f'dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{subscription.version}" '
            f'state="full" entity="{entity}"'
        )
        return Document(root, [f' <dialog id="{escape(state.exten)}"{attributes}>', *lines, " </dialog>"])


Party = tuple[str, str] | None
"""Name and URI of a party."""


def _recorded(entity: str, word: str, remote: Party, local: Party, held: bool) -> list[str]:
    """What is in ``dialog``, as Asterisk 22 writes it."""
    target = escape(entity)
    lines: list[str] = []
    if remote is not None:
        lines += _participant("remote", "display", remote, escape(remote[1]))
    if local is not None:
        lines += _participant("local", "display", local, target)
    lines.append(f"  <state>{word}</state>")
    if held:
        lines += (
            "  <local>",
            f'   <target uri="{target}">',
            '    <param pname="+sip.rendering" pvalue="no" />',
            "   </target>",
            "  </local>",
        )
    return lines


def _participant(role: str, name: str, party: tuple[str, str], target: str) -> tuple[str, ...]:
    display, uri = party
    return (
        f"  <{role}>",
        f'   <identity {name}="{escape(display)}">{escape(uri)}</identity>',
        f'   <target uri="{target}" />',
        f"  </{role}>",
    )


def _strict(entity: str, word: str, remote: Party, local: Party, held: bool) -> list[str]:
    """The same in the order and with the names of the schema (RFC 4235 4.4)."""
    lines = [f"  <state>{word}</state>"]
    if local is not None or held:
        target = f'   <target uri="{escape(entity)}"'
        lines += (
            "  <local>",
            *_strict_identity(local),
            *(
                (f"{target}>", '    <param pname="+sip.rendering" pval="no" />', "   </target>")
                if held
                else (f"{target} />",)
            ),
            "  </local>",
        )
    if remote is not None:
        lines += ("  <remote>", *_strict_identity(remote), f'   <target uri="{escape(remote[1])}" />', "  </remote>")
    return lines


def _strict_identity(party: Party) -> tuple[str, ...]:
    if party is None:
        return ()
    display = f' display-name="{escape(party[0])}"' if party[0] else ""
    return (f"   <identity{display}>{any_uri(party[1])}</identity>",)


def _ringing(state: ExtensionInfo) -> Channel | None:
    channels = state.pbx.channels
    for device in state.devices:
        for channel in channels.of_device(device):
            if channel.state is ChannelState.RINGING and not channel.dead:
                return channel
    return None


def _identity(party: PartyId, host: str) -> Party:
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
