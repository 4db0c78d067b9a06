"""What chan_sip tells of its peers: ``PeerStatus`` with reasons and addresses, ``SIPQualifyPeerDone``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.chan_sip.expired import is_kept
from asterism.chan_sip.habits import TECHNOLOGY
from asterism.chan_sip.objects.general import general_of
from asterism.chan_sip.objects.peer import SipPeer
from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType, Fields
from asterism.hostport import format_host_port
from asterism.sip.contacts import Contact, ContactStatus
from asterism.sip.events import PEER_STATUS
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.qualify import Qualifier
    from asterism.chan_sip.peers import Peers
    from asterism.data.data import Change
    from asterism.sip.contacts import Reachability
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx

REACHABLE, LAGGED, UNREACHABLE = "Reachable", "Lagged", "Unreachable"
CAUSES = {
    "InvalidPassword": "AUTH_SECRET_FAILED",
    "ChallengeResponseFailed": "AUTH_SECRET_FAILED",
    "InvalidAccountID": "AUTH_NOT_FOUND",
    "FailedACL": "AUTH_ACL_FAILED",
    "InvalidTransport": "AUTH_BAD_TRANSPORT",
    "RequestNotAllowed": "AUTH_PEER_NOT_DYNAMIC",
}
"""Causes of ``Rejected`` by the security event of the refusal."""


def _done(peer: str, action_id: str) -> Fields:
    fields = [("Peer", peer)]
    return [*fields, ("ActionID", action_id)] if action_id else fields


QUALIFY_DONE = EventType(
    "SIPQualifyPeerDone",
    "call",
    _done,
    Documentation(
        "A peer of sip.conf was asked whether it answers, by SIPqualifypeer or 'sip qualify peer'.",
        "What comes of it is told by PeerStatus.",
        arguments=(
            Argument("Peer", "Its name."),
            Argument("ActionID", "That of the action, if it had one."),
        ),
        see_also=("SIPqualifypeer", "PeerStatus"),
    ),
)


def ask(core: SipCore, peers: Peers, peer: SipPeer, qualifier: Qualifier | None, action_id: str = "") -> None:
    """Ask a peer whether it answers, and raise ``SIPQualifyPeerDone``: it says that the peer was asked.

    A peer without an address is not; one that is not monitored is asked all the same. ``qualifier`` is ``None`` where
    that module is not loaded.
    """
    contact = peers.contact(peer)
    if contact is not None and qualifier is not None:
        qualifier.qualify(contact)
    core.bus.publish(QUALIFY_DONE, peer.name, action_id)


def state_word(state: Reachability, limit: int) -> str:
    """``Reachable``, ``Lagged`` or ``Unreachable``; ``""`` while nobody knows. ``limit`` is in milliseconds."""
    if state.status is ContactStatus.UNREACHABLE:
        return UNREACHABLE
    if state.status is not ContactStatus.REACHABLE:
        return ""
    return LAGGED if limit and milliseconds(state) > limit else REACHABLE


def milliseconds(state: Reachability) -> int:
    """How long the last answer took, at least 1."""
    return max(int((state.rtt or 0.0) * 1000), 1)


class PeerEvents:
    """Raises PeerStatus for the peers of ``sip.conf``: registrations, reachability and, if wanted, refusals."""

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self._words: dict[str, str] = {}
        """The last word of each contact that is checked."""
        self._undo: list[Callable[[], object]] = []

    def start(self) -> None:
        """Begin to tell."""
        core = self._core
        core.location.on_answered.append(self._answered)
        self._undo.append(lambda: core.location.on_answered.remove(self._answered))
        self._undo.append(core.data.observe(Contact, self._changed))
        security = getattr(core.state, "security", None)
        if security is not None:
            watchers = security.reports.watchers
            watchers.append(self._refused)
            self._undo.append(lambda: watchers.remove(self._refused))

    def stop(self) -> None:
        """Tell nothing more."""
        while self._undo:
            self._undo.pop()()

    def _peer(self, name: str) -> SipPeer | None:
        # What is in memory: a peer that is not there has nobody who asks for it.
        return self._core.data.objects(SipPeer).get(name)

    def _tell(self, name: str, status: str, *more: tuple[str, object]) -> None:
        self._core.bus.publish(PEER_STATUS, name, status, TECHNOLOGY, more)

    def _changed(self, change: Change[Contact]) -> None:
        contact = change.item
        peer = self._peer(contact.aor)
        if peer is None:
            return
        if change.new is not None:
            if is_kept(contact, self._core.location.wall_clock()):
                return  # it has not registered: its end was ignored
            address = address_of(contact)
            if change.old is None and self._core.log.verbosity >= 3:
                self._core.log.verbose(3, "Registered SIP '%s' at %s", peer.name, address)
            self._tell(peer.name, "Registered", ("Address", address))
            return
        self._words.pop(contact.id, None)
        # Another contact in its place is a registration, not the end of one.
        if not self._core.data.find_staged(Contact, "aor", contact.aor):
            if self._core.log.verbosity >= 3:
                self._core.log.verbose(3, "Unregistered SIP '%s'", peer.name)
            self._tell(peer.name, "Unregistered", ("Cause", "Expired"))

    def _answered(self, contact: Contact, state: Reachability) -> None:
        peer = self._peer(contact.aor)
        if peer is None:
            return
        word = state_word(state, peer.qualify)
        before = self._words.get(contact.id)
        if word and before != word:
            self._words[contact.id] = word
            log, name = self._core.log, peer.name
            if word == UNREACHABLE:
                log.notice("Peer '%s' is now UNREACHABLE!", name)
            else:
                log.notice("Peer '%s' is now %s. (%dms / %dms)", name, word, milliseconds(state), peer.qualify)
            self._tell(peer.name, word, *((("Time", -1),) if word == UNREACHABLE else ()))

    def _refused(self, name: str, rx: Rx, _account: str) -> None:
        if rx.request.method != "REGISTER" or name not in CAUSES:
            return
        general = general_of(self._core.data)
        if general is not None and general.authfailureevents:
            user = rx.request.to.uri.user or ""
            self._tell(user, "Rejected", ("Cause", CAUSES[name]), ("Address", format_host_port(*rx.flow.remote)))


def address_of(contact: Contact) -> str:
    """Host and port of a contact."""
    try:
        uri = contact.parsed
    except ParseError:
        return contact.uri
    return format_host_port(uri.host.strip("[]"), uri.port or 5060)
