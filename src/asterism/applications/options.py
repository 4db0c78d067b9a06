"""OPTIONS outside dialogs: what this server can do, and whether an extension exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from asterism.core.module import Module
from asterism.sip.decision import Decision, Outcome
from asterism.sip.server import SipServer
from asterism.sip.service import Service

if TYPE_CHECKING:
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.sip.capabilities import Capabilities
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx

_FOUND = Decision(Outcome.TAKE, "the extension exists, or none was asked for", 200)
_MISSING = Decision(Outcome.TAKE, "no such extension in the endpoint's context", 404)


class OptionsServer(SipServer, Protocol):
    """A server with a dialplan to look extensions up in."""

    pbx: Pbx


class Options(Service):
    """Answers OPTIONS statelessly: 200, or 404 for an extension that does not exist."""

    name: ClassVar[str] = "options"
    part_of: ClassVar[tuple[str, ...]] = ("res_pjsip",)
    priority: ClassVar[int] = 60
    methods: ClassVar[frozenset[str]] = frozenset({"OPTIONS"})

    def __init__(self, core: SipCore, pbx: Pbx) -> None:
        self._core = core
        self._pbx = pbx
        self._said: tuple[Capabilities, tuple[tuple[str, str], ...]] | None = None

    def evaluate(self, rx: Rx) -> Decision:
        """Look the user of the request URI up in the endpoint's context."""
        exten = rx.request.uri.user
        if not exten:
            return _FOUND
        endpoint = rx.endpoint
        context = "default" if endpoint is None else endpoint.habits.options_context or endpoint.context
        return _FOUND if self._pbx.dialplan.exists(context, exten) else _MISSING

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Answer with our capabilities either way."""
        capabilities = self._core.state.capabilities
        said = self._said
        if said is None or said[0] is not capabilities:
            said = self._said = (capabilities, capabilities.headers())
        endpoint = rx.endpoint
        if endpoint is not None and endpoint.habits.own_number and decision.status == 200:
            contact = f"<sip:{self._core.layer.sent_by(rx.flow)}>"
            rx.respond_stateless(200, fixed=(("Contact", contact), *said[1]))
            return
        rx.respond_stateless(decision.status, fixed=said[1])


class OptionsModule(Module):
    """Answers OPTIONS."""

    name = "options"
    aliases = ("res_pjsip_options",)
    requires = ("sip_authentication",)
    description = "Answers to SIP OPTIONS"

    def load(self, server: OptionsServer) -> None:
        """Register the service."""
        server.sip.register_service(Options(server.sip, server.pbx))
