"""``has_hint``: an endpoint that ``pjsip_wizard.conf`` makes gets an extension with a hint that shows its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from asterism.core.module import Module
from asterism.pbx.assembly.server import PbxServer
from asterism.pbx.dialplan.language.contexts import HINT
from asterism.pbx.dialplan.language.loader import split_application
from asterism.sip.objects.wizard import Wizard
from asterism.sip.server import SipServer

if TYPE_CHECKING:
    from asterism.data.table import Change


class WizardHintsServer(SipServer, PbxServer, Protocol):
    """A server with the wizards' objects and a dialplan."""


class WizardHints(Module):
    """Keeps the hints of the wizards."""

    name = "wizard_hints"
    aliases = ("res_pjsip_config_wizard",)
    requires = ("res_pjsip",)
    description = "Hints of endpoints from pjsip_wizard.conf"

    def __init__(self) -> None:
        self._lines: dict[str, list[Callable[[], None]]] = {}

    def load(self, server: WizardHintsServer) -> None:
        """Keep the server."""
        self._server = server

    def start(self) -> None:
        """Make the hints, and follow changes of the wizards."""
        for wizard in self._server.data.all(Wizard):
            self._add(wizard)
        self._server.data.observe(Wizard, self._changed)

    def unload(self) -> None:
        """Take the hints out again."""
        for name in list(self._lines):
            self._drop(name)

    def _changed(self, change: Change[Wizard]) -> None:
        self._drop(change.item.id)
        if change.new is not None:
            self._add(change.new)

    def _add(self, wizard: Wizard) -> None:
        if not wizard.has_hint:
            return
        context = wizard.hint_context or wizard.value("endpoint", "context") or "default"
        made = self._lines[wizard.id] = []
        lines = [(HINT, f"PJSIP/{wizard.id}", "")]
        if wizard.hint_application:
            lines.append((1, *split_application(wizard.hint_application)))
        for priority, application, data in lines:
            try:
                made.append(
                    self._server.pbx.dialplan.add_extension(
                        None, context, wizard.hint_exten, priority, application, data, registrar=self.aliases[0]
                    )
                )
            except ValueError as error:
                self._server.log.warning(
                    "%s: no hint '%s' in '%s': %s", wizard.position, wizard.hint_exten, context, error
                )

    def _drop(self, name: str) -> None:
        for remove in self._lines.pop(name, ()):
            remove()
