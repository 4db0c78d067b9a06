"""Calls of an extension as dialog-info (RFC 4235): ``application/dialog-info+xml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.api import BodyGenerator
from asterism.applications.pubsub.bodies.old_style import OldDocument, Party, dialog_info
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

TYPE = "application/dialog-info+xml"
_WORDS = {
    ExtensionState.IDLE: "terminated",
    ExtensionState.UNAVAILABLE: "terminated",
    ExtensionState.RINGING: "early",
}
_HELD = frozenset((ExtensionState.ONHOLD, ExtensionState.INUSE_HOLD))
_ANONYMOUS = ("Anonymous", "sip:anonymous@anonymous.invalid")


class DialogInfoGenerator(BodyGenerator):
    """Writes dialog-info as Asterisk 22 does, or as its schema has it (``strict_bodies`` of the endpoint)."""

    content_type: ClassVar[str] = TYPE
    states: ClassVar[type[Any]] = ExtensionInfo

    def body(self, subscription: Subscription, state: ExtensionInfo) -> Document:
        """The document."""
        if subscription.endpoint.habits.old_bodies:
            return old_dialog_info(subscription, state)
        known, endpoint, entity = state.state, subscription.endpoint, subscription.entity
        word = _WORDS.get(known, "confirmed")
        if known is ExtensionState.INUSE_RINGING and endpoint.notify_early_inuse_ringing:
            word = "early"
        strict = endpoint.strict_bodies
        call: Call | None = None
        if word == "early":
            channel = ringing_channel(state)
            if channel is not None:
                # No parties as long as no channel rings.
                ids = dialog_ids(channel) if endpoint.notify_dialog_ids else ""
                call = (channel.connected, channel.caller, ids)
        # Most subscribers of an extension write its URI alike, and are told the same.
        asked = (entity, word, strict, call)
        kept: tuple[object, str] | None = state.written.get(TYPE)
        if kept is None or kept[0] != asked:
            kept = state.written[TYPE] = (asked, _dialog(state, entity, word, strict, call))
        written = any_uri(entity) if strict else escape(entity)
        root = (
            f'dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{subscription.version}" '
            f'state="full" entity="{written}"'
        )
        return Document(root, [kept[1]])


Call = tuple["PartyId", "PartyId", str]
"""Caller, called party, and the attributes that identify the dialog."""


def _dialog(state: ExtensionInfo, entity: str, word: str, strict: bool, call: Call | None) -> str:
    attributes = ""
    remote = local = None
    if word == "early":
        attributes = ' direction="recipient"'
    if call is not None:
        host = Uri.parse(entity).host
        remote, local = identity_of(call[0], host), identity_of(call[1], host)
        attributes = f"{call[2]}{attributes}"
    lines = (_strict if strict else _recorded)(entity, word, remote, local, state.state in _HELD)
    return "\n".join((f' <dialog id="{escape(state.exten)}"{attributes}>', *lines, " </dialog>"))


def dialog_ids(channel: Channel) -> str:
    """The dialog with the phone that rings, as that phone has it (RFC 4235 4.1.2): its own tag is the local one.

    To pick the call up, an INVITE to us has ``Replaces: <call-id>;to-tag=<remote-tag>;from-tag=<local-tag>``
    (RFC 3891 3), as the remote tag is ours.
    """
    driver = channel.driver
    if driver is None:
        return ""
    found = [driver.channel_item(f"pjsip,{name}") for name in ("call-id", "remote_tag", "local_tag")]
    if not all(found):
        return ""
    call_id, local, remote = (escape(text or "") for text in found)
    return f' call-id="{call_id}" local-tag="{local}" remote-tag="{remote}"'


def _recorded(entity: str, word: str, remote: Party, local: Party, held: bool) -> list[str]:
    """Lines of the content of a ``dialog`` element, as Asterisk 22 writes it."""
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
    """The content of ``dialog`` in the order and with the names of the schema (RFC 4235 4.4)."""
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


def ringing_channel(state: ExtensionInfo) -> Channel | None:
    """The channel of the extension's devices that rings, ``None`` if there is none."""
    channels = state.pbx.channels
    for device in state.devices:
        for channel in channels.of_device(device):
            if channel.state is ChannelState.RINGING and not channel.dead:
                return channel
    return None


def identity_of(party: PartyId, host: str) -> Party:
    """Name and URI of a party; a party that does not want to be shown has neither."""
    if not party.number:
        return None
    if party.private:
        return _ANONYMOUS
    return party.name, str(Uri("sip", party.number, host))


def old_dialog_info(subscription: Subscription, state: ExtensionInfo) -> OldDocument:
    """The document as ``chan_sip`` writes it."""
    habits, caller, called, ids = subscription.endpoint.habits, None, None, ""
    if habits.tells_callers:
        channel = ringing_channel(state)
        if channel is not None:
            host = Uri.parse(subscription.entity).host
            caller, called = identity_of(channel.connected, host), identity_of(channel.caller, host)
            ids = dialog_ids(channel)
    return dialog_info(subscription, state, caller, called, ids)


class DialogInfoModule(Module):
    """Registers the generator."""

    name = "pubsub_dialog_info"
    aliases = ("res_pjsip_dialog_info_body_generator",)
    requires = ("pubsub",)
    description = "Calls as dialog-info"

    def load(self, server: PubSubServer) -> None:
        """Write dialog-info."""
        pubsub(server).register_body_generator(DialogInfoGenerator())
