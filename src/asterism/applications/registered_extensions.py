"""``regcontext``: an AOR that has registered contacts is an extension of that context, with NoOp as priority 1.

So a dialplan whose priorities begin with 2 takes calls for phones only while they are registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asterism.core.module import Module
from asterism.pbx.assembly.server import PbxServer
from asterism.sip.contacts import Contact
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.server import SipServer

if TYPE_CHECKING:
    from asterism.pbx.dialplan.language.contexts import Priority


class RegisteredExtensionsServer(SipServer, PbxServer, Protocol):
    """A server with registrations and a dialplan."""


class RegisteredExtensions(Module):
    """Keeps the extensions of ``regcontext``."""

    name = "registered_extensions"
    part_of = ("res_pjsip",)
    requires = ("res_pjsip",)
    description = "Extensions for registered AORs (regcontext)"

    def __init__(self) -> None:
        self._context = ""
        self._lines: dict[str, Priority] = {}

    def load(self, server: RegisteredExtensionsServer) -> None:
        """Keep the server."""
        self._server = server

    def start(self) -> None:
        """Take up the contacts that there are, and follow registrations; without ``regcontext`` do nothing."""
        self._context = self._server.data.single(GlobalSettings).regcontext
        if not self._context:
            return
        self._server.pbx.dialplan.table.context(self._context, self.name)
        location = self._server.sip.location
        location.on_added.append(self._added)
        location.on_removed.append(self._removed)
        for contact in self._server.data.all(Contact):
            self._added(contact)

    def unload(self) -> None:
        """Take the extensions out again."""
        if not self._context:
            return
        location = self._server.sip.location
        location.on_added.remove(self._added)
        location.on_removed.remove(self._removed)
        for aor in list(self._lines):
            self._drop(aor)
        self._context = ""

    def reload(self) -> None:
        """Follow a change of the option."""
        if self._server.data.single(GlobalSettings).regcontext != self._context:
            self.unload()
            self.start()

    def _added(self, contact: Contact) -> None:
        aor = contact.aor
        if aor in self._lines:
            return
        if aor.startswith("_"):
            self._server.log.warning("AOR '%s' gets no extension in '%s': it would be a pattern", aor, self._context)
            return
        # Straight into the table: observers of the dialplan (for hints) need not look at it again.
        context = self._server.pbx.dialplan.table.context(self._context, self.name)
        try:
            self._lines[aor] = context.add(aor, 1, "NoOp", aor, self.name)
        except ValueError as error:
            self._server.log.warning("AOR '%s' gets no extension: %s", aor, error)

    def _removed(self, contact: Contact) -> None:
        if contact.aor in self._lines and not self._server.sip.location.registered(contact.aor):
            self._drop(contact.aor)

    def _drop(self, aor: str) -> None:
        line = self._lines.pop(aor)
        line.extension.context.remove(line)
