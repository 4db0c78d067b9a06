"""``regcontext`` and ``regexten``: extensions that exist while a peer is registered, with NoOp as priority 1.

So a dialplan whose priorities begin with 2 takes calls for phones only while they are registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.peer import SipPeer
from asterism.core.module import Module
from asterism.pbx.assembly.server import PbxServer
from asterism.sip.contacts import Contact
from asterism.sip.server import SipServer

if TYPE_CHECKING:
    from asterism.data.table import Change
    from asterism.pbx.dialplan.language.contexts import Priority
    from asterism.sip.contacts import Reachability

MOST = 100
"""Extensions that one peer may have."""


class PeerExtensionsServer(SipServer, PbxServer, Protocol):
    """A server with registrations and a dialplan."""


def extensions_of(peer: SipPeer, contexts: list[str]) -> list[tuple[str, str]]:
    """Extensions and contexts of a peer's ``regexten``, else its name; without ``@`` in each of ``regcontext``.

    A context that ``regcontext`` does not have is ``""``.
    """
    found: list[tuple[str, str]] = []
    for part in (peer.regexten or peer.name).split("&")[:MOST]:
        exten, at, context = part.strip().partition("@")
        if not exten:
            continue
        if at:
            found.append((exten, context if context in contexts else ""))
        else:
            found.extend((exten, one) for one in contexts)
    return found


class PeerExtensions(Module):
    """Keeps the extensions of ``regcontext`` of ``sip.conf``."""

    name = "chan_sip_registered_extensions"
    part_of = ("chan_sip",)
    requires = ("chan_sip",)
    description = "Extensions for registered peers of sip.conf (regcontext, regexten)"

    def __init__(self) -> None:
        self._contexts: list[str] = []
        self._on_qualify = False
        self._lines: dict[str, list[Priority]] = {}

    def load(self, server: PeerExtensionsServer) -> None:
        """Follow ``[general]`` and the peers."""
        self._server = server
        server.data.observe(SipGeneral, self._general_changed)
        server.data.observe(SipPeer, self._peer_changed)

    def start(self) -> None:
        """Take up the contacts that there are, and follow registrations; without ``regcontext`` do nothing."""
        general = self._server.data.get(SipGeneral, "general")
        if not isinstance(general, SipGeneral) or not general.regcontext:
            return
        self._contexts = [part.strip() for part in general.regcontext.split("&") if part.strip()]
        self._on_qualify = general.regextenonqualify
        for context in self._contexts:
            self._server.pbx.dialplan.table.context(context, self.name)
        location = self._server.sip.location
        location.on_added.append(self._added)
        location.on_removed.append(self._removed)
        location.on_answered.append(self._answered)
        for contact in self._server.data.all(Contact):
            if location.state(contact).available or not self._on_qualify:
                self._add(contact.aor)

    def unload(self) -> None:
        """Take the extensions out again."""
        if not self._contexts:
            return
        location = self._server.sip.location
        location.on_added.remove(self._added)
        location.on_removed.remove(self._removed)
        location.on_answered.remove(self._answered)
        for name in list(self._lines):
            self._drop(name)
        self._contexts = []

    def _general_changed(self, change: Change[SipGeneral]) -> None:
        if change.old is not None and self._server.sip.started:
            self.unload()
            self.start()

    def _peer_changed(self, change: Change[SipPeer]) -> None:
        name = change.item.id
        if self._contexts and change.old is not None and name in self._lines:
            self._drop(name)
            if change.new is not None:
                self._add(name)

    def _added(self, contact: Contact) -> None:
        self._add(contact.aor)

    def _removed(self, contact: Contact) -> None:
        if not self._server.sip.location.registered(contact.aor):
            self._drop(contact.aor)

    def _answered(self, contact: Contact, state: Reachability) -> None:
        if not self._on_qualify:
            return
        if state.available:
            self._add(contact.aor)
        else:
            self._drop(contact.aor)

    def _add(self, name: str) -> None:
        peer = self._server.data.get(SipPeer, name)
        if name in self._lines or not isinstance(peer, SipPeer):
            return
        lines = self._lines[name] = []
        for exten, context in extensions_of(peer, self._contexts):
            if not context or exten.startswith("_"):
                why = "it would be a pattern" if context else "its context must be in regcontext"
                self._server.log.warning("peer '%s' does not get the extension '%s': %s", name, exten, why)
                continue
            # Straight into the table: observers of the dialplan (for hints) need not look at it again.
            table = self._server.pbx.dialplan.table.context(context, self.name)
            try:
                lines.append(table.add(exten, 1, "NoOp", name, self.name))
            except ValueError as error:
                self._server.log.warning("peer '%s' does not get the extension '%s': %s", name, exten, error)

    def _drop(self, name: str) -> None:
        for line in self._lines.pop(name, ()):
            line.extension.context.remove(line)
