"""The module ``session``: SIP calls as channels (``chan_pjsip`` and ``res_pjsip_session``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asterism.applications.session.actions import SessionActions
from asterism.applications.session.cli import SessionCommands
from asterism.applications.session.functions import SessionFunctions
from asterism.applications.session.header_params import HeaderParameters
from asterism.applications.session.inherited_headers import InheritedHeaders
from asterism.applications.session.items import EXPLAINED
from asterism.applications.session.media_functions import MediaFunctions
from asterism.applications.session.registry import Sessions
from asterism.applications.session.service import SessionService
from asterism.applications.session.technology import PjsipTechnology
from asterism.applications.session.timeouts import SESSION_TIMEOUT
from asterism.core.module import Module
from asterism.pbx.assembly.server import PbxServer
from asterism.sip.devices import device_of
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.server import SipServer

if TYPE_CHECKING:
    from collections.abc import Awaitable


class SessionServer(SipServer, PbxServer, Protocol):
    """A server with everything that calls need."""


class SessionModule(Module):
    """Registers the service, the technology ``PJSIP`` and what shows its channels."""

    name = "session"
    covers = (
        "res_pjsip_header_funcs",
        "func_pjsip_aor",
        "func_pjsip_contact",
        "func_pjsip_endpoint",
        "res_pjsip_dlg_options",
    )
    aliases = ("res_pjsip_session", "chan_pjsip")
    requires = ("res_pjsip",)
    description = "SIP sessions: the channel driver"

    sessions: Sessions

    def load(self, server: SessionServer) -> Awaitable[None] | None:
        """Register everything of the channel driver."""
        core, pbx = server.sip, server.pbx
        self.sessions = Sessions(server.owner, core)
        technology = PjsipTechnology(core, pbx, self.sessions)
        pbx.register_technology(technology)
        self.sessions.register_technology(technology)
        states, listeners = pbx.device_states, core.location.on_available

        def turned(endpoint: Endpoint) -> None:
            states.changed(device_of(endpoint))
            if endpoint.media_encryption == "dtls":
                server.media.context.expect("dtls")
            if endpoint.ice_support:
                server.media.context.expect("ice")

        listeners.append(turned)
        server.owner.on_release(lambda: listeners.remove(turned))
        core.register_service(SessionService(core, pbx, self.sessions, technology))
        server.register_marked(SessionCommands(self.sessions))
        server.register_marked(SessionActions(pbx))
        server.register_events(SESSION_TIMEOUT)
        pbx.register_marked(SessionFunctions(core, self.sessions.technologies))
        pbx.register_marked(InheritedHeaders())
        pbx.register_marked(HeaderParameters())
        pbx.register_marked(MediaFunctions())
        pbx.functions.explain(server.owner, "CHANNEL", "item", EXPLAINED)
        return None

    def unload(self) -> Awaitable[None] | None:
        """End the calls that are left."""
        for session in list(self.sessions.live):
            session.fail(0)
        for session in list(self.sessions.live):
            session.hang_up(0)  # a BYE that waits for an answer waits no more
        for task in list(self.sessions.tasks):
            task.cancel()
        return None

    def reload(self) -> Awaitable[None] | None:
        """Let calls from now on see the new settings."""
        self.sessions.profiles.clear()
        return None

    def use_count(self) -> int:
        """Number of calls."""
        return len(self.sessions.live)
