"""Bodies about extensions as ``chan_sip`` writes them, for endpoints with such ``habits.old_bodies``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.pubsub.bodies.xml import Document, escape
from asterism.pbx.states.hints import ExtensionState

if TYPE_CHECKING:
    from asterism.applications.pubsub.base import Subscription
    from asterism.applications.pubsub.packages.extension_state import ExtensionInfo
    from asterism.sip.objects.habits import Habits

Party = tuple[str, str] | None
"""Name and URI of a party."""

_PRESENCE = (
    '<?xml version="1.0" encoding="ISO-8859-1"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" \n'
    'xmlns:pp="urn:ietf:params:xml:ns:pidf:person"\nxmlns:es="urn:ietf:params:xml:ns:pidf:rpid:status:rpid-status"\n'
    'xmlns:ep="urn:ietf:params:xml:ns:pidf:rpid:rpid-person"\nentity="{}">\n'
)
_MSN_PRESENCE = (
    '<?xml version="1.0"?>\n<!DOCTYPE presence PUBLIC "-//IETF//DTD RFCxxxx XPIDF 1.0//EN" "xpidf.dtd">\n<presence>\n'
)
_DIALOG_INFO = (
    '<?xml version="1.0"?>\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{}" state="full" '
    'entity="{}">\n'
)
_NOTES = {
    ExtensionState.IDLE: "Ready",
    ExtensionState.UNAVAILABLE: "Not online",
    ExtensionState.RINGING: "Ringing",
    ExtensionState.INUSE_RINGING: "Ringing",
    ExtensionState.ONHOLD: "On hold",
    ExtensionState.INUSE_HOLD: "On hold",
}
_ACTIVITIES = {ExtensionState.IDLE: "", ExtensionState.UNAVAILABLE: "away"}
_MSN = {
    ExtensionState.IDLE: ("open", "online"),
    ExtensionState.UNAVAILABLE: ("closed", "offline"),
    ExtensionState.ONHOLD: ("closed", "offline"),
    ExtensionState.INUSE_HOLD: ("closed", "offline"),
    ExtensionState.BUSY: ("closed", "offline"),
}
_DIALOGS = {
    ExtensionState.IDLE: "terminated",
    ExtensionState.UNAVAILABLE: "terminated",
    ExtensionState.RINGING: "early",
    ExtensionState.INUSE_RINGING: "early",
}
_RINGING = frozenset((ExtensionState.RINGING, ExtensionState.INUSE_RINGING))
_HELD = frozenset((ExtensionState.ONHOLD, ExtensionState.INUSE_HOLD))


class OldDocument(Document):
    """A document with a beginning of its own; what is no ASCII in it is written so that no encoding can be wrong."""

    __slots__ = ("beginning",)

    def __init__(self, name: str, beginning: str, children: list[str]) -> None:
        super().__init__(name, children)
        self.beginning = beginning

    def __str__(self) -> str:
        text = self.beginning + "\n".join((*self.children, *self.tail, f"</{self.name}>", ""))
        return text if text.isascii() else text.encode("ascii", "xmlcharrefreplace").decode()


def told_state(state: ExtensionState, habits: Habits) -> ExtensionState:
    """The state that subscribers are told, where they are not to hear of ringing or hold."""
    if state in _RINGING:
        quiet = habits.tells_ringing == "no"
        quiet = quiet or (habits.tells_ringing == "notinuse" and state is ExtensionState.INUSE_RINGING)
        return ExtensionState.INUSE if quiet else state
    return ExtensionState.INUSE if state in _HELD and not habits.tells_hold else state


def presence(subscription: Subscription, state: ExtensionInfo) -> OldDocument:
    """PIDF with the activities of an early draft of RPID."""
    known = told_state(state.state, subscription.endpoint.habits)
    activity = _ACTIVITIES.get(known, "busy")
    children = ["<pp:person><status>"]
    if activity:
        children.append(f"<ep:activities><ep:{activity}/></ep:activities>")
    children += (
        "</status></pp:person>",
        f"<note>{_NOTES.get(known, 'On the phone')}</note>",
        f'<tuple id="{escape(state.exten)}">',
        f'<contact priority="1">{escape(subscription.entity)}</contact>',
        f"<status><basic>{'closed' if known is ExtensionState.UNAVAILABLE else 'open'}</basic></status>",
        "</tuple>",
    )
    return OldDocument("presence", _PRESENCE.format(escape(subscription.watcher)), children)


def msn_presence(subscription: Subscription, state: ExtensionInfo) -> OldDocument:
    """XPIDF, of the draft that MSN Messenger took up."""
    status, substatus = _MSN.get(told_state(state.state, subscription.endpoint.habits), ("inuse", "onthephone"))
    children = [
        f'<presentity uri="{escape(subscription.watcher)};method=SUBSCRIBE" />',
        f'<atom id="{escape(state.exten)}">',
        f'<address uri="{escape(subscription.entity)};user=ip" priority="0.800000">',
        f'<status status="{status}" />',
        f'<msnsubstatus substatus="{substatus}" />',
        "</address>",
        "</atom>",
    ]
    return OldDocument("presence", _MSN_PRESENCE, children)


def dialog_info(
    subscription: Subscription, state: ExtensionInfo, caller: Party, called: Party, ids: str
) -> OldDocument:
    """dialog-info of an extension.

    Args:
        subscription: whose it is.
        state: the extension's state.
        caller: who calls, ``None`` where that is not known.
        called: who is called, likewise.
        ids: the attributes of the dialog with the phone that rings, each with a blank before it; may be empty.
    """
    habits, entity = subscription.endpoint.habits, subscription.entity
    known = told_state(state.state, habits)
    word = _DIALOGS.get(known, "confirmed")
    exten = escape(state.exten)
    attributes = ""
    children: list[str] = []
    if word == "early":
        attributes = f'{ids} direction="recipient"'
        if habits.tells_callers:
            unknown = (state.exten, entity)
            children += (*_participant("remote", caller or unknown), *_participant("local", called or unknown))
    children.append(f"<state>{word}</state>")
    if known in _HELD:
        children += (
            "<local>",
            f'<target uri="{escape(entity)}">',
            '<param pname="+sip.rendering" pvalue="no"/>',
            "</target>",
            "</local>",
        )
    beginning = _DIALOG_INFO.format(subscription.version, escape(entity))
    return OldDocument("dialog-info", beginning, [f'<dialog id="{exten}"{attributes}>', *children, "</dialog>"])


def _participant(role: str, party: tuple[str, str]) -> tuple[str, ...]:
    name, uri = party
    return (
        f"<{role}>",
        f'<identity display="{escape(name)}">{escape(uri)}</identity>',
        f'<target uri="{escape(uri)}"/>',
        f"</{role}>",
    )
